"""Commits of one tap: when one is worth it, what is in it, and one at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime

from elt.events import Listener
from elt.faults import reach
from elt.singer.moved_marks import not_behind
from elt.targets.bookmarks import carry_over
from elt.targets.stream_load import Held, StreamLoad
from elt.targets.tap_load import TapLoad
from elt.targets.writing.commit import Batch, Committed, commit
from elt.targets.writing.plans import Stamp
from elt.warehouse.duckdb import Warehouse


class Commits:
    """Commits run in a thread beside the one that reads the tap's messages."""

    def __init__(
        self,
        load: TapLoad,
        warehouse: Warehouse,
        *,
        listen: Listener,
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._load = load
        self._warehouse = warehouse
        self._listen = listen
        self._clock = clock
        self._now = now
        self._started_at = now()
        self._state: bytes | None = None  # the last one that was handed over
        self._last = clock()
        self._waiting_bytes = 0
        self._waiting_rows = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._running: Future[Committed] | None = None

    def count(self, size_bytes: int, rows: int = 0) -> None:
        """Note what has come for the next one."""
        self._waiting_bytes += size_bytes
        self._waiting_rows += rows

    def is_due(self) -> bool:
        load = self._load
        return (
            self._waiting_bytes >= load.commit_bytes
            or self._clock() - self._last >= load.commit_seconds
            or (load.commit_rows is not None and self._waiting_rows >= load.commit_rows)
            or (load.commit_first and self._state is None)
        )

    def batch(
        self,
        streams: Mapping[str, StreamLoad],
        held: Mapping[str, Held],
        state: bytes | None,
    ) -> Batch | None:
        """Put together what is held of the streams; None where nothing is new."""
        load = self._load
        moved = state if load.moves_bookmark else None
        if not held and moved in {None, self._state}:
            return None
        return Batch(
            step=load.step,
            stamp=Stamp(
                run_id=load.run_id,
                environment=load.environment,
                tap=load.tap,
                started_at=self._started_at,
                at=self._now(),
            ),
            streams={
                name: stream.batch(held[name])
                for name, stream in streams.items()
                if name in held
            },
            state=moved and self._with_other_streams(moved, streams),
            limits=load.limits,
            keeps_resets=not load.moves_bookmark,
        )

    def start(self, batch: Batch, state: bytes | None) -> None:
        """Begin one, when none is under way; `state` is what it holds up to."""
        self._waiting_bytes = self._waiting_rows = 0
        self._state = state or self._state
        self._last = self._clock()
        self._running = self._thread.submit(
            commit, self._warehouse, batch, self._listen
        )
        reach("commit-handed-over")

    def wait(self) -> Committed:
        """Wait for the one that is under way. Raises what it could not commit for."""
        running, self._running = self._running, None
        return Committed() if running is None else running.result()

    def close(self) -> None:
        self._thread.shutdown()

    def _with_other_streams(
        self, state: bytes, streams: Mapping[str, StreamLoad]
    ) -> bytes:
        load = self._load
        plans = [*load.streams.values(), *(one.plan for one in streams.values())]
        before, held_up = load.previous_state, load.not_behind
        return carry_over(
            not_behind(state, before, held_up) if held_up else state,
            before,
            read={plan.stream for plan in plans},
            unread=load.unread,
        )
