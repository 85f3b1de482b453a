from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from dbt.config.renderer import ProfileRenderer

from elt.errors import ConfigError
from elt.project.settings import Project
from elt.transform.profile import as_text, write_profile
from elt.transform.yml import read_yml


def rendered(value: Any) -> Any:
    return ProfileRenderer({}).render_value(as_text(value))


def test_the_profile_has_the_projects_name_and_the_environments_target(
    project: Project,
):
    folder = project.private_dir / "dbt"

    name = write_profile(
        folder, project, {"attach": [{"path": "/x.db"}], "secrets": []}
    )

    [(written, profile)] = read_yml(folder / "profiles.yml").items()
    assert name == written == "shop"
    assert profile["target"] == "default"
    assert profile["outputs"]["default"] == {
        "type": "duckdb",
        "path": str(project.warehouse_path),
        "schema": "main",
        "threads": 2,
        "attach": [{"path": "/x.db"}],
        "settings": {"TimeZone": "UTC"},
    }


def test_ones_own_time_zone_wins(project: Project):
    settings = {"TimeZone": "Europe/Berlin"}

    write_profile(project.private_dir, project, {"settings": settings})

    profile = read_yml(project.private_dir / "profiles.yml")
    assert profile["shop"]["outputs"]["default"]["settings"] == settings


def test_only_the_owner_may_read_it(project: Project):
    write_profile(project.private_dir, project, {})
    write_profile(project.private_dir, project, {})

    path = project.private_dir / "profiles.yml"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "secret",
    ["{{ 1 + 1 }}", "{% raw", "12345", "1e5", "None", 'it\'s "quoted"', "ä{ö\\n", "x"],
)
def test_dbt_reads_a_secret_as_it_is(secret: str):
    assert rendered(secret) == secret


def test_a_folder_without_a_dbt_project_is_an_error(project: Project, tmp_path: Path):
    moved = msgspec.structs.replace(project, root=tmp_path / "elsewhere")

    with pytest.raises(ConfigError, match="there is no dbt project"):
        write_profile(tmp_path, moved, {})
