"""What goes together where a tap is read by windows, or a stream looks back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from elt.project.check import Problem, named
from elt.project.duration_rules import duration_problems
from elt.project.locate import KeyPath
from elt.project.stream_settings import StreamTable
from elt.project.tap_settings import TapTable, WindowTable

_TWO_DAYS = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))


def window_problems(
    path: KeyPath, tap: TapTable, window: WindowTable
) -> Iterator[Problem]:
    name = path[1]
    if tap.target is not None:
        yield Problem(
            path,
            path,
            f"tap `{name}` is loaded by target `{tap.target}`, whose word alone moves"
            " its bookmark: it cannot be read by windows",
            "Take `window` out, or `target`",
        )
    if window.start == window.end:
        yield Problem(
            path,
            (*path, "end"),
            f"`{window.end}` cannot be both the start and the end of a window",
            "Name two settings of the tap",
        )
    if "%s" in window.format:
        yield Problem(
            path,
            (*path, "format"),
            "`%s` means another moment on each machine, if anything",
            'Use a date, as in `format = "%Y-%m-%d"`',
        )
    elif len({day.strftime(window.format) for day in _TWO_DAYS}) == 1:
        yield Problem(
            path,
            (*path, "format"),
            f"`{window.format}` writes each day alike",
            'Use the signs of `strftime`, as in `format = "%Y-%m-%d"`',
        )


def lookback_problems(
    path: KeyPath, stream: StreamTable, *, target: str | None
) -> Iterator[Problem]:
    if stream.lookback is None:
        return
    key = (*path, "lookback")
    if isinstance(stream.lookback, str):
        nothing = (
            f"{named(path)} has a `lookback` of nothing",
            "Take it out, or say how far, as in `3d`",
        )
        yield from duration_problems(key, stream.lookback, nothing=nothing)
    if stream.replication_method == "FULL_TABLE":
        yield Problem(
            path,
            key,
            f"{named(path)} is read in full each time, and has nothing to look back to",
            "Take `lookback` out",
        )
    elif target is not None or stream.mode not in {None, "upsert"}:
        how = f"target `{target}`" if target else f"`{stream.mode}`"
        yield Problem(
            path,
            key,
            f"{named(path)} is written by {how}, and rows that are read again by"
            " `lookback` could be there twice",
            "Take `lookback` out" + ("" if target else ', or use `mode = "upsert"`'),
        )
