"""Messages of one tap become batches, and batches become commits.

A STATE is one value and holds only after everything that was received before it. So
everything uncommitted of a tap (all its streams) commits together with it, in one
transaction; what came after the last STATE waits for the next one, and is thrown
away when the tap fails, because it will be read again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from elt.errors import EltError
from elt.events import Listener, LogLine, RowsRead
from elt.singer.messages import SET_ASIDE, Message, decode, raw_json
from elt.targets.bookmarks import carry_over
from elt.targets.columns import Column, columns_of, table_name
from elt.targets.commit import Batch, Committed, StreamBatch, commit
from elt.targets.duckdb import Stamp, StreamPlan
from elt.targets.evolve import Change
from elt.targets.modes import Mode, decide
from elt.targets.parts import Part, Records, append_records, discard, files_of
from elt.warehouse.duckdb import Warehouse


class SchemaMissing(EltError):
    """The tap wrote rows before it said what they look like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapLoad:
    """What the run has decided about loading one tap.

    `plan_for` plans a stream that `streams` lacks, from its name and its key.
    """

    step: str
    tap: str
    environment: str
    run_id: str
    schema: str
    streams: Mapping[str, StreamPlan]  # by each name that a message may use
    spool: Path
    left_out: frozenset[str] = frozenset()  # names of streams that are not wanted
    unread: frozenset[str] = frozenset()  # ids of those that only this run leaves out
    previous_state: str | None = None  # has the bookmarks of streams not read now
    plan_for: Callable[[str, tuple[str, ...]], StreamPlan] | None = None
    needs_properties: bool = False  # a SCHEMA without them is an error
    reject_limit: int = 1000
    # A commit opens the file, inserts and closes it (40 ms beside the insert): worth
    # it for so many bytes, or when rows have waited for so long.
    commit_bytes: int = 64_000_000
    commit_seconds: float = 15.0
    commit_rows: int | None = None
    commit_first: bool = False  # the first STATE at once, to see early what is wrong


@dataclass(slots=True)
class StreamLoad:
    """One stream while its tap runs, and its counts afterwards."""

    plan: StreamPlan
    columns: tuple[Column, ...]
    schema: bytes
    parts: list[Part] = field(default_factory=list)
    waiting: list[msgspec.Raw] = field(default_factory=list)
    received: bool = False
    set_aside: bool = False  # its rows are what the tap could not make sense of
    complete: bool = False  # evidence that an overwrite has all its rows
    swapped: bool = False
    rows: int = 0
    rejects: int = 0
    widened: list[Change] = field(default_factory=list)
    error: EltError | None = None

    @property
    def aside(self) -> bool:
        """Whether rows wait for evidence that they are the whole table."""
        return self.plan.mode.name == "overwrite" and not self.complete


class Loading:
    """A tap's messages on their way into the warehouse.

    Feed it with lines; then call `finish` when the tap ended well, or `abandon` when
    it did not. For one thread; commits run beside it.
    """

    def __init__(
        self,
        load: TapLoad,
        warehouse: Warehouse,
        *,
        listen: Listener,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.streams: dict[str, StreamLoad] = {}
        self._load = load
        self._warehouse = warehouse
        self._listen = listen
        self._clock = clock
        self._now = now
        self._state: bytes | None = None
        self._committed_state: bytes | None = None
        # The last STATE that may be committed, with the parts that it covers.
        self._mark: tuple[bytes, dict[str, tuple[Part, ...]]] | None = None
        self._started_at = now()
        self._last_commit = clock()
        self._spooled_bytes = 0
        self._spooled_rows = 0
        self._spools = 0
        self._committer = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._committing: Future[Committed] | None = None
        load.spool.mkdir(parents=True, exist_ok=True)

    def feed(self, lines: Iterable[bytes]) -> None:
        """Take in some lines; commit when a STATE makes it possible and worth it."""
        # One decode per line and no copies: this loop is most of our own time.
        streams = self.streams
        for line in lines:
            message = decode(line)
            if message.type == "RECORD":
                try:
                    streams[message.stream].waiting.append(message.record)
                except KeyError:
                    self._refuse_if_wanted(message)
            else:
                self._spool_waiting()
                self._take(message)
        self._spool_waiting()

    def finish(self) -> None:
        """Commit everything: the tap ended well, so its last STATE holds."""
        try:
            self._wait()
            for stream in self.streams.values():
                stream.complete = True
            self._submit(self._uncommitted(everything=True), self._state)
            self._wait(last=True)
        finally:
            self._committer.shutdown()

    def abandon(self) -> None:
        """Commit what the last STATE covers and drop the rest: the tap ended badly."""
        try:
            self._wait()
            if self._mark is not None:
                state, parts = self._mark
                _cut(parts)
                self._submit(parts, state)
                self._wait()
        finally:
            self._committer.shutdown()
            for stream in self.streams.values():
                for part in stream.parts:
                    discard(part)

    def _take(self, message: Message) -> None:
        match message.type:
            case "SCHEMA":
                self._take_schema(message)
            case "STATE":
                self._take_state(bytes(message.value))
            case "BATCH":
                self._take_batch(message)
            case "ACTIVATE_VERSION":
                stream = self.streams.get(message.stream)
                if stream is not None and stream.received:
                    stream.complete = True
            case "":
                pass
            case unknown:
                self._warn(f"left out a message of the unknown type `{unknown}`")

    def _take_schema(self, message: Message) -> None:
        if message.stream in self._load.left_out:
            return
        text = bytes(message.schema)
        stream = self.streams.get(message.stream)
        if stream is not None and stream.schema == text:
            return
        declared = raw_json(message.schema)
        if not message.stream or not isinstance(declared, dict):
            raise EltError("the tap wrote a SCHEMA without a stream or a schema")
        if self._load.needs_properties and "properties" not in declared:
            raise EltError(f"the SCHEMA of stream `{message.stream}` has no properties")
        columns = columns_of(declared)
        if stream is None:
            plan = _with_key(
                self._load.streams.get(message.stream) or self._unplanned(message),
                message.key_properties or (),
            )
            self.streams[message.stream] = StreamLoad(plan, columns, text)
        else:
            stream.columns, stream.schema = columns, text
        self.streams[message.stream].set_aside = bool(declared.get(SET_ASIDE))

    def _unplanned(self, message: Message) -> StreamPlan:
        """Load a stream that the catalog does not know by what its SCHEMA says."""
        key = tuple(message.key_properties or ())
        if self._load.plan_for is not None:
            return self._load.plan_for(message.stream, key)
        return StreamPlan(
            stream=message.stream,
            schema=self._load.schema,
            table=table_name(message.stream),
            mode=decide(key=key, replication_method=None),
            key=key,
        )

    def _take_batch(self, message: Message) -> None:
        stream = self.streams.get(message.stream)
        if stream is None:
            self._refuse_if_wanted(message)
            return
        part = files_of(message, stream.columns, self._load.spool)
        stream.parts.append(part)
        stream.received = True
        self._spooled_bytes += sum(_size(file.path) for file in part.files)

    def _refuse_if_wanted(self, message: Message) -> None:
        """Let rows go by that some taps send though their stream is not selected."""
        if message.stream not in self._load.left_out:
            raise SchemaMissing(
                f"the tap wrote a {message.type} of stream `{message.stream}` before"
                " its SCHEMA",
                hint="That is a bug of the tap: without a schema no table can be made",
            )

    def _take_state(self, state: bytes) -> None:
        if not state or not raw_json(msgspec.Raw(state)):
            return  # an empty STATE says nothing and must not erase one that does
        self._state = state
        if any(stream.aside for stream in self.streams.values()):
            return
        self._mark = (state, self._uncommitted())
        if self._is_due():
            self._submit(self._uncommitted(), state)

    def _is_due(self) -> bool:
        load = self._load
        return (
            self._spooled_bytes >= load.commit_bytes
            or self._clock() - self._last_commit >= load.commit_seconds
            or (load.commit_rows is not None and self._spooled_rows >= load.commit_rows)
            or (load.commit_first and self._committed_state is None)
        )

    def _spool_waiting(self) -> None:
        for name, stream in self.streams.items():
            if not stream.waiting:
                continue
            records, stream.waiting = stream.waiting, []
            before = self._open_spool(stream)
            part = append_records(before, records)
            stream.parts[-1] = part
            stream.received = True
            self._spooled_bytes += part.size_bytes - before.size_bytes
            self._spooled_rows += len(records)
            self._listen(RowsRead(step=self._load.step, stream=name, rows=len(records)))

    def _open_spool(self, stream: StreamLoad) -> Records:
        last = stream.parts[-1] if stream.parts else None
        if isinstance(last, Records) and last.columns == stream.columns:
            return last
        self._spools += 1
        path = self._load.spool / f"{self._spools}.jsonl"
        part = Records(path=path, columns=stream.columns)
        stream.parts.append(part)
        return part

    def _uncommitted(self, *, everything: bool = False) -> dict[str, tuple[Part, ...]]:
        """Give the parts to commit; at the end also streams without any rows."""
        return {
            name: tuple(stream.parts)
            for name, stream in self.streams.items()
            if stream.parts or (everything and not stream.swapped)
        }

    def _submit(
        self, parts: Mapping[str, tuple[Part, ...]], state: bytes | None
    ) -> None:
        """Hand parts to the thread that commits, one commit at a time."""
        self._wait()
        if not parts and state in {None, self._committed_state}:
            return
        batch = Batch(
            step=self._load.step,
            stamp=Stamp(
                run_id=self._load.run_id,
                environment=self._load.environment,
                tap=self._load.tap,
                started_at=self._started_at,
                at=self._now(),
            ),
            streams={name: self._batch_of(name, held) for name, held in parts.items()},
            state=state and self._with_other_streams(state),
            reject_limit=self._load.reject_limit,
        )
        for name in parts:
            stream = self.streams[name]
            stream.parts = []
            stream.swapped = True
            stream.plan = _after_first_commit(stream.plan)
        self._mark, self._spooled_bytes, self._spooled_rows = None, 0, 0
        self._committed_state = state or self._committed_state
        self._last_commit = self._clock()
        self._committing = self._committer.submit(
            commit, self._warehouse, batch, self._listen
        )

    def _with_other_streams(self, state: bytes) -> bytes:
        plans = [*self._load.streams.values(), *(s.plan for s in self.streams.values())]
        return carry_over(
            state,
            self._load.previous_state,
            read={plan.stream for plan in plans},
            unread=self._load.unread,
        )

    def _batch_of(self, name: str, parts: tuple[Part, ...]) -> StreamBatch:
        stream = self.streams[name]
        return StreamBatch(
            plan=stream.plan,
            columns=stream.columns,
            parts=parts,
            rejects_before=stream.rejects,
        )

    def _wait(self, *, last: bool = False) -> None:
        """Wait for the commit that is under way, and take over its counts.

        Raises the error of a stream that it left out, unless nothing follows: the tap
        may go on, but no later STATE of it could be committed.
        """
        if self._committing is None:
            return
        running, self._committing = self._committing, None
        try:
            done = running.result()
        except BaseException:
            self._mark = None  # it stands on rows that are not in
            raise
        for name, written in done.written.items():
            self.streams[name].rows += written.rows
            self.streams[name].rejects += written.rejects
            self.streams[name].widened += [c for c in written.changes if c.widens]
        for name, error in done.failed.items():
            self.streams[name].error = error
        if done.failed and not last:
            self._mark = None
            raise next(iter(done.failed.values()))

    def _warn(self, text: str) -> None:
        self._listen(
            LogLine(
                step=self._load.step,
                source=self._load.tap,
                level="warning",
                text=text,
            )
        )


def _with_key(plan: StreamPlan, key: Sequence[str]) -> StreamPlan:
    """Take the key from the SCHEMA where the catalog names none, as old taps do."""
    if not (plan.learns_key and key):
        return plan
    mode = plan.mode
    if mode.name == "append":
        mode = decide(key=key, replication_method=None)
    return replace(plan, key=tuple(key), mode=mode)


def _after_first_commit(plan: StreamPlan) -> StreamPlan:
    """Make room only once: later rows of the same run come in addition."""
    if plan.mode.name != "overwrite":
        return plan
    mode = Mode("upsert" if plan.key else "append", "after the overwrite")
    return replace(plan, mode=mode)


def _cut(parts: Mapping[str, tuple[Part, ...]]) -> None:
    """Take back what was spooled after the mark; it will be read again."""
    for held in parts.values():
        for part in held:
            if isinstance(part, Records):
                os.truncate(part.path, part.size_bytes)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # reading it will say so
