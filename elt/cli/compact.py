"""`elt compact`: the warehouse without the space that it no longer uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from elt.runner.upkeep.compact import Compacted


@examples(
    ("elt compact", "copies the warehouse aside, checks the copy, renames it"),
    ("elt compact --json", "the sizes before and after, for programs"),
)
def compact(
    context: typer.Context, environment: Environment = None, as_json: AsJson = False
) -> None:
    """Give back the disk space that DuckDB keeps after deletions.

    The warehouse is copied aside, compared, and put in the old file's place. It needs
    room for the copy, and that nobody has the file open. Killed at any moment, it
    leaves a whole warehouse.
    """
    from elt.runner.upkeep.compact import compact as compacted

    project = open_project(context, environment)
    made = compacted(project, tell=note)
    if as_json:
        print_json(_document(made))
    else:
        _print(made)


def _print(made: Compacted) -> None:
    from elt.report.figures import counted
    from elt.runner.upkeep.disk import size

    before, after = size(made.before_bytes), size(made.after_bytes)
    if made.is_smaller:
        say(f"{before} before, {after} after")
        rows = counted(made.copied.rows, "row")
        note(f"{counted(made.copied.tables, 'table')} compared, {rows}")
    else:
        say(f"{before}: nothing to give back")
    for view in made.copied.unreadable_views:
        note(
            f"note: view `{view}` needs something that is not in this file, an attached"
            " database perhaps; it was copied as it is written"
        )


def _document(made: Compacted) -> dict[str, object]:
    return {
        "path": str(made.path),
        "before_bytes": made.before_bytes,
        "after_bytes": made.after_bytes if made.is_smaller else made.before_bytes,
        "compacted": made.is_smaller,
        "tables": made.copied.tables,
        "rows": made.copied.rows,
        "unreadable_views": list(made.copied.unreadable_views),
    }
