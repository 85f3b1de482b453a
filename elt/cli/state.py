"""`elt state list`, `show`, `history` and `export`: how far each tap has been read."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli import completion
from elt.cli.options import (
    AsJson,
    Environment,
    examples,
    note,
    open_project,
    print_json,
    say,
)
from elt.errors import ConfigError
from elt.report.figures import local

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.runner.store.state import StateVersion
    from elt.runner.tap_states import StreamState, TapState

Tap = Annotated[
    str,
    typer.Argument(metavar="TAP", help="A tap.", autocompletion=completion.taps),
]
Stream = Annotated[
    str | None, typer.Argument(metavar="STREAM", help="Only this stream of it.")
]
Taps = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TAP",
        help="Taps; none means all.",
        show_default=False,
        autocompletion=completion.taps,
    ),
]


class Format(StrEnum):
    ELT = "elt"
    SINGER = "singer"
    MELTANO = "meltano"


@examples(
    ("elt state list", "every stream: its bookmark, when it was written, by which run"),
    ("elt state list crm --json", "one tap, for programs"),
)
def list_(
    context: typer.Context,
    taps: Taps = None,
    *,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """List how far each stream has been read."""
    from elt.runner.tap_states import history_of, of_tap, stream_states

    project = open_project(context, environment)
    held = states_of(project)
    chosen = [of_tap(held, tap) for tap in taps or held]
    lines = [
        line
        for each in chosen
        for line in stream_states(each, history_of(project, each))
    ]
    if as_json:
        print_json([asdict(line) for line in lines])
        return
    if not lines:
        note("This project has no taps.")
        return
    _print_list(lines)


@examples(
    ("elt state show crm", "the whole state, exactly as the tap wrote it"),
    ("elt state show crm orders", "one stream's bookmark"),
    ("elt state show crm --version 3", "as it was once; see `elt state history`"),
)
def show(
    context: typer.Context,
    tap: Tap,
    stream: Stream = None,
    *,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="An earlier version.")
    ] = None,
    environment: Environment = None,
) -> None:
    """Show a tap's state, or one stream's bookmark, as JSON."""
    from elt.runner.tap_states import history_of, of_tap
    from elt.singer.state import EMPTY, pretty

    project = open_project(context, environment)
    held = of_tap(states_of(project), tap)
    state = held.state
    if version is not None:
        state = _numbered(tap, version, history_of(project, held)).state
    if state is None:
        note(f"Tap `{tap}` has no bookmark: it is read from its start.")
    if stream is not None:
        state = _mark(held, state, stream)
    say(pretty(state or EMPTY))


@examples(
    ("elt state history crm", "its versions: when, by whom, why, and what changed"),
    ("elt state history crm --limit 100 --json", "more, for programs"),
)
def history(
    context: typer.Context,
    tap: Tap,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many.")] = 20,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of a tap's state, newest first."""
    from elt.runner.tap_states import history_of, of_tap

    project = open_project(context, environment)
    held = of_tap(states_of(project), tap)
    versions = history_of(project, held)
    rows = [
        (each, _changes(held, versions, number))
        for number, each in enumerate(versions[:limit])
    ]
    if as_json:
        print_json([_version_document(each, changes) for each, changes in rows])
        return
    if not rows:
        note(f"The store has no state of tap `{tap}` for this warehouse.")
        return
    _print_history(rows)


@examples(
    ("elt state export > states.json", "all taps, for `elt state import`"),
    ("elt state export crm --format singer", "one tap's state as Singer has it"),
    ("elt state export crm --format meltano", "for `meltano state set ID -`"),
)
def export(
    context: typer.Context,
    taps: Taps = None,
    *,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="How to write it.")
    ] = Format.ELT,
    environment: Environment = None,
) -> None:
    """Write states to stdout, to keep or to take along."""
    from elt.runner.tap_states import of_tap
    from elt.singer.state_files import write_states

    project = open_project(context, environment)
    held = states_of(project)
    chosen = [of_tap(held, tap) for tap in taps or held]
    states = {each.tap: each.state for each in chosen if each.state is not None}
    for each in chosen:
        if each.state is None:
            note(f"Tap `{each.tap}` has no bookmark; it is left out.")
    if format_ is not Format.ELT:
        say(_single(states, format_))
        return
    places = [each.place.warehouse_id for each in chosen if each.place]
    warehouse = next((id_ for id_ in places if not id_.startswith("target:")), None)
    say(write_states(states, environment=project.environment, warehouse=warehouse))


def states_of(project: Project) -> dict[str, TapState]:
    from elt.project.secrets import Secrets
    from elt.runner.tap_states import tap_states

    return tap_states(project, Secrets(project.root))


def _print_list(lines: list[StreamState]) -> None:
    from elt.report.tables import Column, print_table

    print_table(
        (
            Column("tap", whole=True),
            Column("stream", optional=True),
            Column("replication key", optional=True, spare=True),
            Column("bookmark"),
            Column("written", whole=True, optional=True),
            Column("by", optional=True, spare=True),
            Column("next time", give_way=True, optional=True),
        ),
        [
            (
                line.tap,
                line.stream,
                line.replication_key or "",
                line.bookmark or "none",
                local(line.written_at),
                line.origin,
                f"read in full: {line.read_in_full}" if line.read_in_full else "",
            )
            for line in lines
        ],
    )


def _mark(held: TapState, state: str | None, stream: str) -> str:
    from elt.project.nearest import did_you_mean
    from elt.singer.state import marks

    found = marks(state, held.ids.keys())
    if found is None:
        raise ConfigError(
            f"the state of tap `{held.tap}` cannot be taken apart by stream",
            hint=f"`elt state show {held.tap}` shows all of it",
        )
    names = [n for n in found if n == stream or held.id_of(n) == held.id_of(stream)]
    if not names:
        raise ConfigError(
            f"stream `{stream}` has no bookmark in the state of tap `{held.tap}`",
            hint=did_you_mean(stream, found),
        )
    return found[names[0]]


def _numbered(tap: str, version: int, history: list[StateVersion]) -> StateVersion:
    for each in history:
        if each.version == version:
            return each
    raise ConfigError(
        f"the store has no version {version} of the state of tap `{tap}`",
        hint=f"`elt state history {tap}` lists them",
    )


def _changes(held: TapState, versions: list[StateVersion], number: int) -> list[str]:
    """Say in words how a version differs from the one before it in time."""
    from elt.singer.state import differences

    before = versions[number + 1].state if number + 1 < len(versions) else None
    return differences(before, versions[number].state, held.ids.keys())


def _version_document(version: StateVersion, changes: list[str]) -> dict[str, object]:
    document = asdict(version)
    del document["state"]  # `elt state show --version N` has every digit of it
    return document | {"changes": changes}


def _print_history(rows: list[tuple[StateVersion, list[str]]]) -> None:
    from elt.report.tables import Column, print_table

    print_table(
        (
            Column("version", right=True),
            Column("written", whole=True),
            Column("by", whole=True),
            Column("who", optional=True, spare=True),
            Column("why", give_way=True, optional=True),
            Column("what changed", give_way=True),
        ),
        [
            (
                each.version,
                local(each.saved_at),
                each.origin,
                each.author,
                each.reason,
                "; ".join(changes) or "nothing",
            )
            for each, changes in rows
        ],
    )


def _single(states: dict[str, str], format_: Format) -> str:
    from elt.singer.state import pretty
    from elt.singer.state_files import write_meltano

    if len(states) != 1:
        raise ConfigError(
            f"a file in {format_.value}'s format holds the state of one tap, and"
            f" {len(states) or 'none'} would go into it",
            hint="Name one tap that has a state; `elt state list` shows them",
        )
    (state,) = states.values()
    return write_meltano(state) if format_ is Format.MELTANO else pretty(state)
