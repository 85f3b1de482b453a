"""One JSON object a line for each event: for machines that watch a run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Self, TextIO

from elt.events import Event


def event_name(event: Event) -> str:
    """Name an event as the JSON log and the run log do: `rows_loaded`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()


def as_object(time: datetime, event: Event) -> dict[str, Any]:
    told = time.astimezone(UTC).isoformat(timespec="milliseconds")
    return {"time": told, "event": event_name(event)} | asdict(event)


def utc_now() -> datetime:
    return datetime.now(UTC)


class JsonLog:
    """A view that draws nothing: every event as one line, in UTC."""

    def __init__(self, stream: TextIO, now: Callable[[], datetime] = utc_now) -> None:
        self._stream = stream
        self._now = now

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.flush()

    def listen(self, event: Event) -> None:
        line = as_object(self._now(), event)
        self._stream.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._stream.flush()
