"""`elt plugins`: what taps and destinations there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from elt.cli.options import AsJson, examples, note, print_json, project_folder
from elt.errors import EltError

_FIELDS = ("name", "kind", "origin", "where")


@examples(
    ("elt plugins", "built in, installed, in plugins/, and this project's packages"),
    ("elt plugins --json", "for programs"),
)
def plugins(context: typer.Context, as_json: AsJson = False) -> None:
    """List the taps, targets and destinations that elt.toml can name."""
    from elt.plugins import plugins as list_plugins

    root = _root(project_folder(context))
    found = [
        {field: str(getattr(plugin, field)) for field in _FIELDS}
        for plugin in list_plugins(root)
    ]
    if root is not None:
        found += _packages(root)
    if as_json:
        print_json(found)
        return
    from elt.report.tables import Column, print_table

    print_table(
        (Column("kind"), Column("name"), Column("origin"), Column("where")),
        [(each["kind"], each["name"], each["origin"], each["where"]) for each in found],
    )
    note('\nAny other Singer tap: `package = "tap-x"` in a table `[taps.NAME]`')


def _packages(root: Path) -> Iterator[dict[str, str]]:
    """Give the packages of the project's taps and targets; nothing is installed."""
    from elt.project.load import load_project
    from elt.singer.installed import Missing, look
    from elt.singer.packages import packages_of

    try:
        packages = packages_of(load_project(root))
    except EltError:
        note("elt.toml has errors, so its packages are not shown; `elt check` tells")
        return
    for package in packages:
        found = look(package)
        where = (
            f"{package.spec.text}, {found.reason}"
            if isinstance(found, Missing)
            else f"{found.distribution} {found.version}"
        )
        yield {
            "name": package.name,
            "kind": package.kind,
            "origin": "package",
            "where": where,
        }


def _root(folder: Path | None) -> Path | None:
    """Find the project, if there is one: its file may well be broken yet."""
    from elt.project.load import find_root

    try:
        return find_root(folder or Path.cwd())
    except EltError:
        if folder is not None:
            raise  # it was asked for by name
        return None
