from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import typer

from elt.cli.app import app, main
from elt.cli.reference import commands_markdown

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"


def commands(group: Any, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        words = (*prefix, name)
        below = hasattr(command, "commands")
        found += commands(command, words) if below else []
        found += [words] if not below or command.invoke_without_command else []
    return found


ALL = commands(typer.main.get_command(app))


def test_the_reference_of_the_commands_says_what_the_commands_say():
    """`ELT_REWRITE_GOLDEN=1` writes the page anew."""
    page = commands_markdown()
    if os.environ.get("ELT_REWRITE_GOLDEN"):
        PAGE.write_text(page, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == page


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_explains_itself_with_an_example(words, capsys):
    code = main([*words, "--help"])

    said = capsys.readouterr().out
    assert code == 0
    assert "Examples:" in said
    assert f"elt {' '.join(words)}" in said.split("Examples:")[1]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_option_and_argument_has_a_sentence(words):
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]

    assert all(parameter.help for parameter in command.params)


def test_the_short_descriptions_are_not_cut_in_the_list_of_commands(capsys):
    main(["--help"])

    listed = capsys.readouterr().out.split("Commands:")[1]
    assert "..." not in listed
