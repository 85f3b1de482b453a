"""A run's window in dbt's words; an ordinary run says nothing of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Window(Protocol):
    """From a moment to another, which is not in it any more."""

    @property
    def start(self) -> datetime: ...

    @property
    def end(self) -> datetime: ...


def window_vars(window: Window) -> dict[str, str]:
    """Give the vars that a model may ask for, in UTC; the end is not in the window."""
    return {"elt_window_start": _iso(window.start), "elt_window_end": _iso(window.end)}


def event_times(window: Window) -> list[str]:
    """Give dbt's arguments for microbatch models, in UTC and in whole seconds.

    dbt widens them to whole batches of each model, and so does a fraction.
    """
    fraction = timedelta(microseconds=window.end.microsecond)
    up = window.end - fraction + timedelta(seconds=1) if fraction else window.end
    times = {"--event-time-start": window.start, "--event-time-end": up}
    return [
        part
        for name, moment in times.items()
        for part in (name, f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}")
    ]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
