"""`elt status`: how fresh everything is, and what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli.options import (
    AsJson,
    Environment,
    examples,
    note,
    open_project,
    print_json,
    say,
)

if TYPE_CHECKING:
    from elt.runner.store.history import AssetStatus


@examples(
    ("elt status", "each stream, model, test and sync as its last run left it"),
    ("elt status --all", "with a line for every test that passed"),
    ("elt status --json", "for programs"),
)
def status(
    context: typer.Context,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="A line for every test that passed, too.")
    ] = False,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Show how each asset ended last, and when it last ended well."""
    from elt.runner.resume import left_open
    from elt.runner.store.database import open_store
    from elt.runner.store.history import asset_statuses, mark_crashed

    project = open_project(context, environment)
    with open_store(project.private_dir) as store:
        mark_crashed(store)
        assets = asset_statuses(store, project.environment)
        left = None if as_json else left_open(store, project.environment)
    if as_json:
        print_json([asdict(asset) for asset in assets])
        return
    if not assets:
        note("Nothing has run yet. Start with `elt plan`, then `elt run`.")
        return
    passed = [] if every else [a for a in assets if _is_passed_test(a)]
    _print([asset for asset in assets if asset not in passed], passed)
    if left is not None:
        note(f"\nhint: run {left} is not done: `elt retry {left}` does the rest of it")


def _is_passed_test(asset: AssetStatus) -> bool:
    return asset.asset.startswith("test:") and asset.status == "done"


def _print(assets: Sequence[AssetStatus], passed: Sequence[AssetStatus]) -> None:
    from elt.report.clean import encoding, one_line
    from elt.report.endings import ending
    from elt.report.figures import counted
    from elt.report.marks import mark
    from elt.report.tables import Column, print_table

    columns = (
        Column("asset"),
        Column("status", status=True),
        Column("rows", right=True, optional=True),
        Column("rejects", right=True, optional=True),
        Column("ended well"),
        Column("owner", optional=True, spare=True),
        Column("tags", optional=True, spare=True),
    )
    rows = [
        (
            a.asset,
            ending(a),
            a.rows,
            a.rejects or None,
            _age(a.last_success),
            a.owner,
            ", ".join(a.tags),
        )
        for a in assets
    ]
    if passed:
        # The one that has waited longest: all of them are at least as fresh.
        oldest = min(filter(None, (a.last_success for a in passed)), default=None)
        tests = counted(len(passed), "test")
        rows.append((tests, "done", None, None, _age(oldest), "", ""))
    print_table(columns, rows)
    said = [a for a in assets if a.message and a.status != "done"]
    if said:
        say()
    for each in said:
        sign = mark(each.status, encoding(sys.stdout))
        say(f"{sign} {each.asset} {each.status}: {one_line(each.message)}")


def _age(moment: str | None) -> str:
    from elt.report.figures import ago

    if moment is None:
        return "never"
    return ago((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
