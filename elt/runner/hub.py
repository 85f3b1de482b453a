"""Where all events of a run come together: scrubbed, recorded, then shown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from elt.errors import EltError
from elt.events import Event, Listener, LogLine, ignore
from elt.runner.attempt import Stop
from elt.runner.store.recorder import scrubbed


@dataclass(slots=True, kw_only=True)
class Hub:
    """A listener for several threads at once; those behind it are called in turn.

    A run that cannot be recorded is stopped. A view that fails is not told any more:
    a closed terminal must not fail a load.
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
            self.record(clean)
            self.keep(event)
        except EltError as error:
            reason = f"the run log failed: {error.what}; `elt doctor` says the way out"
            self.stop.set(reason, timed_out=True)

    def _show(self, event: Event) -> None:
        try:
            self.watch(event)
        except Exception as error:  # noqa: BLE001  whatever a view may raise
            self.watch = ignore
            text = f"the view failed and is not told any more: {error!r}"
            self.record(LogLine(step="", source="elt", level="warning", text=text))
