"""`elt sync plan`: what a sync would send, before anything is sent."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elt.cli import completion
from elt.cli.options import AsJson, Environment, examples, open_project, print_json, say
from elt.errors import ConfigError

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.reverse.destination import Change
    from elt.reverse.guard import Finding
    from elt.reverse.plan import SyncPlan

_STOP = ("stop", "stopped")
_MARKS = {"Added": "+", "Changed": "~", "Removed": "-"}


@examples(
    ("elt sync plan health", "how many rows would be added, changed, removed"),
    ("elt sync plan health --diff", "and which, field by field"),
)
def plan(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A sync of elt.toml.",
            autocompletion=completion.syncs,
        ),
    ],
    *,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show every change, field by field.")
    ] = False,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Show what a sync would send, compared with what was accepted last."""
    from elt.runner.sending import planned_sync

    project = open_project(context, environment)
    _require_warehouse(project, name)
    with planned_sync(project, name) as planned:
        if as_json:
            print_json(_document(planned, with_changes=diff))
        else:
            _print_plan(planned, with_changes=diff)


def _require_warehouse(project: Project, name: str) -> None:
    if name in project.file.syncs and not project.warehouse_path.exists():
        raise ConfigError(
            "there is no warehouse yet, so there is nothing to send",
            where=str(project.warehouse_path),
            hint=f"Build the model first: `elt run +{project.file.syncs[name].model}`",
        )


def _print_plan(planned: SyncPlan, *, with_changes: bool) -> None:
    from elt.report.clean import encoding
    from elt.report.marks import mark
    from elt.reverse.plan import Consent

    table, counts = planned.sync.table, planned.counts
    say(f"{table.model} -> {table.destination} {table.object}")
    say(f"mode {table.mode}, key {table.key}\n")
    removed = "removed" if planned.sync.sends_removed else "removed, not sent"
    for number, what in (
        (counts.added, "added"),
        (counts.changed, "changed"),
        (counts.removed, removed),
        (counts.unchanged, "unchanged"),
    ):
        say(f"{number:>12,}  {what}")
    if with_changes:
        say()
        rejections = planned.rejections()
        for change in planned.changes():
            _print_change(change, rejections.get(change.key))
    warnings = planned.warnings(Consent())
    for finding in planned.findings:
        warns = finding in warnings
        sign = mark("warned" if warns else "stopped", encoding(sys.stdout))
        verb = "warn" if warns else "stop"
        say(f"\n{sign} would {verb}: {finding.what}")
        say(f"  hint: {finding.hint}")


def _print_change(change: Change, rejection: str | None) -> None:
    from elt.report.clean import one_line
    from elt.reverse.destination import Changed

    say(f"{_MARKS[type(change).__name__]} {one_line(change.key)}")
    if rejection is not None:
        say(f"    was rejected before: {one_line(rejection) or 'no reason was given'}")
    if isinstance(change, Changed):
        for field, (before, after) in change.fields.items():
            say(f"    {field}: {_value(before)} -> {_value(after)}")
    else:
        for field, value in _payload(change).items():
            say(f"    {field}: {_value(value)}")


def _payload(change: Change) -> dict[str, Any]:
    from elt.reverse.destination import Removed

    return dict(change.old_payload if isinstance(change, Removed) else change.payload)


def _value(value: object) -> str:
    from elt.report.clean import one_line

    return one_line(json.dumps(value, ensure_ascii=False, default=str))


def _told(findings: Iterable[Finding]) -> list[dict[str, str]]:
    return [{"what": finding.what, "hint": finding.hint} for finding in findings]


def _document(planned: SyncPlan, *, with_changes: bool) -> dict[str, Any]:
    from elt.reverse.plan import Consent

    counts = planned.counts
    document: dict[str, Any] = {
        "sync": planned.sync.name,
        "model": planned.sync.table.model,
        "destination": planned.sync.table.destination,
        "added": counts.added,
        "changed": counts.changed,
        "removed": counts.removed,
        "unchanged": counts.unchanged,
        "total": planned.total,
        "findings": _told(planned.held_back(Consent())),
        "warnings": _told(planned.warnings(Consent())),
    }
    if with_changes:
        rejections = planned.rejections()
        document["changes"] = [
            _change_document(change, rejections.get(change.key))
            for change in planned.changes()
        ]
    return document


def _change_document(change: Change, rejection: str | None) -> dict[str, Any]:
    from elt.reverse.destination import Changed

    document: dict[str, Any] = {
        "change": type(change).__name__.lower(),
        "key": change.key,
    }
    if rejection is not None:
        document["rejected_before"] = rejection
    if isinstance(change, Changed):
        fields = {
            field: {"before": before, "after": after}
            for field, (before, after) in change.fields.items()
        }
        return {**document, "fields": fields}
    return {**document, "payload": _payload(change)}
