"""docs/guides/upkeep.md names commands, options and settings that there are."""

from __future__ import annotations

import re
from pathlib import Path

import tomli
import typer

from elt.cli.app import app
from elt.project.settings import RetentionTable

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "upkeep.md").read_text("utf-8")


def test_every_option_that_the_guide_shows_is_one_of_its_command():
    commands = typer.main.get_command(app).commands
    shown = re.findall(r"elt (doctor|clean|compact|backup|restore)((?: \S+)*)", PAGE)

    assert {name for name, _ in shown} == {
        "doctor",
        "clean",
        "compact",
        "backup",
        "restore",
    }
    for name, words in shown:
        known = {option for each in commands[name].params for option in each.opts}
        assert set(re.findall(r"(?<= )--[a-z-]+", words)) <= known


def test_the_settings_of_the_guide_are_the_defaults():
    shown = re.search(r"```toml\n(\[retention\].*?)```", PAGE, re.DOTALL)
    written = tomli.loads(shown[1])["retention"]

    defaults = RetentionTable()
    assert written == {name: getattr(defaults, name) for name in written}
    assert len(written) == 3
