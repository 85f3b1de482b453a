"""`elt runs show` and `elt runs changes`: one run closely, and what people changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elt.cli.options import AsJson, examples, note, open_project, print_json, say
from elt.cli.runs import Run, print_head
from elt.report.figures import counted, duration, local

if TYPE_CHECKING:
    from elt.runner.store.chain import Chain, PlannedAsset
    from elt.runner.store.changes import Change
    from elt.runner.store.history import ResultRow, RunDetail
    from elt.runner.store.marks import Mark


@examples(
    ("elt runs show", "the last run: every asset, and what people said of it"),
    ("elt runs show 3f9a --json", "a run by the end of its id, for programs"),
)
def show(context: typer.Context, run: Run = "last", as_json: AsJson = False) -> None:
    """Show one run: how each asset ended, and what is open.

    Also what people said of its results, and which run it went on with.
    """
    from elt.runner.store import history
    from elt.runner.store.chain import chain_of
    from elt.runner.store.database import open_store
    from elt.runner.store.marks import marks

    project = open_project(context)
    with open_store(project.private_dir) as store:
        history.mark_crashed(store)
        detail = history.run_detail(store, run)
        chain = chain_of(store, detail.summary.run)
        said = marks(store, runs=[detail.summary.run])
    if as_json:
        print_json(_document(detail, chain, said))
        return
    _print(detail, chain, said)


@examples(
    ("elt runs changes", "marks, cleared results, and states set by hand"),
    ("elt runs changes --limit 100 --json", "more, for programs"),
)
def changes(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what people changed by hand: when, who, why.

    The words about results, and the states of taps, the newest first.
    """
    from elt.runner.store.changes import changes_by_hand
    from elt.runner.store.database import open_store

    project = open_project(context)
    with open_store(project.private_dir) as store:
        found = changes_by_hand(store, limit)
    if as_json:
        print_json([asdict(change) for change in found])
    elif found:
        _print_changes(found)
    else:
        note("Nobody has changed anything by hand.")


def _document(detail: RunDetail, chain: Chain, said: Sequence[Mark]) -> dict[str, Any]:
    return asdict(detail) | {
        "open": [each.asset for each in _open(chain)],
        "chain": list(chain.runs),
        "marks": [asdict(each) for each in said],
    }


def _open(chain: Chain) -> list[PlannedAsset]:
    from elt.runner.resume import is_open

    return [each for each in chain.planned if is_open(each)]


def _print(detail: RunDetail, chain: Chain, said: Sequence[Mark]) -> None:
    from elt.report.tables import Column, print_table

    summary = detail.summary
    print_head(summary)
    if summary.retry_of:
        note(f"It went on with run {summary.retry_of}.")
    later = chain.runs[chain.runs.index(summary.run) + 1 :]
    if later:
        note(f"Retried by {', '.join(later)}.")
    planned = [each for each in chain.planned if each.run == summary.run]
    had = {row.asset for row in detail.results}
    rows = [_result_row(row) for row in detail.results]
    rows += [_left_row(each) for each in planned if each.asset not in had]
    print_table(
        (
            Column("asset"),
            Column("status", status=True),
            Column("rows", right=True, optional=True),
            Column("rejects", right=True, optional=True),
            Column("time", right=True, optional=True),
            Column("message", give_way=True, optional=True),
        ),
        rows,
    )
    for each in said:
        say()
        say(_sentence(each))
    _tell_how_to_go_on(chain)


def _result_row(row: ResultRow) -> tuple[str | int | None, ...]:
    from elt.report.clean import one_line

    seconds = duration(row.seconds) if row.seconds else None
    rejects = row.rejects or None
    return row.asset, row.status, row.rows, rejects, seconds, one_line(row.message)


def _left_row(planned: PlannedAsset) -> tuple[str | int | None, ...]:
    said = "the run ended before it had a result"
    return planned.asset, "interrupted", None, None, None, said


def _sentence(mark: Mark) -> str:
    what = "cleared" if mark.word == "cleared" else f"marked {mark.word}"
    text = f"{local(mark.made_at)}  {mark.asset} {what} by {mark.author}"
    why = f": {mark.reason}" if mark.reason else ""
    back = _taken_back(mark)
    return f"{text}{why}; taken back {back}" if back else f"{text}{why}"


def _taken_back(said: Mark | Change) -> str:
    if said.taken_back_at is None:
        return ""
    why = f": {said.taken_back_reason}" if said.taken_back_reason else ""
    return f"{local(said.taken_back_at)} by {said.taken_back_by}{why}"


def _tell_how_to_go_on(chain: Chain) -> None:
    left = len(_open(chain))
    if left:
        note(f"\n{counted(left, 'asset')} open: `elt retry {chain.last}` does them.")


def _print_changes(found: Sequence[Change]) -> None:
    from elt.report.tables import Column, print_table

    print_table(
        (
            Column("when", whole=True),
            Column("who", whole=True),
            Column("what"),
            Column("change", give_way=True),
            Column("why", give_way=True, optional=True),
            Column("taken back", give_way=True, optional=True),
        ),
        [
            (
                local(each.at),
                each.author,
                each.what,
                each.change,
                each.reason,
                _taken_back(each),
            )
            for each in found
        ],
    )
