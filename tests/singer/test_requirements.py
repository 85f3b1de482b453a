from __future__ import annotations

import pytest

from elt.errors import ConfigError
from elt.singer.requirements import (
    Requirement,
    content_of,
    looks_of,
    parse_spec,
    without_passwords,
)


def texts(text: str, root) -> list[str]:
    return [each.text for each in parse_spec(text, root).requirements]


@pytest.mark.parametrize(
    ("text", "requirements"),
    [
        ("tap-github==1.30", ["tap-github==1.30"]),
        ("tap-x[s3, gcs] >= 1, < 2", ["tap-x[s3,gcs]>=1,<2"]),
        ("tap-x  setuptools < 81", ["tap-x", "setuptools<81"]),
        ("tap-x 'words ~= 1.0'", ["tap-x", "words~=1.0"]),
        ("tap-x @ git+https://h/o/x@v1", ["tap-x@git+https://h/o/x@v1"]),
        ("git+ssh://git@h/o/x.git#subdirectory=a", None),
    ],
)
def test_a_package_is_taken_apart_however_it_is_spaced(tmp_path, text, requirements):
    assert texts(text, tmp_path) == (requirements or [text])


@pytest.mark.parametrize(
    ("text", "label", "name"),
    [
        ("MeltanoLabs_tap.github==1.30", "meltanolabs-tap-github", None),
        ("git+https://h/o/tap-x.git@main", "tap-x", ""),
        ("tap-x[s3] @ https://h/x.whl", "tap-x", None),
        ("./taps/Tap-Shop", "tap-shop", ""),
    ],
)
def test_a_package_has_a_name_for_people(tmp_path, text, label, name):
    (tmp_path / "taps" / "Tap-Shop").mkdir(parents=True)

    spec = parse_spec(text, tmp_path)

    assert spec.label == label
    assert spec.requirements[0].name == (label if name is None else name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("tap-x 'open", "is no package"),
        ("--pre tap-x", "`--pre` is an option"),
        ("./nowhere", "`./nowhere` does not exist"),
    ],
)
def test_what_cannot_be_a_package_is_an_error(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        parse_spec(text, tmp_path)


def test_a_path_is_seen_from_the_project_and_may_have_extras(tmp_path):
    (tmp_path / "tap-x").mkdir()

    requirement = parse_spec("./tap-x[s3]", tmp_path).requirements[0]

    assert requirement == Requirement(f"{tmp_path}/tap-x[s3]", "", tmp_path / "tap-x")


def test_a_repository_is_known_without_revision_and_password():
    tap = Requirement("tap-x@git+https://me:pw@h/o/x.git@main#egg=x")

    assert tap.repository == "https://h/o/x.git"
    assert tap.at("abc") == "tap-x@git+https://me:pw@h/o/x.git@abc#egg=x"
    assert tap.at(None) == tap.text


def test_passwords_are_no_part_of_what_is_shown(tmp_path):
    text = "git+https://me:s3cret@h/o/x.git"

    assert "s3cret" not in parse_spec(text, tmp_path).text
    assert without_passwords(f"cloning {text}") == "cloning git+https://***@h/o/x.git"


def test_what_a_build_or_an_editor_leaves_is_no_edit(tmp_path):
    tap = tmp_path / "tap"
    (tap / "src").mkdir(parents=True)
    (tap / "src" / "a.py").write_text("1")
    spec = parse_spec("./tap", tmp_path)
    before = content_of(looks_of(spec))

    for left in (".git/x", "build/x", "a.egg-info/x", "src/__pycache__/x", ".venv/x"):
        (tap / left).parent.mkdir()
        (tap / left).write_text("x")
    (tap / "src" / "a.py").write_text("1")
    assert content_of(looks_of(spec)) == before

    (tap / "src" / "a.py").write_text("2")
    assert content_of(looks_of(spec)) != before
