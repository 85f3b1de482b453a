"""A stream of an API: singer-sdk's in all but the way of a record.

The SDK's own way costs 11 to 38 microseconds a record, for copies, conversions and a
flush; here a page's records are written as they came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from singer_sdk import Stream, Tap
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import Metadata, MetadataMapping

from elt.errors import ConfigError, EltError, Unavailable
from elt.singer.catalog import column_selected
from elt.singer.endings import End, Ending, ending_message
from elt.taps.rest.marks import Cursor, Marks
from elt.taps.rest.problems import NotReadable, QuotaSpent
from elt.taps.rest.reading import Chunk, Reading, Run, Shape, Source
from elt.taps.rest.rows import (
    Record,
    on_one_line,
    only,
    record_lines,
    value_reader,
    whole_line,
)
from elt.taps.stdout import write

DELETED_AT = "_sdc_deleted_at"
STATE_SECONDS, STATE_ROWS = 1.0, 10_000
_MOST_TOLD = 10  # parts of a stream, in one message
_UNFORESEEN = (
    *(ArithmeticError, AttributeError, LookupError),
    *(RecursionError, TypeError, ValueError),
)
_decode = msgspec.json.Decoder().decode


class RestStream(Stream):
    """All streams of all our taps of APIs; they differ in shape and source."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: Tap, shape: Shape, source: Source, run: Run) -> None:
        super().__init__(tap, schema=shape.schema, name=shape.name)
        self._run = run
        self._shape = shape
        self._source = source
        self.selected_by_default = shape.selected_by_default
        self.primary_keys = shape.key
        self.replication_key = shape.cursor.field if shape.cursor else None
        self._is_described = False
        self._state_at = 0.0
        self._rows_since_state = 0

    @property
    def is_sorted(self) -> bool:
        """Say no: the SDK would check it record by record."""
        return False

    @property
    def column_patterns(self) -> Sequence[str]:
        """Give what chooses among columns that nobody knew when the catalog was made.

        The SDK forgets what a catalog says beyond its own words.
        """
        given = getattr(self._tap, "column_patterns", {})
        return given.get(self.name) or ()

    @property
    def metadata(self) -> MetadataMapping:
        """Choose the time of a deletion always: without it a row would live on."""
        found = super().metadata
        if DELETED_AT in self.schema["properties"]:
            about = found["properties", DELETED_AT]
            about.inclusion = Metadata.InclusionType.AUTOMATIC
        return found

    def get_records(self, context: Any) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        """Give decoded records, for a test of some of them."""
        try:
            for chunk in self._source(self._reading()):
                yield from map(_decode, chunk.records)
        except NotReadable as error:
            self.logger.warning("stream %s is left out: %s", self.name, error)

    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        """Give none: records are records."""

    def _write_schema_message(self) -> None:
        """Wait for the first record, so that a stream left out makes no table."""

    def _describe(self) -> None:
        if not self._is_described:
            super()._write_schema_message()
        self._is_described = True

    def _sync_records(
        self, context: Any = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Write the records; nothing is given but in a test of some of them."""
        if self.ABORT_AT_RECORD_COUNT is not None or not write_messages:
            yield from super()._sync_records(context, write_messages=write_messages)
            return
        reading = self._reading()
        try:
            self._read(reading)
        except NotReadable as error:
            self.logger.warning("stream %s is left out: %s", self.name, error)
            self._run.skipped.append((self.name, error))
            self._write_state()
            self._end("skipped", _line(error))
        except (ConfigError, QuotaSpent):
            raise
        except EltError as error:
            self._fail(error)
        except _UNFORESEEN as error:
            # What nobody thought of is of this stream, and no reason to end the others.
            self._fail(_unforeseen(error))
        else:
            self._describe()
            if reading.is_whole and reading.version is not None:
                write(whole_line(self.name, reading.version))
            self._end_well(reading)
            self._write_state()

    def _end_well(self, reading: Reading) -> None:
        left = reading.left_out
        told = [*left, *reading.notes]
        more = [f"and {len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
        why = "; ".join([*told[:_MOST_TOLD], *more])
        is_told = all(left.values())
        stay = [row for rows in left.values() for row in rows] if is_told else []
        self._end("partial" if left else "complete", why, stay=stay)

    def _fail(self, error: EltError) -> None:
        self.logger.error("stream %s failed: %s", self.name, error)
        self._run.failures.append((self.name, error))
        self._write_state()  # what was reached holds, whatever became of the rest
        self._end("failed", _line(error), temporary=isinstance(error, Unavailable))

    def _read(self, reading: Reading) -> None:
        prepare, marks = _preparer(reading.keeps), reading.marks
        cursor = self._active_cursor
        values_of = _values(self._shape, cursor)
        with self.get_record_counter() as counter, self.get_sync_timer():
            for chunk in self._source(reading):
                marks.run_start = self._run.latest()
                records = prepare(on_one_line(chunk.records))
                if records:
                    self._describe()
                    write(record_lines(self.name, records, reading.version))
                    counter.increment(len(records))
                marks.see(values_of(chunk), chunk.part)
                self._rows_since_state += len(records)
                may_move = chunk.ends or chunk.in_order or chunk.reached is not None
                moved = may_move and marks.checkpoint(chunk.part)
                if (moved or chunk.ends) and self._state_is_due():
                    self._write_state()
        marks.checkpoint()

    def _keeps(self) -> Callable[[str], bool] | None:
        """Tell the columns that are selected from others; None where all are."""
        known = self.effective_schema["properties"]
        deselected = {name for name in known if not self.mask["properties", name]}
        patterns = self.column_patterns
        if not deselected and not patterns:
            return None

        def keep(name: str) -> bool:
            return name not in deselected and (
                name in known or column_selected(patterns, name)
            )

        return keep

    def _reading(self) -> Reading:
        run = self._run
        marks = Marks(
            self.stream_state,
            self._active_cursor,
            run_start=run.latest(),
            start=run.start,
            part_field=self._shape.part_field,
        )
        until = run.end or run.began_at
        return Reading(
            marks, until, run.end is not None, start=run.start, keeps=self._keeps()
        )

    @property
    def _active_cursor(self) -> Cursor | None:
        full = self.replication_method == "FULL_TABLE"
        return None if full else self._shape.cursor

    def _state_is_due(self) -> bool:
        late = time.monotonic() - self._state_at >= STATE_SECONDS
        return late or self._rows_since_state >= STATE_ROWS

    def _write_state(self) -> None:
        self._state_at, self._rows_since_state = time.monotonic(), 0
        self.state_manager.is_flushed = False
        self._write_state_message()

    def _end(
        self,
        end: End,
        why: str,
        *,
        temporary: bool = False,
        stay: Sequence[Mapping[str, str]] = (),
    ) -> None:
        ending = Ending(
            end=end, why=why, temporary=temporary, stay=tuple(map(dict, stay))
        )
        write(
            ending_message(
                self.name, self.effective_schema, self.primary_keys or (), ending
            )
        )

    def _increment_stream_state(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the bookmark moves by pages."""

    def _write_starting_replication_value(self, context: Any) -> None:
        """Do nothing, for the same reason."""

    def get_replication_key_signpost(self, context: Any = None) -> None:
        """Give none: `Marks` knows the run's start."""


def _values(shape: Shape, cursor: Cursor | None) -> Callable[[Chunk], Iterable[Any]]:
    """Make what gives the values of a chunk that may move the bookmark."""
    if cursor is None:
        return lambda _: ()
    if shape.tells_reached:
        return lambda chunk: () if chunk.reached is None else (chunk.reached,)
    value_of = value_reader(cursor.field)
    return lambda chunk: map(value_of, chunk.records)


def _preparer(
    keeps: Callable[[str], bool] | None,
) -> Callable[[Sequence[Record]], Sequence[Record]]:
    if keeps is None:
        return lambda records: records
    chosen = only(keeps)
    return lambda records: [chosen(record) for record in records]


def _unforeseen(error: Exception) -> EltError:
    if isinstance(error, msgspec.ValidationError):
        what = f"a record or an answer has another shape than was expected: {error}"
    else:
        what = f"it met what its tap does not know: {error!r}"
    return EltError(
        what, hint="What came before is kept; if it goes on, tell the tap's authors"
    )


def _line(error: EltError) -> str:
    told = f"{error.what} ({error.where})" if error.where else error.what
    return f"{told}; {error.hint}" if error.hint else told
