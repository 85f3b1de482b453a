"""`elt status`: how fresh everything is, and what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli import completion
from elt.cli.options import (
    AsJson,
    Environment,
    Exclude,
    examples,
    note,
    open_project,
    print_json,
    say,
)
from elt.errors import ConfigError, Guarded

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.report.tables import Cell
    from elt.runner.standing import Standing
    from elt.runner.store.asset_log import AssetStatus


@examples(
    ("elt status", "each stream, model, test and sync as its last run left it"),
    ("elt status tag:finance+", "what is chosen, with the same words as `elt run`"),
    ("elt status --all", "with a line for every test that passed"),
    ("elt status --fail-if-stale", "a watchdog: 3 when something is too old"),
    ("elt status --fail-if-stale --max-age 26h", "so old may be what says nothing"),
    ("elt status --json", "for programs"),
)
def status(
    context: typer.Context,
    selection: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SELECTION",
            help="What to look at, in the words of `elt run`. Nothing: everything.",
            show_default=False,
            autocompletion=completion.selections,
        ),
    ] = None,
    *,
    exclude: Exclude = None,
    every: Annotated[
        bool, typer.Option("--all", help="A line for every test that passed, too.")
    ] = False,
    fail_if_stale: Annotated[
        bool,
        typer.Option(
            "--fail-if-stale",
            help="Exit with 3 when something is older than its `max_age`, or nobody"
            " knows how old it is.",
        ),
    ] = False,
    max_age: Annotated[
        str | None,
        typer.Option(
            "--max-age",
            metavar="AGE",
            help="How old may be what declares no `max_age`: `26h`, `2d`.",
        ),
    ] = None,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Show how each asset ended last, and what is too old."""
    from elt.project.durations import seconds_of
    from elt.runner.plan import told_of_held
    from elt.runner.resume import left_open
    from elt.runner.standing import Asked, standings
    from elt.runner.store import marks
    from elt.runner.store.database import open_store
    from elt.runner.store.history import mark_crashed

    asked = Asked(
        selection=tuple(selection or ()),
        exclude=tuple(exclude or ()),
        else_seconds=None if max_age is None else seconds_of(max_age),
    )
    project = open_project(context, environment)
    with open_store(project.private_dir) as store:
        mark_crashed(store)
        found = standings(project, store, asked)
        left = None if as_json else left_open(store, project.environment)
        held = marks.held_back(store, project.environment)
    if as_json:
        print_json([each.document() for each in found])
    elif not found:
        note("Nothing has run yet. Start with `elt plan`, then `elt run`.")
    else:
        _print(found, every=every)
        _tell_of_no_warehouse(project, found)
    for text in [] if as_json else told_of_held(held):
        note(f"\n{text}")
    if left is not None:
        note(f"\nhint: run {left} is not done: `elt retry {left}` does the rest of it")
    if fail_if_stale:
        _fail_if_stale(found)


def _tell_of_no_warehouse(project: Project, found: Sequence[Standing]) -> None:
    """Say that what is done is gone, where the file that it was in is."""
    if project.warehouse_path.exists():
        return
    taps = [name for name, tap in project.file.taps.items() if tap.target is None]
    in_it = ("model:", *(f"stream:{name}." for name in taps))
    loaded = (each.asset for each in found if each.last and each.last.last_success)
    if any(asset.startswith(in_it) for asset in loaded):
        note(
            f"\nwarning: {project.warehouse_path} is not there, and what is done above"
            " was in it\n  hint: `elt run` loads all of it again; `elt pull` and"
            " `elt restore` bring back a copy"
        )


def _fail_if_stale(found: Sequence[Standing]) -> None:
    limited = [each for each in found if each.age and each.age.freshness is not None]
    if not limited:
        raise ConfigError(
            "nothing here says how old it may be, so nothing can be stale",
            hint='Add `max_age = "26h"` to a tap, stream or sync in elt.toml, or give'
            " one for all: `--max-age 26h`",
        )
    old = [each for each in limited if each.is_too_old]
    if old:
        note(f"\n{len(old)} of {len(limited)} with a limit: too old")
        raise typer.Exit(Guarded.exit_code)


def _is_passed_test(each: Standing) -> bool:
    """Say whether a line of its own would tell nothing."""
    is_test = each.asset.startswith("test:")
    well = each.last is not None and each.last.status == "done"
    return is_test and well and not each.is_too_old


def _print(found: Sequence[Standing], *, every: bool) -> None:
    from elt.report.tables import Column, print_table

    passed = [] if every else list(filter(_is_passed_test, found))
    shown = [each for each in found if every or not _is_passed_test(each)]
    columns = (
        Column("asset"),
        Column("status", status=True),
        Column("rows", right=True, optional=True),
        Column("rejects", right=True, optional=True),
        Column("ended well"),
        Column("freshness", optional=True, whole=True),
        Column("owner", optional=True, spare=True),
        Column("tags", optional=True, spare=True),
    )
    print_table(columns, [*map(_row, shown), *_summed_up(passed)])
    sentences = _sentences(shown)
    if sentences:
        say()
    for sentence in sentences:
        say(sentence)


def _row(each: Standing) -> tuple[Cell, ...]:
    from elt.report.endings import ending

    last = each.last
    return (
        each.asset,
        ending(last) if last else None,
        last.rows if last else None,
        (last.rejects if last else 0) or None,
        _when(each),
        _freshness(each),
        each.owner,
        ", ".join(each.tags),
    )


def _when(each: Standing) -> str:
    if each.last is not None:
        return _ago(each.last.last_success)
    if each.age is None or each.age.last is None:
        return "" if each.age and each.age.unknown else "never"
    return _ago(each.age.last.isoformat())


def _freshness(each: Standing) -> Cell:
    from elt.report.tables import Styled
    from elt.runner.freshness import span

    age = each.age
    if age is None or age.freshness is None:
        return None
    limit = age.max_seconds if age.max_seconds is not None else age.warn_seconds
    text = f"{age.freshness}, limit {span(limit or 0)}"
    return Styled(text, _COLOURS[age.freshness])


_COLOURS = {"fresh": "green", "aging": "yellow", "stale": "red", "unknown": "red"}


_TOGETHER = ("interrupted", "skipped")
_WORST_FIRST = ("failed", "stopped", "warned", *_TOGETHER)


def _summed_up(passed: Sequence[Standing]) -> list[tuple[Cell, ...]]:
    """Give one line for tests, with the age of the one that has waited longest."""
    from elt.report.figures import counted

    if not passed:
        return []
    moments = (each.last.last_success for each in passed if each.last)
    oldest = min(filter(None, moments), default=None)
    tests = counted(len(passed), "test")
    return [(tests, "done", None, None, _ago(oldest), None, "", "")]


def _sentences(found: Sequence[Standing]) -> list[str]:
    """Say what is too old, then what did not end well, the worst first."""
    from elt.report.clean import encoding, one_line
    from elt.report.marks import mark
    from elt.runner.freshness import told, way_out

    signs = encoding(sys.stdout)
    said = []
    for each in found:
        if each.age is not None and each.is_too_old:
            whose = f" (owner: {each.owner})" if each.owner else ""
            said.append(f"{mark('failed', signs)} {one_line(told(each.age) + whose)}")
            said.append(f"  hint: {way_out(each.age)}")
    ended = [each.last for each in found if each.last is not None]
    for name, status, message in _not_done(ended):
        said.append(f"{mark(status, signs)} {name} {status}: {one_line(message)}")
    return said


def _not_done(ended: Sequence[AssetStatus]) -> Iterator[tuple[str, str, str]]:
    """Give name, status and message; one cause often skips or interrupts many."""
    from elt.report.figures import counted

    causes: dict[tuple[str, str, str], list[str]] = {}
    for last in ended:
        if last.message and last.status != "done":
            alone = "" if last.status in _TOGETHER else last.asset
            causes.setdefault((last.status, last.message, alone), []).append(last.asset)
    for status, message, alone in sorted(causes, key=_severity):
        assets = causes[status, message, alone]
        name = assets[0] if len(assets) == 1 else counted(len(assets), "asset")
        yield name, status, message


def _severity(cause: tuple[str, str, str]) -> int:
    status, *_ = cause
    return _WORST_FIRST.index(status) if status in _WORST_FIRST else len(_WORST_FIRST)


def _ago(moment: str | None) -> str:
    from elt.report.figures import ago

    if moment is None:
        return "never"
    return ago((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
