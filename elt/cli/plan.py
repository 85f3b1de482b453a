"""`elt plan`: what a run would do, in order, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from elt.cli.options import (
    AsJson,
    Environment,
    Exclude,
    FromStep,
    FullRefresh,
    Selection,
    Since,
    SinceLastSuccess,
    examples,
    note,
    note_of_elt,
    open_project,
    print_json,
)
from elt.errors import EltError

if TYPE_CHECKING:
    from elt.report.tables import Cell
    from elt.runner.decide import Plan
    from elt.runner.plan import PlannedAsset, Step


@examples(
    ("elt plan", "what `elt run` would do"),
    ("elt plan tap:crm+ --full-refresh", "with the same words as `elt run`"),
)
def plan(
    context: typer.Context,
    selection: Selection = None,
    *,
    exclude: Exclude = None,
    from_step: FromStep = "",
    since_last_success: SinceLastSuccess = False,
    since: Since = "",
    full_refresh: FullRefresh = False,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Show what a run would do, in order, each with its reason. Nothing is done."""
    from elt.runner.decide import plan_project
    from elt.runner.plan import RunRequest

    request = RunRequest(
        selection=tuple(selection or ()),
        exclude=tuple(exclude or ()),
        from_step=from_step,
        since_last_success=since_last_success,
        since=since,
        full_refresh=full_refresh,
    )
    project = open_project(context, environment)
    planned = plan_project(project, request, listen=note_of_elt)
    _tell(planned)
    if as_json:
        document = {"steps": [asdict(step) for step in planned.steps]}
        print_json(document | _window(planned))
    else:
        print_plan(planned.steps, planned.unasked)
    if planned.unasked:
        raise typer.Exit(EltError.exit_code)


def _window(planned: Plan) -> dict[str, Any]:
    if planned.window is None:
        return {}
    start, end = planned.window
    return {"window": {"start": start, "end": end}}


def _tell(planned: Plan) -> None:
    from elt.runner.spans import shown_between

    if planned.window:
        note(f"window {shown_between(*planned.window)}")
    for text in planned.notes:
        note(text)


def print_plan(
    steps: Sequence[Step], unasked: Mapping[str, str], *, does_it: str = "elt run"
) -> None:
    from elt.report.figures import counted
    from elt.report.tables import Column, print_table
    from elt.runner.decide import NOTHING_TO_DO

    rows = [row for step in steps for row in _rows(step)]
    columns = (
        Column("what"),
        Column("how"),
        Column("why", give_way=True),
        Column("owner", optional=True, spare=True),
        Column("tags", optional=True, spare=True),
    )
    if not steps:
        note(NOTHING_TO_DO)
        return
    print_table(columns, rows)
    assets = sum(len(step.assets) for step in steps)
    total = f"{counted(len(steps), 'step')}, {counted(assets, 'asset')}"
    if not unasked:
        note(f"\n{total}. Nothing was done; `{does_it}` does it.")
        return
    note(f"\n{total}. Nothing was done.")
    for tap, hint in unasked.items():
        note(f"Tap `{tap}` cannot be asked: `{does_it}` would fail there, too.")
        if hint:
            note(f"hint: {hint}")


Row = tuple["Cell", "Cell", "Cell", "Cell", "Cell"]


def _rows(step: Step) -> Iterator[Row]:
    """Give the step, and its assets where there is more to say than the step does."""
    from elt.report.figures import counted
    from elt.report.tables import Styled

    turn = _turn(step)
    if step.assets == (step.id,):
        name, how, why, owner, tags = _asset_row(step.planned[0], "")
        yield name, how, "; ".join(filter(None, (str(why), turn))), owner, tags
        return
    why = "; ".join(filter(None, (step.reason, turn)))
    yield Styled(step.id, "bold"), "", why, "", ""
    tests = [a for a in step.planned if a.id.startswith("test:") and not a.note]
    for asset in step.planned:
        if asset not in tests:
            yield _asset_row(asset, "  ")
    if tests:
        yield f"  {counted(len(tests), 'test')}", "", tests[0].reason, "", ""


def _turn(step: Step) -> str:
    """Say what decides when the step has its turn, where something does."""
    pools = [f"pool {pool}" for pool in step.limits.pools]
    priority = step.limits.priority
    return ", ".join([*pools, *([f"priority {priority}"] if priority else [])])


def _asset_row(asset: PlannedAsset, indent: str) -> Row:
    how = f"{asset.mode} ({asset.mode_reason})" if asset.mode_reason else asset.mode
    why = "; ".join(filter(None, (_reason(asset), asset.note)))
    return f"{indent}{asset.id}", how, why, asset.owner, ", ".join(asset.tags)


def _reason(asset: PlannedAsset) -> str:
    from datetime import UTC, datetime

    from elt.report.figures import ago

    if asset.last_success is None:
        return asset.reason
    seconds = (datetime.now(UTC) - asset.last_success).total_seconds()
    return f"{asset.reason}, last done {ago(seconds)}"
