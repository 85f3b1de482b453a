"""Drawing with rich: on a terminal as wide as it is, elsewhere as wide as needed."""

from __future__ import annotations

import shutil
from typing import TextIO

from rich.console import Console, RenderableType

# Beyond a terminal a table is as wide as its cells; no one reads wider ones.
_UNBOUNDED = 4_000


def console(stream: TextIO, columns: int | None = None) -> Console:
    """Make a console that writes text as it is: no markup, no highlighting.

    Colours follow the stream, NO_COLOR, FORCE_COLOR and TERM, as rich reads them.
    """
    return Console(
        file=stream,
        width=columns or width(stream),
        markup=False,
        highlight=False,
        emoji=False,
    )


def show(
    renderable: RenderableType, stream: TextIO, columns: int | None = None
) -> None:
    """Draw something once, without the blanks that tables leave at the line ends."""
    screen = console(stream, columns)
    with screen.capture() as captured:
        screen.print(renderable)
    lines = captured.get().split("\n")
    stream.write("\n".join(line.rstrip() for line in lines))
    stream.flush()


def width(stream: TextIO) -> int:
    return shutil.get_terminal_size().columns if stream.isatty() else _UNBOUNDED
