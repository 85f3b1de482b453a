"""Which rejects are too old to be loaded: what they say, the table knows better.

A load notes what it replaces as a whole, a table or a file's rows. The rest is asked
by a retry, in SQL, of the rejects that wait in a stage beside the table, with their
ids.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elt.targets.columns import LOADED_AT, RUN_ID, Column
from elt.targets.reading import careful
from elt.targets.reading.parts import Part
from elt.targets.reading.roads import Road, roads
from elt.targets.reading.texts import Texts
from elt.targets.writing.plans import Stamp, StreamPlan
from elt.warehouse.dialect import quote, relation
from elt.warehouse.rejects import Reject

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# How the runs of retries begin; their rows are newer than the records in them.
RETRY = "retry-"
LOADED_ANEW = "its table was loaded anew since"
FILE_ANEW = "its file was loaded again since"
READ_ANEW = "the same record was read and rejected again since"
NEWER_ROW = "the table has a newer row with this key"
CAME_AGAIN = "the same row came again and is in the table"

# Rejects of the load that is noted, by the names of what `_note` is given.
_OF_THIS_RUN = (
    "FROM _elt.rejects WHERE environment = $environment AND tap = $tap"
    " AND stream = $stream AND rejected_at >= $started"
)

STAGE = "_elt_retry"
ID = "_elt_reject_id"


@dataclass(frozen=True, slots=True)
class Staged:
    """A stream whose rows wait in the stage, and its table's columns."""

    plan: StreamPlan
    columns: Sequence[Column]

    @property
    def table(self) -> str:
        return relation(self.plan.schema, self.plan.table)

    @property
    def names(self) -> list[str]:
        return [quote(column.name) for column in self.columns]

    @property
    def keys(self) -> list[str]:
        names = {column.property: quote(column.name) for column in self.columns}
        return [names[key] for key in self.plan.key]

    @property
    def same_key(self) -> str:
        return " AND ".join(f"old.{key} = new.{key}" for key in self.keys)

    @property
    def order(self) -> str | None:
        """The replication key's column; None where there is none to compare by."""
        for column in self.columns:
            if column.property == self.plan.replication_key and column.type != "JSON":
                return quote(column.name)
        return None


def note(
    cursor: DuckDBPyConnection, plan: StreamPlan, stamp: Stamp, parts: Sequence[Part]
) -> None:
    """Note the older rejects of a table or of files whose rows were just replaced.

    With a key a file's rows are not replaced; but what was rejected again, is once.
    """
    if plan.mode.name == "overwrite":
        _note(cursor, plan, stamp, LOADED_ANEW)
        return
    if plan.reads_again:
        again = f"record IN (SELECT record {_OF_THIS_RUN})"
        _note(cursor, plan, stamp, READ_ANEW, again)
    every = [road for part in parts for road in roads(part)]
    files = [road for road in every if road.named and road.constants]
    named = "constants IN (SELECT unnest($files))"
    replaced = [_constants(road) for road in files if road.replace]
    if replaced:
        _note(cursor, plan, stamp, FILE_ANEW, named, replaced)
    others = [_constants(road) for road in files if plan.keyed and not road.replace]
    if others:
        again = (
            f"{named} AND (constants, record) IN"
            f" (SELECT (constants, record) {_OF_THIS_RUN})"
        )
        _note(cursor, plan, stamp, FILE_ANEW, again, others)


def loaded_anew(
    cursor: DuckDBPyConnection,
    environment: str,
    tap: str,
    *,
    stream: str,
    rejects: Sequence[Reject],
) -> set[int]:
    """Find the rejects of loads behind which the whole table has come anew."""
    row = cursor.execute(
        "SELECT max(committed_at) FROM _elt.loads WHERE environment = ? AND tap = ?"
        " AND stream = ? AND mode = 'overwrite'",
        [environment, tap, stream],
    ).fetchone()
    anew = row[0] if row else None
    if anew is None:
        return set()
    return {reject.id for reject in rejects if reject.rejected_at < anew}


def file_anew(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    types: Mapping[str, str],
    *,
    rejects: Sequence[Reject],
) -> set[int]:
    """Find the rejects of files of which the table has only what was loaded later.

    A file that has grown leaves its older rows there; one that was written anew does
    not. With a key, the key decides. `types` are the table's columns.
    """
    noted = {reject.id for reject in rejects if reject.stale == FILE_ANEW}
    if plan.keyed:
        return noted
    return noted | {
        reject.id
        for reject in rejects
        if reject.constants and _file_came_again(cursor, plan, types, reject)
    }


def older_unfit(
    cursor: DuckDBPyConnection,
    staged: Staged,
    read: Texts,
    *,
    keys: Sequence[Column],
    bad: str,
    ids: Sequence[int],
) -> set[int]:
    """Find the places of records that do not fit, whose key has come again since.

    `ids` are those of the rejects, by place. With a replication key that one decides,
    and a record that does not fit has none to compare.
    """
    if not keys or staged.plan.replication_key is not None:
        return set()
    found = enumerate(careful.typed_values(read, keys))
    values = [f"{value} AS k{i}" for i, value in found]
    same = [f"old.{quote(key.name)} = new.k{i}" for i, key in enumerate(keys)]
    rows = cursor.execute(
        f"SELECT DISTINCT new.place FROM (SELECT place, {', '.join(values)}"
        f" FROM {read.table} WHERE place IN (SELECT place FROM {bad})) AS new"
        f" JOIN {staged.table} AS old ON {' AND '.join(same)}"
        " JOIN _elt.rejects AS r ON r.id = ($ids::BIGINT[])[new.place]"
        f" WHERE old.{LOADED_AT} >= r.rejected_at",
        {"ids": [*ids]},
    ).fetchall()
    return {place for (place,) in rows}


def older(cursor: DuckDBPyConnection, staged: Staged) -> list[int]:
    """Find staged rows whose key has a newer row in the table.

    The replication key says which is newer; where it does not, the row that was
    loaded after the record was rejected is.
    """
    later = f"coalesce(old.{LOADED_AT} >= r.rejected_at, false)"
    by = staged.order
    if by is not None:
        later = (
            f"CASE WHEN old.{by} > new.{by} THEN true WHEN old.{by} < new.{by}"
            f" THEN false ELSE {later} END"
        )
    return _ids(
        cursor,
        f"SELECT DISTINCT new.{ID} FROM {STAGE} AS new"
        f" JOIN {staged.table} AS old ON {staged.same_key}"
        f" JOIN _elt.rejects AS r ON r.id = new.{ID} WHERE {later}",
    )


def superseded(cursor: DuckDBPyConnection, staged: Staged) -> list[int]:
    """Find staged rows behind which another one with the same key comes."""
    by = staged.order
    order = f"{by} DESC NULLS LAST, {ID} DESC" if by else f"{ID} DESC"
    return _ids(
        cursor,
        f"SELECT {ID} FROM {STAGE} QUALIFY row_number() OVER"
        f" (PARTITION BY {', '.join(staged.keys)} ORDER BY {order}) > 1",
    )


def came_again(cursor: DuckDBPyConnection, staged: Staged) -> list[int]:
    """Find staged rows that a later run has brought in, as good ones."""
    same = " AND ".join(
        f"old.{name} IS NOT DISTINCT FROM new.{name}" for name in staged.names
    )
    return _ids(
        cursor,
        f"SELECT DISTINCT new.{ID} FROM {STAGE} AS new"
        f" JOIN _elt.rejects AS r ON r.id = new.{ID}"
        f" JOIN {staged.table} AS old"
        f" ON old.{LOADED_AT} > r.rejected_at AND {same}",
    )


def copies(cursor: DuckDBPyConnection) -> list[int]:
    """Find staged rows of which an earlier run has set aside the same record.

    A record on the bookmark comes with every run and is one; two that are alike in
    one run are two.
    """
    return _ids(
        cursor,
        f"""
        SELECT {ID}
        FROM (
            SELECT s.{ID}, r.record, row_number() OVER (
                PARTITION BY r.record, r.run_id ORDER BY r.id
            ) AS copy
            FROM {STAGE} AS s JOIN _elt.rejects AS r ON r.id = s.{ID}
        )
        QUALIFY row_number() OVER (PARTITION BY record, copy ORDER BY {ID}) > 1
        """,
    )


def _file_came_again(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    types: Mapping[str, str],
    reject: Reject,
) -> bool:
    constants = json.loads(reject.constants or "{}")
    names = {name: plan.maps.rename.get(name, name) for name in constants}
    known = {names[n]: value for n, value in constants.items() if names[n] in types}
    if not known:
        return False
    same = " AND ".join(f"{quote(name)}::VARCHAR = ?" for name in known)
    row = cursor.execute(
        f"SELECT min({LOADED_AT}) > ? FROM {relation(plan.schema, plan.table)}"
        f" WHERE NOT starts_with({RUN_ID}, ?) AND {same}",
        [reject.rejected_at, RETRY, *(str(value) for value in known.values())],
    ).fetchone()
    return bool(row and row[0])


def _note(
    cursor: DuckDBPyConnection,
    plan: StreamPlan,
    stamp: Stamp,
    why: str,
    condition: str = "true",
    files: Sequence[str] = (),
) -> None:
    values: dict[str, object] = {
        "why": why,
        "environment": stamp.environment,
        "tap": stamp.tap,
        "stream": plan.stream,
        "started": stamp.started_at,
    }
    if files:
        values["files"] = [*files]
    cursor.execute(
        "UPDATE _elt.rejects SET stale = $why WHERE environment = $environment"
        " AND tap = $tap AND stream = $stream AND rejected_at < $started"
        f" AND stale IS NULL AND {condition}",
        values,
    )


def _constants(road: Road) -> str:
    """Write what a file gives to each row as its rejects have it."""
    return json.dumps(dict(road.constants))


def _ids(cursor: DuckDBPyConnection, sql: str) -> list[int]:
    return [id_ for (id_,) in cursor.execute(sql).fetchall()]
