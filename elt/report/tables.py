"""Tables of a few short columns, as every command prints them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.table import Table
from rich.text import Text

from elt.report import clean, marks, screen

_GAP = 2
_NARROWEST_SENTENCE = 20
_NARROWEST_NAME = 8


@dataclass(frozen=True, slots=True)
class Column:
    """`status` columns hold a status word and get its mark and colour.

    On a narrow terminal, columns that `give_way` are the first to be wrapped, and
    `whole` ones are never cut. `optional` columns are left out where all of their
    cells are empty, `spare` ones where there is no room for them beside the rest.
    """

    title: str
    right: bool = False
    status: bool = False
    give_way: bool = False
    whole: bool = False
    optional: bool = False
    spare: bool = False

    @property
    def is_whole(self) -> bool:
        # A number or a status that is cut says something else.
        return self.whole or self.right or self.status


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
    width = width or screen.width(stream)
    encoding = clean.encoding(stream)
    cells = [
        [_cell(*each, encoding) for each in zip(columns, row, strict=True)]
        for row in rows
    ]
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    widths = _widths(columns, cells, width)
    for n, wide in widths.items():
        _add_column(table, columns[n], wide)
    for row in cells:
        table.add_row(*(row[n] for n in widths))
    screen.show(table, stream, width)


def _widths(
    columns: Sequence[Column], cells: Sequence[Sequence[Text]], room: int
) -> dict[int, int]:
    """Choose the columns that are shown, by their place, and how wide each is."""
    widths = {
        n: max([len(column.title), *(row[n].cell_len for row in cells)])
        for n, column in enumerate(columns)
        if not column.optional or any(row[n].plain for row in cells)
    }
    if _excess(widths, room) > 0:
        widths = _without_spare(columns, widths, room)
    yielding = [n for n in widths if columns[n].give_way]
    others = [n for n in widths if not columns[n].is_whole and n not in yielding]
    _narrow(widths, yielding, room, floor=_NARROWEST_SENTENCE)
    _narrow(widths, others, room, floor=_NARROWEST_NAME)
    return widths


def _without_spare(
    columns: Sequence[Column], widths: Mapping[int, int], room: int
) -> dict[int, int]:
    """Leave out the spare columns that do not fit, optional ones before others."""
    kept = {n: wide for n, wide in widths.items() if not columns[n].spare}
    spare = sorted(widths.keys() - kept.keys(), key=lambda n: (columns[n].optional, n))
    for n in spare:
        if _excess({**kept, n: widths[n]}, room) <= 0:
            kept[n] = widths[n]
    return {n: kept[n] for n in widths if n in kept}


def _narrow(widths: dict[int, int], which: list[int], room: int, floor: int) -> None:
    """Take the excess from the widest of these columns, as far as the floor."""
    while which and _excess(widths, room) > 0:
        widest = max(which, key=lambda n: widths[n])
        if widths[widest] <= floor:
            return
        widths[widest] -= 1


def _excess(widths: Mapping[int, int], room: int) -> int:
    return sum(widths.values()) + _GAP * (len(widths) - 1) - room


def _add_column(table: Table, column: Column, width: int) -> None:
    table.add_column(
        Text(column.title),
        justify="right" if column.right else "left",
        overflow="fold" if column.give_way else "ellipsis",
        no_wrap=not column.give_way,
        width=width,
    )


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
