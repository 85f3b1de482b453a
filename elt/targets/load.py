"""Messages of one tap become batches, and batches become commits.

A STATE is one value and holds only after everything that was received before it. So
everything uncommitted of a tap (all its streams) commits together with it, in one
transaction; what came after the last STATE waits for the next one, and is thrown
away when the tap fails, because it will be read again.

A tap may tell of each stream how it ended (`elt.singer.endings`); of one that tells
nothing, its own end is what is known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from elt.errors import EltError
from elt.events import Listener, LogLine, RowsRead
from elt.faults import reach
from elt.project.atomic import make_private_folder
from elt.singer.endings import Ending, ending_of
from elt.singer.messages import SET_ASIDE, Message, decode, raw_json, utf_8
from elt.targets.bookmarks import says_nothing
from elt.targets.columns import table_name
from elt.targets.commits import Commits
from elt.targets.endings import Endings, rows_may_stay
from elt.targets.reading.parts import Records, append_records, discard, files_of
from elt.targets.stream_load import Held, Pending, StreamLoad, cut, with_key
from elt.targets.tap_load import TapLoad
from elt.targets.writing.declared import declared_columns, ignored
from elt.targets.writing.modes import decide
from elt.targets.writing.plans import StreamPlan
from elt.warehouse.duckdb import Warehouse


class SchemaMissing(EltError):
    """The tap wrote rows before it said what they look like."""


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
        start = load.previous_state or "{}"
        self.endings = Endings(load.streams, start=start if load.knows_start else None)
        self._load = load
        self._listen = listen
        self._state: bytes | None = None
        # The last STATE that may be committed; what it covers is held.
        self._mark: bytes | None = None
        self._last_mark: bytes | None = None  # also when it is committed
        self._pending = Pending()
        self._waiting: dict[str, StreamLoad] = {}  # those with records to spool
        self._spools = 0
        self._commits = Commits(load, warehouse, listen=listen, clock=clock, now=now)
        make_private_folder(load.spool)

    def feed(self, lines: Iterable[bytes]) -> None:
        """Take in some lines; commit when a STATE makes it possible and worth it."""
        # One decode per line and no copies: this loop is most of our own time.
        streams, waiting = self.streams, self._waiting
        for line in lines:
            message = decode(line)
            if message.type == "RECORD":
                stream = streams.get(message.stream)
                if stream is None:
                    self._refuse_if_wanted(message)
                    continue
                if message.version != stream.version:
                    self._spool_waiting()
                    stream.version = message.version
                if not stream.waiting:
                    waiting[message.stream] = stream
                stream.waiting.append(message.record)
            else:
                self._spool_waiting()
                self._take(message)
        self._spool_waiting()

    def finish(self, *, well: bool = True) -> None:
        """Commit everything: the tap ended well, so its last STATE holds.

        Where only streams whose end it has told did, the others are left off.
        """
        reach("tap-ended")
        try:
            self._wait()
            for name, stream in self.streams.items():
                if not well and not stream.ended:
                    self._leave_off(name)
            for stream in self.streams.values():
                stream.end(tells=self._load.end_tells)
            self._submit(self._uncommitted(), self._state)
            self._wait(last=True)
        finally:
            self._commits.close()

    def abandon(self) -> None:
        """Commit what the last STATE covers and drop the rest: the tap ended badly."""
        try:
            self._wait()
            if self._mark is not None:
                for held in self._pending.held.values():
                    cut(held.parts)
                self._submit(self._pending.held, self._mark)
                self._wait()
        finally:
            self._commits.close()
            for stream in self.streams.values():
                for part in stream.parts:
                    discard(part)

    def _take(self, message: Message) -> None:
        match message.type:
            case "SCHEMA":
                self._take_schema(message)
            case "STATE":
                self._take_state(utf_8(message.value))
            case "BATCH":
                self._take_batch(message)
            case "ACTIVATE_VERSION":
                stream = self.streams.get(message.stream)
                # Behind a window it would let go of all that lies outside.
                if stream is not None and self._load.moves_bookmark:
                    stream.activate(message.version)
                    self._pending.note(message.stream, stream)
            case "":
                pass
            case unknown:
                self._warn(f"left out a message of the unknown type `{unknown}`")

    def _take_schema(self, message: Message) -> None:
        if message.stream in self._load.left_out:
            return
        name, ending = message.stream, ending_of(message)
        has_ended = self.endings.has(name)
        if ending is None and has_ended:
            return
        if ending is None or ending.has_rows:
            self._declare(message)
        if ending is not None:
            self.endings.tell(name, ending)
            if not has_ended:
                self._take_ending(name, ending)
        reach("schema-taken")

    def _take_ending(self, name: str, ending: Ending) -> None:
        stream = self.streams.get(name)
        if not ending.has_rows:
            self._leave_off(name, ending)
        elif stream is not None:
            if ending.end == "partial":
                stream.keep_unread(ending.stay)
            stream.end(tells=True)
        if stream is not None:
            stream.ended = True
            self._pending.note(name, stream)

    def _leave_off(self, name: str, ending: Ending | None = None) -> None:
        stream = self.streams.get(name)
        if stream is not None and rows_may_stay(stream, ending):
            stream.leave_off(stream.held())
            return
        held = self._pending.held.get(name, Held())
        self.endings.leave_off(name, stream, held=held, mark=self._last_mark)
        if self._state is not None:
            self._state = self.endings.applied_to(self._state)

    def _declare(self, message: Message) -> None:
        text = bytes(message.schema)
        key = tuple(message.key_properties or ())
        stream = self.streams.get(message.stream)
        if stream and (stream.schema, stream.declared_key) == (text, key):
            return
        declared = raw_json(message.schema)
        if not message.stream or not isinstance(declared, dict):
            raise EltError("the tap wrote a SCHEMA without a stream or a schema")
        if self._load.needs_properties and "properties" not in declared:
            raise EltError(f"the SCHEMA of stream `{message.stream}` has no properties")
        plan = with_key(
            self._load.streams.get(message.stream) or self._unplanned(message), key
        )
        columns = declared_columns(declared, plan)
        if stream is None:
            stream = self.streams[message.stream] = StreamLoad(plan, columns, text)
        elif stream.declared_key != key:
            stream.change_key(plan)
        stream.columns, stream.schema, stream.declared_key = columns, text, key
        stream.set_aside = bool(declared.get(SET_ASIDE))
        self._pending.note(message.stream, stream)

    def _unplanned(self, message: Message) -> StreamPlan:
        """Load a stream that the catalog does not know by what its SCHEMA says."""
        key = tuple(message.key_properties or ())
        if self._load.plan_for is not None:
            return self._load.plan_for(message.stream, key)
        mode = decide(key=key, replication_method=None)
        if mode.name != "upsert" and not self._load.moves_bookmark:
            raise EltError(
                f"stream `{message.stream}`, which the catalog does not know, has no"
                " key, so that a window of it read twice would be there twice"
            )
        return StreamPlan(
            stream=message.stream,
            schema=self._load.schema,
            table=table_name(message.stream),
            mode=mode,
            key=key,
        )

    def _take_batch(self, message: Message) -> None:
        stream = self.streams.get(message.stream)
        if stream is None:
            self._refuse_if_wanted(message)
            return
        self._refuse_after_end("BATCH", message.stream)
        load = self._load
        part = files_of(message, stream.columns, load.spool, storage=load.storage)
        ignore = (*part.ignore, *ignored(stream.plan))
        part = replace(part, ignore=ignore, key_number=stream.key_number)
        stream.parts.append(part)
        stream.received = True
        self._pending.note(message.stream, stream)
        self._commits.count(sum(_size(file.path) for file in part.files))
        reach("batch-taken")

    def _refuse_after_end(self, what: str, name: str) -> None:
        if self.streams[name].ended:
            raise EltError(
                f"the tap wrote a {what} of stream `{name}` after it had told how that"
                " ended",
                hint="That is a bug of the tap",
            )

    def _refuse_if_wanted(self, message: Message) -> None:
        """Let rows go by that some taps send though their stream is not selected."""
        if message.stream not in self._load.left_out:
            raise SchemaMissing(
                f"the tap wrote a {message.type} of stream `{message.stream}` before"
                " its SCHEMA",
                hint="That is a bug of the tap: without a schema no table can be made",
            )

    def _take_state(self, state: bytes) -> None:
        if says_nothing(state, first=self._state is None):
            return
        self._state = state = self.endings.applied_to(state)
        reach("state-taken")
        if not self._pending.mark():
            return
        self._mark = self._last_mark = state
        if self._commits.is_due():
            self._submit(self._pending.held, state)

    def _spool_waiting(self) -> None:
        for name in tuple(self._waiting):
            stream = self._waiting.pop(name)
            self._refuse_after_end("RECORD", name)
            records, stream.waiting = stream.waiting, []
            before = self._open_part(stream)
            part = append_records(before, records)
            stream.parts[-1] = part
            stream.received = True
            self._pending.note(name, stream)
            self._commits.count(part.size_bytes - before.size_bytes, len(records))
            self._listen(RowsRead(step=self._load.step, stream=name, rows=len(records)))
            reach("records-spooled")

    def _open_part(self, stream: StreamLoad) -> Records:
        path = self._load.spool / f"{self._spools + 1}.jsonl"
        part = stream.open_part(Records(path=path, columns=()))
        if part.path == path:
            self._spools += 1
        return part

    def _uncommitted(self) -> dict[str, Held]:
        """Give what is to commit at the end, also streams without any rows."""
        return {
            name: stream.held()
            for name, stream in self.streams.items()
            if stream.held() != Held() or not (stream.committed or stream.left_off)
        }

    def _submit(self, held: Mapping[str, Held], state: bytes | None) -> None:
        """Hand parts to the thread that commits, one commit at a time."""
        self._wait()
        batch = self._commits.batch(self.streams, held, state)
        if batch is None:
            return
        for name in batch.streams:
            self._pending.let_go(name, self.streams[name])
        self._mark = None
        self._commits.start(batch, state)

    def _wait(self, *, last: bool = False) -> None:
        """Wait for the commit that is under way, and take over its counts.

        Raises the error of a stream that it left out, unless nothing follows: the tap
        may go on, but no later STATE of it could be committed.
        """
        try:
            done = self._commits.wait()
        except BaseException:
            self._mark = None  # it stands on rows that are not in
            raise
        for name, written in done.written.items():
            self.streams[name].add(written)
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


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # reading it will say so
