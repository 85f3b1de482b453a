"""Rejects of one stream are loaded again, as the stream is now.

They take the careful road, beside the table: what fits moves into it and leaves the
rejects in the same transaction, what does not stays with its new reason. What is
older than the row that it would replace is stale: it stays, too, and says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from elt.errors import EltError
from elt.targets.columns import LOADED_AT, RUN_ID, Column
from elt.targets.reading import careful
from elt.targets.reading.parts import Encoding, Files, NamedFile
from elt.targets.reading.readings import Caution, Reading, prepare, union
from elt.targets.reading.roads import roads
from elt.targets.reading.texts import Texts
from elt.targets.reading.told import TOLD
from elt.targets.writing import gone, history, settling, stale, versions
from elt.targets.writing.child_tables import beside, split, write_children
from elt.targets.writing.evolve import Shape, Table
from elt.targets.writing.filters import check_filter, leave_out
from elt.targets.writing.noted import note_load
from elt.targets.writing.plans import Stamp, StreamPlan, Written
from elt.targets.writing.policies import fit
from elt.targets.writing.rows import told_beside
from elt.targets.writing.settling import make_empty
from elt.targets.writing.stale import ID, STAGE, Staged
from elt.warehouse.dialect import literal, quote, relation
from elt.warehouse.rejects import (
    Reject,
    delete_rejects,
    write_reasons,
    write_stale,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """One stream's rejects, and the stream as it is now.

    `columns` are those that its schema asks for, `ignored` properties that are
    deselected. `reads_again`: its tap begins at the bookmark, so that a record may
    have come more than once.
    """

    plan: StreamPlan
    columns: tuple[Column, ...]
    ignored: tuple[str, ...]
    reads_again: bool
    found: Table
    rejects: Sequence[Reject]
    folder: Path  # for files on the way


@dataclass(slots=True, kw_only=True)
class Retried:
    """What became of the rejects.

    `again` are further copies of the same record, `filtered` those that would fit and
    that the stream's filter keeps out.
    """

    loaded: int = 0
    again: int = 0
    filtered: int = 0
    kept: dict[str, int] = field(default_factory=dict)  # by reason
    stale: dict[str, int] = field(default_factory=dict)  # by reason


def retry(cursor: DuckDBPyConnection, wanted: Retry, stamp: Stamp) -> Retried:
    """Load what fits now, inside the caller's transaction."""
    retried = Retried()
    left = _without_stale(cursor, wanted, stamp, retried)
    left = _without_unreadable(left, retried)
    if left:
        _load(cursor, wanted, stamp, (left, retried))
    _check_count(retried, len(wanted.rejects))
    return retried


def _load(
    cursor: DuckDBPyConnection,
    wanted: Retry,
    stamp: Stamp,
    work: tuple[Sequence[Reject], Retried],
) -> None:
    left, retried = work
    plan = wanted.plan
    batches = list(_batches(left))
    readings = [_read(cursor, wanted, each, n) for n, each in enumerate(batches)]
    columns = union(
        wanted.columns, [column for reading in readings for column in reading.extra]
    )
    place = (plan.schema, plan.table)
    own, lists = split(plan, columns, declared=wanted.columns)
    versions.check(cursor, plan, wanted.found)
    shape = fit(cursor, _unfrozen(plan), own, found=wanted.found)
    versions.take_over(cursor, plan, shape, stamp, found=wanted.found)
    check_filter(cursor, plan, shape.columns, tap=stamp.tap)
    make_empty(
        cursor,
        STAGE,
        f"SELECT *{beside(lists)}, 0::BIGINT AS {ID} FROM {relation(*place)}",
    )
    with_lists = replace(shape, columns=(*shape.columns, *lists))
    for reading, batch in zip(readings, batches, strict=True):
        _judge(cursor, wanted, with_lists, (reading, batch), retried)
    _part_stage(cursor, wanted, Staged(plan, shape.columns), retried)
    table = relation(*place)
    gone.complete(cursor, plan, with_lists, STAGE, table=table, told=True)
    moved = _move(cursor, Staged(plan, shape.columns), lists, stamp)
    retried.filtered = leave_out(cursor, plan, stamp)
    retried.loaded = moved - retried.filtered
    written = Written(
        rows=retried.loaded,
        rejects=sum(retried.kept.values()),
        changes=list(shape.changes),
    )
    if lists:
        written.changes += write_children(
            cursor, plan, shape.columns, lists, stamp, rows=STAGE
        )
    cursor.execute(f"DROP TABLE {STAGE}")
    if retried.loaded or written.changes:
        note_load(cursor, stamp, plan, written)


def _unfrozen(plan: StreamPlan) -> StreamPlan:
    """Let what a frozen table does not hold be a reject still, each by itself."""
    frozen = plan.policy == "freeze"
    return replace(plan, policy="quarantine") if frozen else plan


def _without_stale(
    cursor: DuckDBPyConnection, wanted: Retry, stamp: Stamp, retried: Retried
) -> list[Reject]:
    """Take out what a later load has brought again in any case."""
    anew = stale.loaded_anew(
        cursor,
        stamp.environment,
        stamp.tap,
        stream=wanted.plan.stream,
        rejects=wanted.rejects,
    )
    _set_stale(cursor, retried, anew, stale.LOADED_ANEW)
    left = [reject for reject in wanted.rejects if reject.id not in anew]
    files = stale.file_anew(cursor, wanted.plan, wanted.found.types, rejects=left)
    _set_stale(cursor, retried, files, stale.FILE_ANEW)
    return [reject for reject in left if reject.id not in files]


def _without_unreadable(rejects: Sequence[Reject], retried: Retried) -> list[Reject]:
    """Take out lines that were no records: no schema can mend them."""
    left = []
    for reject in rejects:
        if reject.column is None or not _is_object(reject.record):
            _count(retried.kept, reject.reason)
        else:
            left.append(reject)
    return left


def _is_object(record: str) -> bool:
    try:
        msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeError):
        return False
    return True


def _batches(rejects: Sequence[Reject]) -> Iterator[list[Reject]]:
    """Put together what can be read as one file, in the order in which it came."""
    batches: dict[tuple[object, ...], list[Reject]] = {}
    for reject in rejects:
        names = tuple(json.loads(reject.record)) if reject.form == "csv" else ()
        batches.setdefault((reject.constants, names), []).append(reject)
    yield from batches.values()


def _read(
    cursor: DuckDBPyConnection, wanted: Retry, batch: Sequence[Reject], number: int
) -> Reading:
    path = wanted.folder / f"retry-{number}"
    encoding = _write_file(path, batch)
    constants: dict[str, Any] = json.loads(batch[0].constants or "{}")
    part = Files(
        files=(NamedFile(path=path, constants=constants),),
        encoding=encoding,
        columns=wanted.columns,
        ignore=wanted.ignored,
    )
    (road,) = roads(part)
    caution = Caution(look_at_all_keys=True, careful=True, every_row=True)
    maps = replace(wanted.plan.maps, retried=True)
    return prepare(cursor, road, number, caution=caution, maps=maps)


def _write_file(path: Path, batch: Sequence[Reject]) -> Encoding:
    """Write records as they were read: a CSV's values are texts, and stay texts."""
    if batch[0].form != "csv":
        # Not `splitlines`: JSON's texts may have U+2028 and others as they are.
        lines = [re.sub(r"[\r\n]+", " ", reject.record) for reject in batch]
        path.write_text("\n".join([*lines, ""]), encoding="utf-8")
        return Encoding(format="jsonl")
    rows = [json.loads(reject.record) for reject in batch]
    lines = [",".join(map(_csv_field, row.values())) for row in rows]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8", newline="")
    return Encoding(format="csv", header=False, columns=list(rows[0]))


def _csv_field(value: str | None) -> str:
    """Quote every text, so that an empty one is not a NULL."""
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def _judge(
    cursor: DuckDBPyConnection,
    wanted: Retry,
    shape: Shape,
    read: tuple[Reading, Sequence[Reject]],
    retried: Retried,
) -> None:
    """Put what fits into the stage, and write down why the rest does not."""
    reading, batch = read
    assert reading.texts is not None  # noqa: S101  it was read carefully
    columns = reading.own(shape.columns)
    keys = [c for c in columns if wanted.plan.keyed and c.property in wanted.plan.key]
    bad = careful.judge(
        cursor,
        reading.texts,
        columns=columns,
        keys=keys,
        closed=reading.own(shape.closed),
    )
    ids = [reject.id for reject in batch]
    told = told_beside(wanted.plan, reading, "raw")
    names = ", ".join([*(quote(column.name) for column in (*columns, *told)), ID])
    values = [*careful.typed_values(reading.texts, columns), *told.values()]
    cursor.execute(
        f"INSERT INTO {STAGE} ({names})"
        f" SELECT {', '.join([*values, '($ids::BIGINT[])[place]'])}"
        f" FROM {reading.texts.table} WHERE place NOT IN (SELECT place FROM {bad})",
        {"ids": ids},
    )
    rows = cursor.execute(
        f"SELECT place, bad.name, {careful.shown_value(reading.texts)}, bad.reason"
        f" FROM {bad} ORDER BY place"
    ).fetchall()
    older = stale.older_unfit(
        cursor,
        Staged(wanted.plan, shape.columns),
        reading.texts,
        keys=keys,
        bad=bad,
        ids=ids,
    )
    _set_stale(cursor, retried, [ids[place - 1] for place in older], stale.NEWER_ROW)
    kept = [row for row in rows if row[0] not in older]
    write_reasons(cursor, [(ids[place - 1], *why) for place, *why in kept])
    for row in kept:
        _count(retried.kept, row[3])
    _hide(cursor, reading.texts, [(place, ids[place - 1]) for place, *_ in kept])
    cursor.execute(f"DROP TABLE {bad}")
    cursor.execute(f"DROP TABLE {reading.texts.table}")


def _hide(
    cursor: DuckDBPyConnection, read: Texts, kept: Sequence[tuple[int, int]]
) -> None:
    """Take out of kept records what is dropped or hashed by now: places and ids."""
    if not read.maps.hides or not kept:
        return
    places, ids = zip(*kept, strict=True)
    cursor.execute(
        f"UPDATE _elt.rejects AS old SET record = {careful.shown_record(read)}"
        " FROM (SELECT unnest(?::BIGINT[]) AS place, unnest(?::BIGINT[]) AS reject)"
        f" AS new JOIN {read.table} USING (place) WHERE old.id = new.reject",
        [[*places], [*ids]],
    )


def _part_stage(
    cursor: DuckDBPyConnection, wanted: Retry, staged: Staged, retried: Retried
) -> None:
    """Leave in the stage only what the table is to have in addition."""
    if wanted.plan.mode.name == "history":
        # By its time a version finds its place among the others, however late it comes.
        if not versions.has_times(wanted.plan, staged.columns):
            _leave_stale(cursor, retried, stale.older(cursor, staged), stale.NEWER_ROW)
    elif wanted.plan.keyed:
        _leave_stale(cursor, retried, stale.older(cursor, staged), stale.NEWER_ROW)
        _leave_again(cursor, retried, stale.superseded(cursor, staged))
    elif wanted.reads_again:
        found = stale.came_again(cursor, staged)
        _leave_stale(cursor, retried, found, stale.CAME_AGAIN)
        _leave_again(cursor, retried, stale.copies(cursor))


def _leave_stale(
    cursor: DuckDBPyConnection, retried: Retried, ids: Collection[int], why: str
) -> None:
    _set_stale(cursor, retried, ids, why)
    _leave_stage(cursor, ids)


def _leave_again(
    cursor: DuckDBPyConnection, retried: Retried, ids: Collection[int]
) -> None:
    """Let rejects go whose row the stage has already, or a later one for its key."""
    delete_rejects(cursor, ids)
    retried.again += len(ids)
    _leave_stage(cursor, ids)


def _set_stale(
    cursor: DuckDBPyConnection, retried: Retried, ids: Collection[int], why: str
) -> None:
    if ids:
        write_stale(cursor, ids, why)
        retried.stale[why] = retried.stale.get(why, 0) + len(ids)


def _leave_stage(cursor: DuckDBPyConnection, ids: Collection[int]) -> None:
    cursor.execute(
        f"DELETE FROM {STAGE} WHERE {ID} IN (SELECT unnest(?::BIGINT[]))", [[*ids]]
    )


def _move(
    cursor: DuckDBPyConnection, staged: Staged, lists: Sequence[Column], stamp: Stamp
) -> int:
    """Move the stage into the table, and its rejects out; count the rows."""
    left = ", ".join([ID, *(quote(column.name) for column in (*lists, TOLD))])
    historic = staged.plan.mode.name == "history"
    target = settling.STAGE if historic else staged.table
    if historic:
        make_empty(cursor, target, f"FROM {staged.table}")
    elif staged.plan.keyed:
        cursor.execute(
            f"DELETE FROM {staged.table} AS old USING {STAGE} AS new"
            f" WHERE {staged.same_key}"
        )
    moved = cursor.execute(f"SELECT {ID} FROM {STAGE}").fetchall()
    cursor.execute(
        f"INSERT INTO {target} BY NAME SELECT * EXCLUDE ({left}) REPLACE"
        f" ({careful.moment(stamp.at)} AS {LOADED_AT},"
        f" {literal(stamp.run_id)} AS {RUN_ID}) FROM {STAGE} ORDER BY {ID}"
    )
    if historic:
        history.settle(cursor, staged.plan, staged.columns, stamp)
    delete_rejects(cursor, [id_ for (id_,) in moved])
    return len(moved)


def _count(counts: dict[str, int], reason: str) -> None:
    counts[reason] = counts.get(reason, 0) + 1


def _check_count(retried: Retried, rejects: int) -> None:
    """Refuse to commit when a record would be neither a row nor a reject."""
    answered = [*retried.kept.values(), *retried.stale.values()]
    found = retried.loaded + retried.again + retried.filtered + sum(answered)
    if found != rejects:
        raise EltError(
            f"of {rejects:,} rejects only {found:,} were answered for",
            hint="Nothing was changed. It is a bug of elt; please report it",
        )
