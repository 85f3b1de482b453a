"""One commit: rows of all streams of a tap, its bookmark, and what is noted of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from elt.errors import MAKE_ROOM, EltError, Unavailable
from elt.events import BookmarkCommitted, Listener, RowsLoaded, SchemaChanged
from elt.faults import reach
from elt.targets.reading.parts import discard
from elt.targets.reading.readings import Caution, NoLines, UnknownKeys, UnusualValues
from elt.targets.writing import noted, stale
from elt.targets.writing.duckdb import write_stream
from elt.targets.writing.evolve import Table, place_of, tables_in
from elt.targets.writing.limits import Limits, too_many_rejects
from elt.targets.writing.plans import Stamp, StreamBatch, StreamPlan, Written
from elt.warehouse.bookmarks import (
    Bookmark,
    as_reset,
    write_bookmark,
)
from elt.warehouse.duckdb import Warehouse

if TYPE_CHECKING:
    import duckdb
    from duckdb import DuckDBPyConnection

_CONFLICT_TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows and the bookmark that they carry us to."""

    step: str
    stamp: Stamp
    streams: Mapping[str, StreamBatch]
    state: bytes | None
    limits: Limits
    keeps_resets: bool = False  # no rows of it end a stream's beginning anew


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did, and the streams that it had to leave out."""

    written: Mapping[str, Written] = field(default_factory=dict)
    failed: Mapping[str, EltError] = field(default_factory=dict)


class _StreamFailed(Exception):
    def __init__(self, stream: str, error: EltError) -> None:
        super().__init__(stream)
        self.stream = stream
        self.error = error


def commit(
    warehouse: Warehouse,
    batch: Batch,
    listen: Listener,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Committed:
    """Commit a batch in one transaction, then discard its parts.

    A stream that cannot be loaded is left out, and the bookmark with it: then only
    what may safely be read again is committed, and `failed` says what was not.
    """
    cautions: dict[str, Caution] = {}
    failed: dict[str, EltError] = {}
    written: dict[str, Written] | None = None
    kept = batch
    while written is None:
        try:
            written = _attempt(warehouse, kept, cautions, sleep)
        except _StreamFailed as failure:
            failed[failure.stream] = failure.error
            kept = _without(kept, failure.stream, failed)
    reach("warehouse-closed")
    _tell(kept, written, listen)
    reach("commit-told")
    for stream in batch.streams.values():
        for part in stream.all_parts:
            discard(part)
    reach("parts-discarded")
    return Committed(written, failed)


def _attempt(
    warehouse: Warehouse,
    batch: Batch,
    cautions: dict[str, Caution],
    sleep: Callable[[float], None],
) -> dict[str, Written]:
    """Try until the batch is in, each time with what the last try has taught."""
    import duckdb

    conflicts = 0
    while True:
        try:
            with warehouse.writer() as cursor:
                return _write(cursor, batch, cautions)
        except _Again as again:
            cautions[again.stream] = again.caution
            if len(cautions) > 1:
                _look_ahead(warehouse, batch, again.stream, cautions)
        except (duckdb.TransactionException, duckdb.IOException) as error:
            # Another thread's DDL, most often; the batch is still in hand.
            if conflicts >= _CONFLICT_TRIES or "conflict" not in str(error).lower():
                raise _uncommitted(warehouse, error) from error
            sleep(0.05 * 2**conflicts)
            conflicts += 1


def _uncommitted(warehouse: Warehouse, error: Exception) -> Unavailable:
    text = str(error).splitlines()[0]
    kept_nothing = "Nothing of the batch was kept; it is read again with the next run"
    return Unavailable(
        f"the warehouse could not commit: {text}",
        where=str(warehouse.path),
        hint=MAKE_ROOM if "No space left" in text else kept_nothing,
    )


def _look_ahead(
    warehouse: Warehouse, batch: Batch, refused: str, cautions: dict[str, Caution]
) -> None:
    """Try the streams behind a refused one by themselves, and keep only the lesson.

    A refusal throws away what the transaction has of all streams: with many odd
    streams, meeting them one by one would write each as often as there are others.
    """
    names = list(batch.streams)
    for name in names[names.index(refused) + 1 :]:
        caution = cautions.get(name) or _rehearsed(warehouse, batch, name)
        cautions[name] = caution


def _rehearsed(warehouse: Warehouse, batch: Batch, name: str) -> Caution:
    import duckdb

    caution, stream = Caution(), batch.streams[name]
    while not caution.careful:
        try:
            with warehouse.writer(keep=False) as cursor:
                found = noted.tables_of(cursor, batch.stamp, {name: stream.plan})
                _write_one(cursor, batch, name, found=found, caution=caution)
            break
        except _Again as again:
            caution = again.caution
        except (_StreamFailed, duckdb.TransactionException, duckdb.IOException):
            break  # the whole batch meets it again and answers for it
    return caution


class _Again(Exception):
    def __init__(self, stream: str, caution: Caution) -> None:
        super().__init__(stream)
        self.stream = stream
        self.caution = caution


def _write(
    cursor: DuckDBPyConnection, batch: Batch, cautions: Mapping[str, Caution]
) -> dict[str, Written]:
    reach("transaction-begun")
    written = {}
    plans = {name: stream.plan for name, stream in batch.streams.items()}
    found = noted.tables_of(cursor, batch.stamp, plans)
    keeps = batch.keeps_resets
    resets = noted.begun_anew(cursor, batch.stamp, plans, found) if keeps else ()
    for name, stream in batch.streams.items():
        caution = cautions.get(name, Caution())
        written[name] = _write_one(cursor, batch, name, found=found, caution=caution)
        stale.note(cursor, stream.plan, batch.stamp, stream.all_parts)
        if name in resets:
            generation = as_reset(written[name].generation)
            written[name] = replace(written[name], generation=generation)
        noted.note_stream(cursor, batch.stamp, stream.plan, written[name])
        reach("stream-noted")
    if batch.state is not None:
        stamp = batch.stamp
        bookmark = Bookmark(stamp.tap, batch.state.decode(), stamp.run_id)
        write_bookmark(cursor, stamp.environment, bookmark, at=stamp.at)
        reach("bookmark-written")
    return written


def _write_one(
    cursor: DuckDBPyConnection,
    batch: Batch,
    name: str,
    *,
    found: Mapping[str, Table],
    caution: Caution,
) -> Written:
    import duckdb

    stream = batch.streams[name]
    try:
        written = _write_in_turn(
            cursor, stream, found=found.get(name), stamp=batch.stamp, caution=caution
        )
    except (UnknownKeys, NoLines, UnusualValues) as error:
        raise _refused(name, caution, error) from error
    except (duckdb.TransactionException, duckdb.IOException):
        raise
    except duckdb.Error as error:
        raise _StreamFailed(name, _unloadable(name, stream.plan, error)) from error
    except EltError as error:
        raise _StreamFailed(name, error) from error
    too_many = too_many_rejects(cursor, stream, written, batch.stamp, batch.limits)
    if too_many is not None:
        raise _StreamFailed(name, too_many)
    return written


def _refused(name: str, caution: Caution, error: Exception) -> _Again | _StreamFailed:
    """Say with what more caution a stream is tried again, if there is more.

    What DuckDB says of a broken line quotes it, so that it may look like any of our
    own refusals: none teaches the same thing twice.
    """
    match error:
        case UnknownKeys() if not caution.look_at_all_keys:
            return _Again(name, replace(caution, look_at_all_keys=True))
        case NoLines() if not caution.by_objects:
            return _Again(name, replace(caution, by_objects=True))
        case _ if not caution.every_row:
            return _Again(name, caution.with_more_care())
        case _:
            why = f"a batch of stream `{name}` cannot be read: {error}"
            return _StreamFailed(name, EltError(why))


def _write_in_turn(
    cursor: DuckDBPyConnection,
    stream: StreamBatch,
    *,
    found: Table | None,
    stamp: Stamp,
    caution: Caution,
) -> Written:
    """Write what came under an earlier key by that key, then the rest."""
    written = Written()
    for one in (*stream.earlier, stream):
        written.add(
            write_stream(cursor, one, found=found, stamp=stamp, caution=caution)
        )
        if one is not stream:
            place = place_of(one.plan.schema, one.plan.table)
            table = tables_in(cursor, {one.plan.schema})[place]
            found = replace(table, key=one.plan.key)
    return written


def _unloadable(name: str, plan: StreamPlan, error: duckdb.Error) -> EltError:
    import duckdb

    match error:
        case duckdb.CatalogException():
            hint = "Drop the view or the index that somebody made there"
        case duckdb.ConstraintException():
            hint = "Drop the constraint that somebody made there, or correct the rows"
        case duckdb.OutOfMemoryException():
            hint = "Raise `memory_limit`"
        case _:
            hint = "Nothing of the stream was kept; please report it as a bug of elt"
    table, said = f"{plan.schema}.{plan.table}", str(error).splitlines()[0]
    return EltError(
        f"stream `{name}`: the table `{table}` cannot be loaded into: {said}", hint=hint
    )


def _without(batch: Batch, stream: str, failed: dict[str, EltError]) -> Batch:
    """Leave a failed stream out, and with it the bookmark and what hangs on that.

    Appended rows without their bookmark would be there twice after the next run, so
    they wait for it; keyed rows and whole tables are the same when read again.
    """
    kept = {}
    for name, held in batch.streams.items():
        if name == stream:
            continue
        if held.appends:
            failed[name] = EltError(
                f"held back, because stream `{stream}` of the same tap failed",
                hint="Its rows are read again with the next run",
            )
            continue
        kept[name] = held
    return replace(batch, streams=kept, state=None)


def _tell(batch: Batch, written: Mapping[str, Written], listen: Listener) -> None:
    for name, one in written.items():
        plan = batch.streams[name].plan
        table = f"{plan.schema}.{plan.table}"
        for change in one.changes:
            listen(
                SchemaChanged(
                    step=batch.step,
                    table=table,
                    column=change.column,
                    change=change.sentence,
                )
            )
        listen(
            RowsLoaded(step=batch.step, stream=name, rows=one.rows, rejects=one.rejects)
        )
    if batch.state is not None:
        listen(
            BookmarkCommitted(
                step=batch.step, tap=batch.stamp.tap, state=batch.state.decode()
            )
        )
