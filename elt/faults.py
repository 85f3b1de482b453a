"""Where tests let this process die, or its disk be full: the one hook for that.

Who claims that nothing is lost must die at every point of the way, from the first byte
that a tap wrote to the copy of its bookmark. The points are declared here, so that
tests try all of them. In normal use a point costs one comparison (30 nanoseconds), and
none is passed once for each row.

`ELT_TEST_FAULT` names the point, which of its passages, and what happens there:
`rows-written:2` kills, `rows-written:2:full` finds the disk full, `rows-written:2:io`
is DuckDB's word for the same. `trace:FILE` notes each point that is passed.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

VARIABLE = "ELT_TEST_FAULT"

Point = Literal[
    # The run begins, and finds or makes its warehouse.
    "run-recorded",
    "warehouse-made-aside",
    "warehouse-in-place",
    "migration-written",
    "warehouse-opened",
    "plan-recorded",
    # The tap writes, and what it writes is kept.
    "tap-starting",
    "tap-started",
    "bytes-read",
    "schema-taken",
    "records-spooled",
    "batch-taken",
    "state-taken",
    "tap-ended",
    "commit-handed-over",
    # One transaction.
    "transaction-begun",
    "table-ready",
    "room-made",
    "rows-written",
    "rejects-written",
    "replaced-rows-deleted",
    "rows-settled",
    "stream-noted",
    "bookmark-written",
    "commit-begins",
    "commit-done",
    # What follows it.
    "warehouse-closed",
    "bookmark-mirroring",
    "bookmark-mirrored",
    "commit-told",
    "parts-discarded",
    "spool-removed",
    "result-recorded",
    "run-ending",
    "run-ended",
]
POINTS: tuple[Point, ...] = get_args(Point)


def reach(point: Point) -> None:
    """Say that this point of the way is passed now."""
    if _strike is not None:
        _strike(point)


def armed(text: str) -> Callable[[Point], None] | None:
    """Read what the variable asks for; None where it asks for nothing."""
    name, _, rest = text.partition(":")
    if not rest:
        return None
    if name == "trace":
        return _tracing(Path(rest))
    passage, _, kind = rest.partition(":")
    left = int(passage)

    def strike(point: Point) -> None:
        nonlocal left
        if point == name:
            left -= 1
            if left == 0:
                _fail(kind, point)

    return strike


def _tracing(path: Path) -> Callable[[Point], None]:
    def note(point: Point) -> None:
        with path.open("a", encoding="utf-8") as trace:
            trace.write(f"{point}\n")

    return note


def _fail(kind: str, point: Point) -> None:
    match kind:
        case "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), point)
        case "io":
            # Not imported here: what decides in a run must not need DuckDB.
            raise sys.modules["duckdb"].IOException(f"Could not write file at {point}")
        case _:
            os.kill(os.getpid(), signal.SIGKILL)


_strike = armed(os.environ.get(VARIABLE, ""))
