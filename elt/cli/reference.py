"""The reference page of the commands, written from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from inspect import cleandoc
from typing import Any, get_args

import typer

from elt.cli.app import app

_INTRODUCTION = """\
# Commands

<!-- Written by elt.cli.reference from elt/cli/; a test compares. -->

`elt --help` lists the commands, `elt COMMAND --help` explains one. Options of `elt`
itself stand before the command: `elt -C shop run`.

What a command was asked for goes to stdout; what it tells on the way goes to stderr.
On a terminal a run is drawn live, elsewhere it is told in lines; `NO_COLOR=1` takes
the colours away. `ELT_DEBUG=1` shows the traceback of an unexpected error, which is
otherwise saved as `.elt/crash-*.log`, without the project's secrets.

`elt --install-completion` lets your shell complete commands and options.

## Exit codes

| code | meaning |
|---|---|
| 0 | done; what only warns is done too, unless `--strict` makes it 3 |
| 1 | a step failed |
| 2 | wrong usage or configuration |
| 3 | data tests or guards stopped something; 1 counts more |
| 75 | try again later: another run is under way, or something does not answer |
| 130, 143 | interrupted by Ctrl-C, by SIGTERM |
| 141 | whoever read the output has left: `elt query ... \\| head` |
"""
# What every command has, and what depends on the shell that asks.
_LEFT_OUT = {"--help", "--install-completion", "--show-completion"}


def commands_markdown() -> str:
    """Write the whole page."""
    # The types of the click that typer carries along have no public names.
    group: Any = typer.main.get_command(app)
    parts = [_INTRODUCTION, *_section(group, "elt", level=2)]
    for name, command in _commands(group, "elt"):
        parts += _section(command, name, level=2)
    return "\n".join(parts)


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if getattr(command, "invoke_without_command", False):
            yield f"{prefix} {name}", command
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _section(command: Any, name: str, *, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{name}`\n"
    yield cleandoc(command.help or "") + "\n"
    rows = [row for each in command.params if (row := _row(each))]
    if rows:
        yield "\n".join(("| | |", "|---|---|", *rows)) + "\n"
    yield _examples(command.epilog or "")


def _row(parameter: Any) -> str:
    """Write one argument or option as a row; nothing for some options."""
    if _LEFT_OUT & set(parameter.opts):
        return ""
    names = ", ".join(f"`{name}`" for name in _names(parameter))
    about = (parameter.help or "").replace("|", "\\|")
    return f"| {names} | {about}{_choices(parameter)}{_default(parameter)} |"


def _names(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
        return [f"{name}..." if parameter.nargs == -1 else name]
    value = "" if parameter.is_flag else f" {parameter.metavar or _value(parameter)}"
    *others, last = parameter.opts
    return [*others, f"{last}{value}"]


def _value(parameter: Any) -> str:
    return "NUMBER" if parameter.name in {"jobs", "limit"} else "WORD"


def _choices(parameter: Any) -> str:
    described = getattr(parameter, "type_descriptor", None)
    annotation = getattr(described, "annotation", None)
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, Enum):
            return " One of " + ", ".join(f"`{m.value}`" for m in kind) + "."
    return ""


def _default(parameter: Any) -> str:
    default = getattr(parameter.default, "value", parameter.default)
    if default is None or default is False or not parameter.show_default:
        return ""
    return f" Default: `{default}`."


def _examples(epilog: str) -> str:
    lines = [line for line in epilog.splitlines() if line.startswith("  ")]
    return "\n".join(("```", *(line[2:] for line in lines), "```\n"))
