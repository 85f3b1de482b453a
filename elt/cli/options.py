"""What several commands share: their options, their examples, their project."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from elt.cli import completion

if TYPE_CHECKING:
    from elt.events import Event
    from elt.project.settings import Project
    from elt.runner.plan import OnOverlap
    from elt.warehouse.duckdb import Warehouse

Command = TypeVar("Command", bound=Callable[..., None])


class LogFormat(StrEnum):
    AUTO = "auto"
    PLAIN = "plain"
    JSON = "json"
    GITHUB = "github"
    GITLAB = "gitlab"


class Guard(StrEnum):
    """The guards of syncs that a person may waive for one run."""

    ADDED = "added"
    BASELINE = "baseline"
    CHANGED = "changed"
    EMPTY = "empty"
    FIRST = "first"
    MOVED = "moved"
    REMOVED = "removed"
    STALE = "stale"


Environment = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="NAME",
        help="Lay `[environments.NAME]` over the rest.",
        autocompletion=completion.environments,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to stdout.")]
Selection = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SELECTION",
        help="What to run, in dbt's words: `orders`, `+orders`, `tap:crm+`,"
        " `sync:health`, `tag:daily`, `owner:ann`, `path:models/crm`,"
        " `state:modified+`, `selector:NAME`. Nothing: everything.",
        show_default=False,
        autocompletion=completion.selections,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="SELECTION",
        help="What to leave out; may be repeated.",
        autocompletion=completion.selections,
    ),
]
FromStep = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="STEP",
        help="Of what is selected, only this step or asset of the plan, and what is"
        " below it.",
        show_default=False,
        autocompletion=completion.steps,
    ),
]
SinceLastSuccess = Annotated[
    bool,
    typer.Option(
        "--since-last-success",
        help="Only the time from the end of this selection's last good window until"
        " now; `elt backfill` makes the first.",
    ),
]
Junit = Annotated[
    Path | None,
    typer.Option(
        "--junit",
        metavar="FILE",
        help="Write the result as JUnit XML, however the run ends.",
    ),
]
FullRefresh = Annotated[
    bool,
    typer.Option(
        "--full-refresh", help="Read all of each stream, rebuild incremental models."
    ),
]

Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", metavar="NUMBER", min=1, help="Steps side by side."),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Exit with 3 where a run only warns.")
]
First = Annotated[
    bool, typer.Option("--first", help="Let a sync send for the first time.")
]
Accept = Annotated[
    list[Guard] | None,
    typer.Option(
        "--accept", help="Waive a guard of the syncs, this once; may be repeated."
    ),
]
RunLog = Annotated[
    LogFormat,
    typer.Option("--log-format", help="How a run tells what it does, on stderr."),
]
OverlapWays = Annotated[
    str,
    typer.Option(
        "--on-overlap",
        metavar="fail|skip|wait[=10m]",
        help="What to do while another run goes on.",
    ),
]
Reason = Annotated[
    str,
    typer.Option("--reason", metavar="TEXT", help="Why; kept beside your name."),
]


def examples(*lines: tuple[str, str]) -> Callable[[Command], Command]:
    """Give a command its examples: pairs of a command line and what it does."""

    def mark(command: Command) -> Command:
        command.__dict__["examples"] = lines
        return command

    return mark


def examples_text(command: Callable[..., None]) -> str:
    lines = command.__dict__["examples"]
    width = max(len(line) for line, _ in lines)
    shown = "\n".join(f"  {line:<{width}}  {what}".rstrip() for line, what in lines)
    return f"\b\nExamples:\n{shown}"


def open_project(context: typer.Context, environment: str | None = None) -> Project:
    """Load the project around the working directory, or that of `-C`."""
    from elt.project.load import load_project

    return load_project(project_folder(context), environment)


def project_folder(context: typer.Context) -> Path | None:
    """Give the folder of `elt -C DIR`, None where it was not given."""
    found = context.find_root().obj
    return found if isinstance(found, Path) else None


def project_warehouse(project: Project) -> Warehouse:
    """Give the project's warehouse as elt itself opens it; nothing is opened yet."""
    from elt.project.secrets import Secrets
    from elt.warehouse.duckdb import warehouse_of

    return warehouse_of(project, Secrets(project.root), on_wait=note)


def print_json(document: object) -> None:
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False, default=str)
    sys.stdout.write("\n")


def say(text: str = "") -> None:
    """Write a line of data to stdout."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Write a line of narration to stderr."""
    sys.stderr.write(f"{text}\n")


def note_of_elt(event: Event) -> None:
    """Listen for what keeps elt itself busy, such as an installation."""
    from elt.events import LogLine

    match event:
        case LogLine(source="elt", step=step, text=text):
            note(f"{step}  {text}" if step else text)
        case _:
            pass


def on_overlap_of(text: str) -> tuple[OnOverlap, float | None]:
    """Read `--on-overlap`: what to do, and for how many seconds to wait at most."""
    from elt.errors import ConfigError
    from elt.project.durations import seconds_of

    how, equals, limit = text.partition("=")
    match how:
        case "wait" if equals:
            return "wait", seconds_of(limit)
        case "fail" | "skip" | "wait" if not equals:
            return how, None
        case _:
            raise ConfigError(
                f"`--on-overlap {text}` is none of its ways",
                hint="Use `fail`, `skip`, `wait`, or `wait=10m` to wait no longer",
            )
