"""docs/guides/singer-taps.md: its TOML is a project, its packages can be ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from elt.errors import ConfigError
from elt.project.load import load_project
from elt.singer.packages import packages_of
from elt.singer.requirements import parse_spec

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "singer-taps.md"
TEXT = GUIDE.read_text("utf-8")


@pytest.mark.parametrize("toml", re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL))
def test_each_example_is_a_project(tmp_path, toml):
    (tmp_path / "elt.toml").write_text(f'[project]\nname = "guide"\n{toml}')

    (package,) = packages_of(load_project(tmp_path))

    assert package.spec.label.startswith("meltanolabs-tap-")


@pytest.mark.parametrize("package", re.findall(r'^\| `"(.+?)"`', TEXT, re.MULTILINE))
def test_each_kind_of_package_is_understood(tmp_path, package):
    if package.startswith("./"):
        with pytest.raises(ConfigError, match="does not exist"):
            parse_spec(package, tmp_path)
    else:
        assert parse_spec(package, tmp_path).label == "tap-x" or "github" in package
