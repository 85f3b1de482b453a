"""`elt clean`: what can go is shown, and goes after a yes."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli.consent import agree
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

if TYPE_CHECKING:
    from pathlib import Path

    from elt.runner.upkeep.clean import Found


@examples(
    ("elt clean", "what killed runs left, and what is older than [retention] says"),
    ("elt clean --dry-run", "only show it"),
    ("elt clean --drop tap:old", "and the tables of a tap that is no more, by name"),
)
def clean(
    context: typer.Context,
    *,
    drop: Annotated[
        list[str] | None,
        typer.Option(
            "--drop",
            metavar="NAME",
            help="Drop what the warehouse holds of this, as listed: `tap:old`,"
            " `stream:crm.deals`, `sync:health`; may be repeated.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go, and leave it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Delete what nothing needs any more, after showing it.

    Leftovers of killed runs, unused environments, catalogs of taps that are no more,
    and what is older than [retention] keeps it. Tables of taps, streams and syncs that
    elt.toml no longer names are listed, and dropped only by `--drop NAME`.
    """
    from elt.runner.upkeep import clean as cleaning

    project = open_project(context, environment)
    if as_json and not (dry_run or yes):
        raise ConfigError(
            "with `--json` nobody is asked", hint="Add `--dry-run`, or `--yes`"
        )
    found = cleaning.look(project, drop=drop or ())
    if not as_json:
        _print(found, project.root)
    going = not dry_run and not found.is_nothing
    if going:
        agree("Delete all of this?", yes=yes)
        found = cleaning.clean(project, found)
        note("Deleted")
    if as_json:
        print_json(_document(found, deleted=going))


def _print(found: Found, root: Path) -> None:
    from elt.report.figures import counted
    from elt.runner.upkeep.disk import size

    for leftover in found.leftovers:
        path = leftover.path
        shown = path.relative_to(root) if path.is_relative_to(root) else path
        say(f"delete  {shown}, {size(leftover.bytes)}: {leftover.why}")
    for each in found.expired:
        older = counted(each.days, "day")
        say(f"delete  {each.rows:,} {each.what}, older than {older}")
    asked_for = {each.name for each in found.drop}
    for left in found.drop:
        tables = ", ".join(".".join(table) for table in left.tables)
        what = f"tables {tables}, " if tables else ""
        say(f"drop    {left.name}: {what}{counted(left.rows, 'row')}")
    if found.is_nothing:
        note("Nothing to delete")
    kept = [left for left in found.remains if left.name not in asked_for]
    if kept:
        note("\nStill in the warehouse, and kept until you name it:")
        for left in kept:
            note(f"  elt clean --drop {left.name}  {_about(found, left.name)}")


def _about(found: Found, name: str) -> str:
    from elt.report.figures import counted

    left = next(each for each in found.remains if each.name == name)
    tables = f"{counted(len(left.tables), 'table')}, " if left.tables else ""
    return f"({tables}{counted(left.rows, 'row')}; {left.why})"


def _document(found: Found, *, deleted: bool) -> dict[str, object]:
    return {
        "deleted": deleted,
        "leftovers": [asdict(each) for each in found.leftovers],
        "expired": [asdict(each) for each in found.expired],
        "dropped": [asdict(each) for each in found.drop],
        "kept": [asdict(e) for e in found.remains if e not in found.drop],
    }
