"""`elt plugins`: what taps and destinations there are."""

from __future__ import annotations

from pathlib import Path

import typer

from elt.cli.options import AsJson, examples, note, print_json, project_folder
from elt.errors import EltError


@examples(
    ("elt plugins", "built in, installed, and in this project's plugins/"),
    ("elt plugins --json", "for programs"),
)
def plugins(context: typer.Context, as_json: AsJson = False) -> None:
    """List the taps and destinations that elt.toml can name."""
    from elt.plugins import plugins as list_plugins

    found = list_plugins(_root(project_folder(context)))
    if as_json:
        fields = ("name", "kind", "origin", "where")
        print_json([{field: getattr(p, field) for field in fields} for p in found])
        return
    from elt.report.tables import Column, print_table

    print_table(
        (Column("kind"), Column("name"), Column("origin"), Column("where")),
        [(p.kind, p.name, p.origin, p.where) for p in found],
    )
    note('\nAny other Singer tap: `executable = "tap-x"` in a table `[taps.NAME]`')


def _root(folder: Path | None) -> Path | None:
    """Find the project, if there is one: its file may well be broken yet."""
    from elt.project.load import find_root

    try:
        return find_root(folder or Path.cwd())
    except EltError:
        if folder is not None:
            raise  # it was asked for by name
        return None
