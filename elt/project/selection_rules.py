"""Named selections: that each one they name is there, and that none contains itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

from elt.project.check import Problem
from elt.project.locate import KeyPath
from elt.project.nearest import did_you_mean
from elt.project.selection_settings import SelectionTable
from elt.project.settings import File

_SELECTOR = re.compile(r"(?:^|[\s,@+])selector:([^\s,+]+)")


def selections_are_not_in_a_circle(file: File) -> Iterator[Problem]:
    for name, table in file.selections.items():
        for key, named in _named(table):
            path: KeyPath = ("selections", name)
            if named not in file.selections:
                yield Problem(
                    path,
                    (*path, key),
                    f"selection `{name}` names `{named}`, which is not under"
                    " `[selections]`",
                    did_you_mean(named, file.selections),
                )
            elif _leads_to(file, named, name):
                yield Problem(
                    path,
                    (*path, key),
                    f"selection `{name}` contains itself, through `{named}`",
                    f"Take `selector:{named}` out of one of them",
                )


def _leads_to(file: File, start: str, end: str) -> bool:
    seen: set[str] = set()
    to_follow = [start]
    while to_follow:
        name = to_follow.pop()
        if name not in seen and name in file.selections:
            seen.add(name)
            to_follow += [named for _, named in _named(file.selections[name])]
    return end in seen


def _named(table: SelectionTable) -> Iterator[tuple[str, str]]:
    """Give the selections that a selection names, each with the key it stands in."""
    for key, texts in (("select", table.select), ("exclude", table.exclude)):
        for text in [texts] if isinstance(texts, str) else texts:
            yield from ((key, named) for named in _SELECTOR.findall(text))
