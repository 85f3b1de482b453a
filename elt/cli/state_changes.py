"""`elt state set`, `reset`, `undo` and `import`: changing a tap's state by hand."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli.consent import agree
from elt.cli.options import Environment, Yes, examples, note, open_project
from elt.cli.state import Tap, states_of
from elt.errors import ConfigError
from elt.report.figures import local

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.runner.edits import Edit
    from elt.runner.tap_states import TapState

Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the history.")
]
_SET_WORDS = 2  # the stream and its bookmark


@examples(
    ("""elt state set crm orders '{"updated_at": "2026-01-01"}'""", "one stream"),
    ("elt state set crm @state.json", "the whole state, from a file"),
    ("elt state show crm | elt state set crm - --yes", "from stdin"),
)
def set_(
    context: typer.Context,
    tap: Tap,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[STREAM] JSON",
            help="A JSON object, `@FILE` or `-` for stdin: the tap's state, or behind"
            " a stream's name that stream's bookmark.",
        ),
    ],
    *,
    reason: Reason = "",
    yes: Yes = False,
    environment: Environment = None,
) -> None:
    """Write a tap's state, or the bookmark of one stream."""
    from elt.runner.edits import decide_set
    from elt.runner.tap_states import of_tap

    project = open_project(context, environment)
    if len(words) > _SET_WORDS:
        raise ConfigError(
            f"`{' '.join(words)}` is more than a stream and its bookmark",
            hint="Quote the JSON for the shell: '{...}'",
        )
    held = of_tap(states_of(project), tap)
    stream = words[0] if len(words) == _SET_WORDS else None
    edit = decide_set(held, _content(words[-1]), stream)
    _carry_out(project, [edit], "Write this?", yes=yes, reason=reason)


@examples(
    ("elt state reset crm orders", "the next run reads `orders` from its start"),
    ("elt state reset crm orders deals", "two streams; the others go on"),
    ("elt state reset crm --whole", "the tap begins anew, all of its streams"),
)
def reset(
    context: typer.Context,
    tap: Tap,
    streams: Annotated[
        list[str] | None,
        typer.Argument(metavar="STREAM", help="Streams of it.", show_default=False),
    ] = None,
    *,
    whole: Annotated[
        bool, typer.Option("--whole", help="All of the tap, and its whole state.")
    ] = False,
    reason: Reason = "",
    yes: Yes = False,
    environment: Environment = None,
) -> None:
    """Let streams begin anew: the next run reads them in full."""
    from elt.runner.edits import decide_reset
    from elt.runner.tap_states import of_tap

    project = open_project(context, environment)
    held = of_tap(states_of(project), tap)
    if whole == bool(streams):
        raise ConfigError(
            "say what begins anew: some streams, or all of the tap with `--whole`",
            where=_streams_in_words(held),
            hint=f"`elt state reset {tap} STREAM`, or `elt state reset {tap} --whole`",
        )
    edit = decide_reset(held, streams or (), whole=whole)
    _carry_out(project, [edit], "Reset this?", yes=yes, reason=reason)


@examples(
    ("elt state undo crm", "back to the version before; again: further back"),
    ("elt state undo crm --to 7", "to any version; also forward, to undo an undo"),
)
def undo(
    context: typer.Context,
    tap: Tap,
    *,
    to: Annotated[
        int | None,
        typer.Option("--to", metavar="VERSION", min=1, help="To this version."),
    ] = None,
    reason: Reason = "",
    yes: Yes = False,
    environment: Environment = None,
) -> None:
    """Go back to an earlier version of a tap's state.

    `elt state history` lists them. Rows stay as they are: the next run goes on from
    that version's bookmarks.
    """
    from elt.runner.edits import decide_undo
    from elt.runner.tap_states import history_of, of_tap

    project = open_project(context, environment)
    held = of_tap(states_of(project), tap)
    history = history_of(project, held)
    edit = decide_undo(held, history, to)
    version = next(each for each in history if each.version == edit.back_to)
    origin = f"{version.origin}, {local(version.saved_at)}"
    note(f"Back to version {version.version} ({origin}).")
    _carry_out(project, [edit], "Go back to it?", yes=yes, reason=reason)


@examples(
    ("elt state import states.json", "what `elt state export` wrote"),
    ("elt state import state.json --tap crm", "a Singer state"),
    ("meltano state get ID | elt state import - --tap crm --yes", "from Meltano"),
)
def import_(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The file; `-` reads stdin.")
    ],
    *,
    tap: Annotated[
        str | None,
        typer.Option("--tap", metavar="TAP", help="The tap that a state is for."),
    ] = None,
    allow_empty: Annotated[
        bool,
        typer.Option("--allow-empty", help="Let an empty state erase one."),
    ] = False,
    reason: Reason = "",
    yes: Yes = False,
    environment: Environment = None,
) -> None:
    """Take over states of a file: ours, Singer's, Meltano's."""
    from elt.runner.edits import decide_import
    from elt.runner.tap_states import of_tap
    from elt.singer.state_files import read_state_file

    project = open_project(context, environment)
    held = states_of(project)
    found = read_state_file(_content("-" if file == "-" else f"@{file}"))
    edits = [
        decide_import(of_tap(held, name), state, allow_empty=allow_empty)
        for name, state in _named(found.states, found.unnamed, tap).items()
    ]
    ids = {e.held.place.warehouse_id for e in edits if e.held.place}
    if found.warehouse is not None and found.warehouse not in ids:
        note("note: these states were exported beside another warehouse")
    _carry_out(project, edits, "Take this over?", yes=yes, reason=reason)


def _named(
    states: Mapping[str, str], unnamed: str | None, tap: str | None
) -> Mapping[str, str]:
    if unnamed is not None:
        if tap is None:
            raise ConfigError(
                "the file does not say which tap its state is for",
                hint="Add `--tap TAP`",
            )
        return {tap: unnamed}
    if tap is None:
        return states
    if tap not in states:
        from elt.project.nearest import did_you_mean

        raise ConfigError(
            f"the file has no state of tap `{tap}`", hint=did_you_mean(tap, states)
        )
    return {tap: states[tap]}


def _content(word: str) -> str:
    """Give what an argument stands for: itself, a file's text, or stdin."""
    if word == "-":
        return sys.stdin.read()
    if not word.startswith("@"):
        return word
    try:
        return Path(word[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"the file cannot be read: {why}", where=word[1:]) from None


def _carry_out(
    project: Project,
    edits: Sequence[Edit],
    question: str,
    *,
    yes: bool,
    reason: str,
) -> None:
    from elt.project.secrets import Secrets
    from elt.runner.surgery import apply

    for edit in edits:
        _show(edit)
    changing = [edit for edit in edits if edit.is_change]
    if not changing:
        return
    agree(question, yes=yes)
    versions = apply(project, Secrets(project.root), changing, reason=reason)
    for edit, version in zip(changing, versions, strict=True):
        note(
            f"Tap `{edit.tap}`: its state is version {version}. {_back(edit, version)}"
        )


def _back(edit: Edit, version: int) -> str:
    """Say how what was done is undone."""
    if edit.back_to is None:
        return f"`elt state undo {edit.tap}` takes it back."
    return (
        f"`elt state undo {edit.tap}` goes further back,"
        f" `elt state undo {edit.tap} --to {version - 1}` takes this back."
    )


def _show(edit: Edit) -> None:
    held = edit.held
    written = f", written {local(held.written_at)}" if held.written_at else ""
    note(f"tap `{edit.tap}`{written}" + ("" if edit.is_change else ": nothing changes"))
    for change in edit.changes:
        note(f"  {change}")
    fresh = sorted(edit.anew)
    if fresh:
        names = ", ".join(f"`{name}`" for name in fresh)
        note(f"  read in full by the next run: {names}")
    for each in edit.notes:
        note(f"  note: {each}")


def _streams_in_words(held: TapState) -> str | None:
    from elt.project.nearest import listed

    names = sorted(held.marks or {})
    return f"its state has bookmarks of {listed(names)}" if names else None
