"""Where all events of a run come together: scrubbed, recorded, then shown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from elt.errors import EltError
from elt.events import Event, Listener, LogLine, ignore
from elt.runner.attempt import Stop
from elt.runner.store.recorder import Refused, scrubbed


@dataclass(slots=True, kw_only=True)
class Hub:
    """A listener for several threads at once; those behind it are called in turn.

    A run that cannot be recorded is stopped; where the log refuses one event, that is
    told, and the run goes on. A view that fails is not told any more: a closed
    terminal must not fail a load.
    """

    record: Listener
    keep: Listener = ignore  # is given events as they are, for bookmarks
    watch: Listener = ignore
    scrub: Callable[[str], str]
    stop: Stop
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __call__(self, event: Event) -> None:
        with self._lock:
            clean = scrubbed(event, self.scrub)
            self._record(event, clean)
            self._show(clean)

    def _record(self, event: Event, clean: Event) -> None:
        try:
            self._record_what_fits(clean)
            self.keep(event)
        except EltError as error:
            reason = f"the run log failed: {error.what}; `elt doctor` says the way out"
            self.stop.set(reason, error=EltError)

    def _record_what_fits(self, event: Event) -> None:
        try:
            self.record(event)
        except Refused as error:
            self._show(self._noted(f"{error.what}. It is a bug of elt", "error"))

    def _show(self, event: Event) -> None:
        try:
            self.watch(event)
        except Exception as error:  # noqa: BLE001  whatever a view may raise
            self.watch = ignore
            self._noted(f"the view failed and is not told any more: {error!r}")

    def _noted(
        self, text: str, level: Literal["warning", "error"] = "warning"
    ) -> LogLine:
        line = LogLine(step="", source="elt", level=level, text=self.scrub(text))
        with suppress(EltError):  # whatever comes next meets it, too
            self.record(line)
        return line
