"""Asking before something is lost."""

from __future__ import annotations

import sys

import typer

from elt.cli.options import note
from elt.errors import ConfigError

NO_EXIT_CODE = 1


def agree(question: str, *, yes: bool) -> None:
    """Go on only with a person's consent, given by `--yes` or on the terminal.

    Raises ConfigError where there is nobody to ask.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError(
            "this needs your consent, and there is no terminal to ask on",
            hint="Add `--yes`",
        )
    if not typer.confirm(question, err=True):
        note("Nothing was changed.")
        raise typer.Exit(NO_EXIT_CODE)
