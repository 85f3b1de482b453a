"""A tap's streams and columns as a tree: what is selected, and how it will load."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.text import Text
from rich.tree import Tree

from elt.report import clean, marks, screen
from elt.report.figures import counted


@dataclass(frozen=True, slots=True)
class ShownColumn:
    name: str
    type: str
    selected: bool
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class ShownStream:
    """A stream; `columns` is empty where they are not to be drawn."""

    id: str
    selected: bool
    how: str  # the mode and the replication, in words; empty where it is left out
    count: int
    columns: Sequence[ShownColumn] = ()


def print_catalog(
    tap: str, streams: Sequence[ShownStream], *, stream: TextIO | None = None
) -> None:
    out = stream or sys.stdout
    encoding = clean.encoding(out)
    chosen = sum(1 for each in streams if each.selected)
    total = counted(len(streams), "stream")
    tree = Tree(Text(f"{tap}: {total}, {chosen} selected", style="bold"))
    width = max((len(each.id) for each in streams), default=0)
    for each in streams:
        branch = tree.add(_stream_text(each, width, encoding))
        names = max((len(column.name) for column in each.columns), default=0)
        for column in each.columns:
            branch.add(_column_text(column, names, encoding))
    screen.show(tree, out)


def _stream_text(each: ShownStream, width: int, encoding: str) -> Text:
    status = "done" if each.selected else "skipped"
    text = Text()
    text.append(f"{marks.mark(status, encoding)} ", style=marks.colour(status))
    style = "bold" if each.selected else "dim"
    text.append(f"{clean.one_line(each.id):<{width}}", style=style)
    about = each.how if each.selected else "not selected"
    text.append(f"  {counted(each.count, 'column')}, {about}", style="dim")
    return text


def _column_text(column: ShownColumn, width: int, encoding: str) -> Text:
    status = "done" if column.selected else "skipped"
    text = Text()
    text.append(f"{marks.mark(status, encoding)} ", style=marks.colour(status))
    style = "" if column.selected else "dim"
    text.append(f"{clean.one_line(column.name):<{width}}", style=style)
    text.append(f"  {column.type}", style="cyan" if column.selected else "dim")
    if column.is_key:
        text.append("  key", style="yellow")
    return text
