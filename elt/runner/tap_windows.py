"""A run's window as a tap's settings take it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from elt.project.tap_settings import WindowTable
from elt.runner.spans import shown, shown_window
from elt.runner.windows import Window

_STEPS = tuple(
    timedelta(seconds=seconds) for seconds in (0.000001, 1, 60, 3_600, 86_400)
)


def told_to_tap(table: WindowTable, window: Window) -> dict[str, str]:
    """Give the settings that hold a window, in UTC.

    What the format cannot tell is rounded away from the window: a tap that takes days
    reads the whole of its first and of its last.
    """
    start, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
    told = {table.start: start.strftime(table.format)}
    if table.end is not None:
        told[table.end] = _rounded_up(end, table.format).strftime(table.format)
    return told


def note_of_window(table: WindowTable, window: Window) -> str:
    """Say what a tap reads in a run with a window."""
    if table.end is None:
        from_on = f"reads from {shown(window.start)} on"
        return f"{from_on}: the tap has no setting for an end; its bookmark stays"
    return f"reads {shown_window(window)}; its bookmark stays"


def _rounded_up(moment: datetime, format_: str) -> datetime:
    """Find the first full second, minute, hour or day that a format tells wholly."""
    for step in _STEPS:
        passed = (
            moment - moment.replace(hour=0, minute=0, second=0, microsecond=0)
        ) % step
        full = moment + (step - passed if passed else timedelta(0))
        if _is_told(full, format_):
            return full
    return moment


def _is_told(moment: datetime, format_: str) -> bool:
    try:
        read = datetime.strptime(  # noqa: DTZ007  few formats tell the zone
            moment.strftime(format_), format_
        )
    except ValueError:
        return False  # a format that can be written and not be read
    return read.replace(tzinfo=read.tzinfo or UTC) == moment
