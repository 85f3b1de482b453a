"""Tables of a few short columns, as every command prints them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.table import Table
from rich.text import Text

from elt.report import clean, marks, screen


@dataclass(frozen=True, slots=True)
class Column:
    """`status` columns hold a status word and get its mark and colour.

    Columns that `give_way` are the first to be cut on a narrow terminal.
    """

    title: str
    right: bool = False
    status: bool = False
    give_way: bool = False


@dataclass(frozen=True, slots=True)
class Styled:
    """A cell with a colour of its own."""

    text: str
    style: str


Cell = str | int | None | Styled


def print_table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    stream: TextIO | None = None,
    width: int | None = None,
) -> None:
    stream = stream or sys.stdout
    table = make_table(columns, rows, clean.encoding(stream))
    screen.show(table, stream, width)


def make_table(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell]], encoding: str = "utf-8"
) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            overflow="fold" if column.give_way else "ellipsis",
            no_wrap=not column.give_way,
            ratio=None,
        )
    for row in rows:
        cells = zip(columns, row, strict=True)
        table.add_row(*(_cell(column, cell, encoding) for column, cell in cells))
    return table


def _cell(column: Column, cell: Cell, encoding: str) -> Text:
    if isinstance(cell, Styled):
        return Text(clean.cell(cell.text), style=cell.style)
    if cell is None:
        return Text("")
    if isinstance(cell, int):
        return Text(f"{cell:,}")
    if column.status:
        return status_text(cell, encoding)
    return Text(clean.cell(cell))


def status_text(status: str, encoding: str = "utf-8") -> Text:
    words = f"{marks.mark(status, encoding)} {status}"
    return Text(words, style=marks.colour(status))
