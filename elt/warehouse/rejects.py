"""Rejects: records that could not be loaded, each with the reason, until they can."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LAST_RUN = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """One record as it came, and why it is not in its table.

    `column` and `value` are None where the record as a whole cannot be read. `form` is
    what it was read from, jsonl, csv or parquet, and `constants` a JSON object of what
    its file's name gave to it. `stale` says why loading it now would do harm.
    """

    id: int
    run: str
    tap: str
    stream: str
    column: str | None
    value: str | None
    reason: str
    record: str
    rejected_at: datetime
    form: str | None
    constants: str | None
    stale: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Rejects of one stream for the same reason, with one of them as the example."""

    tap: str
    stream: str
    column: str | None
    reason: str
    stale: str | None
    rejects: int
    first: datetime
    last: datetime
    example_id: int
    example: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rejects are meant; what is not said excludes none."""

    ids: tuple[int, ...] = ()
    tap: str | None = None
    stream: str | None = None
    run: str | None = None  # an id, the start or the end of one, or LAST_RUN
    reason: str | None = None  # a part of it, or of why it is stale


def causes(cursor: DuckDBPyConnection, environment: str, wanted: Wanted) -> list[Cause]:
    """Sum rejects up by what was wrong, the most frequent first."""
    where, values = _condition(environment, wanted)
    rows = cursor.execute(
        'SELECT tap, stream, "column", reason, stale, count(*), min(rejected_at),'
        " max(rejected_at), max(id), arg_max(coalesce(value, record), id)"
        f" FROM _elt.rejects WHERE {where}"
        ' GROUP BY ALL ORDER BY count(*) DESC, tap, stream, "column", reason',
        values,
    ).fetchall()
    names = Cause.__dataclass_fields__
    return [Cause(**dict(zip(names, row, strict=True))) for row in rows]


def rejects(
    cursor: DuckDBPyConnection,
    environment: str,
    wanted: Wanted,
    *,
    limit: int | None = None,
) -> list[Reject]:
    """Give single rejects, in the order in which they came."""
    where, values = _condition(environment, wanted)
    bound = "" if limit is None else f" LIMIT {limit}"
    rows = cursor.execute(
        'SELECT id, run_id, tap, stream, "column", value, reason, record,'
        " rejected_at, form, constants, stale"
        f" FROM _elt.rejects WHERE {where} ORDER BY id{bound}",
        values,
    ).fetchall()
    names = Reject.__dataclass_fields__
    return [Reject(**dict(zip(names, row, strict=True))) for row in rows]


def count_rejects(cursor: DuckDBPyConnection, environment: str, wanted: Wanted) -> int:
    where, values = _condition(environment, wanted)
    row = cursor.execute(
        f"SELECT count(*) FROM _elt.rejects WHERE {where}", values
    ).fetchone()
    return int(row[0]) if row else 0


def delete_rejects(cursor: DuckDBPyConnection, ids: Collection[int]) -> None:
    cursor.execute(
        "DELETE FROM _elt.rejects WHERE id IN (SELECT unnest(?::BIGINT[]))", [[*ids]]
    )


def write_reasons(
    cursor: DuckDBPyConnection,
    reasons: Sequence[tuple[int, str | None, str | None, str]],
) -> None:
    """Say anew why records do not fit: id, column, value, reason."""
    if not reasons:
        return
    cursor.execute(
        'UPDATE _elt.rejects AS old SET "column" = new.name, value = new.text,'
        " reason = new.why, stale = NULL"
        " FROM (SELECT unnest(?::BIGINT[]) AS id, unnest(?::VARCHAR[]) AS name,"
        " unnest(?::VARCHAR[]) AS text, unnest(?::VARCHAR[]) AS why) AS new"
        " WHERE old.id = new.id",
        [[*each] for each in zip(*reasons, strict=True)],
    )


def write_stale(cursor: DuckDBPyConnection, ids: Collection[int], why: str) -> None:
    cursor.execute(
        "UPDATE _elt.rejects SET stale = ? WHERE id IN (SELECT unnest(?::BIGINT[]))",
        [why, [*ids]],
    )


def _condition(environment: str, wanted: Wanted) -> tuple[str, list[Any]]:
    parts, values = ["environment = ?"], [environment]
    more: list[tuple[str, object]] = [
        ("tap = ?", wanted.tap),
        ("stream = ?", wanted.stream),
        (
            "contains(lower(reason || coalesce(' stale: ' || stale, '')), lower(?))",
            wanted.reason,
        ),
        ("id IN (SELECT unnest(?::BIGINT[]))", [*wanted.ids] or None),
    ]
    if wanted.run == LAST_RUN:
        parts.append(
            "run_id = (SELECT arg_max(run_id, id) FROM _elt.rejects AS all_rejects"
            " WHERE all_rejects.environment = ?)"
        )
        values.append(environment)
    else:
        run = wanted.run
        more += [("(starts_with(run_id, $) OR ends_with(run_id, $))", run)]
    for sql, value in more:
        if value is not None:
            parts.append(sql.replace("$", "?"))
            values += [value] * (sql.count("$") or 1)  # type: ignore[list-item]
    return " AND ".join(parts), values
