from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from elt.transform import fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a dbt project, old enough for its times to be trusted."""
    project = tmp_path / "dbt"
    for name, text in {
        "dbt_project.yml": "name: shop",
        "models/a.sql": "SELECT '{{ env_var(\"REGION\", 'eu') }}'",
        "README.md": "hello",
    }.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (1, 1))
    return project


def store(folder: Path, environ: dict[str, str] | None = None) -> Path:
    path = folder.parent / "fingerprint.json"
    fingerprint.store(fingerprint.take(folder, "v1", environ=environ or {}), path)
    return path


def matches(path: Path, folder: Path, environ: dict[str, str] | None = None) -> bool:
    return fingerprint.matches(path, folder, "v1", environ=environ or {})


def test_an_unchanged_project_matches(folder: Path):
    assert matches(store(folder), folder)


def test_nothing_stored_does_not_match(folder: Path):
    assert not matches(folder / "none.json", folder)


def test_a_touched_file_still_matches(folder: Path):
    path = store(folder)

    (folder / "models/a.sql").touch()

    assert matches(path, folder)
    assert matches(path, folder)


def test_a_changed_file_of_the_same_size_and_time_does_not_match(folder: Path):
    model = folder / "models/a.sql"
    path = store(folder)

    model.write_text(model.read_text().replace("SELECT", "select"))
    os.utime(model, (1, 1))

    assert not matches(path, folder)


@pytest.mark.parametrize(
    "name", ["models/new.sql", "seeds/new.csv", "packages.yml", "macros/x/new.sql"]
)
def test_a_new_file_does_not_match(folder: Path, name: str):
    path = store(folder)

    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("x")

    assert not matches(path, folder)


def test_a_removed_file_does_not_match(folder: Path):
    path = store(folder)

    (folder / "models/a.sql").unlink()

    assert not matches(path, folder)


@pytest.mark.parametrize("name", ["README.md", "target/run.sql", "models/.hidden"])
def test_what_dbt_does_not_parse_does_not_matter(folder: Path, name: str):
    path = store(folder)

    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("changed")

    assert matches(path, folder)


def test_a_variable_that_a_model_reads_matters(folder: Path):
    path = store(folder, {"REGION": "us", "OTHER": "1"})

    assert matches(path, folder, {"REGION": "us", "OTHER": "2"})
    assert not matches(path, folder, {"REGION": "eu"})
    assert not matches(path, folder, {})


def test_another_profile_does_not_match(folder: Path):
    path = store(folder)

    assert not fingerprint.matches(path, folder, "v2", environ={})


def test_a_thousand_files_are_compared_quickly(folder: Path):
    for number in range(1000):
        file = folder / "models" / f"m{number}.sql"
        file.write_text("SELECT 1")
    path = store(folder)
    matches(path, folder)

    began = time.perf_counter()
    same = matches(path, folder)
    seconds = time.perf_counter() - began

    assert same
    assert seconds < 2.5  # 15 to 40 ms on an idle machine
