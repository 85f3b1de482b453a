"""The run log, by asset: how each ended last, and when it last ended well."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from elt.runner.store.database import Store
from elt.runner.store.moments import text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetStatus:
    """An asset as its last run left it; `status` may also be `running`.

    `last_success` is the end of the last result that was done or warned,
    `last_change` the last moment at which its table may have changed.
    """

    asset: str
    run: str
    status: str
    rows: int | None
    rejects: int
    seconds: float
    message: str
    updated_at: str
    last_success: str | None
    last_change: str | None
    owner: str
    tags: tuple[str, ...]


def asset_statuses(store: Store, environment: str) -> list[AssetStatus]:
    rows = store.rows(
        "SELECT asset, run, status, rows, rejects, seconds, message, updated_at,"
        " last_success, last_change, owner, tags"
        " FROM assets WHERE environment = ? ORDER BY asset",
        (environment,),
    )
    return [
        AssetStatus(**{**dict(row), "tags": tuple(json.loads(row["tags"]))})
        for row in rows
    ]


def asset_ids(store: Store, environment: str) -> list[str]:
    """Give the ids of all assets that ever had a result."""
    sql = "SELECT asset FROM assets WHERE environment = ? ORDER BY asset"
    return [row["asset"] for row in store.rows(sql, (environment,))]


def last_success(store: Store, environment: str) -> dict[str, datetime]:
    """Give the end of the last result that was done or warned, by asset."""
    return _moments(store, environment, "last_success")


def last_change(store: Store, environment: str) -> dict[str, datetime]:
    """Give the last moment at which an asset's table may have changed, by asset."""
    return _moments(store, environment, "last_change")


def take_over(
    store: Store, environment: str, loads: Iterable[tuple[str, str, datetime]]
) -> None:
    """Fill an empty run log with what the warehouse knows: asset, run and moment."""
    rows = [(environment, asset, run, *(text_of(at),) * 3) for asset, run, at in loads]
    with store.writing() as connection:
        connection.executemany(
            "INSERT OR IGNORE INTO assets (environment, asset, run, status, updated_at,"
            " last_success, last_change) VALUES (?, ?, ?, 'done', ?, ?, ?)",
            rows,
        )


def note_change(store: Store, environment: str, asset: str, *, at: datetime) -> None:
    """Note that an asset's table changed outside a run: tests of it are due again."""
    with store.writing() as connection:
        connection.execute(
            "UPDATE assets SET last_change = ? WHERE environment = ? AND asset = ?",
            (text_of(at), environment, asset),
        )


def forget_strangers(store: Store, environment: str, known: Iterable[str]) -> None:
    """Forget streams that never ended well and that no tap has, as it turned out.

    While a tap cannot be asked, its streams are guessed, and fail under these names.
    """
    failed = store.rows(
        "SELECT asset FROM assets WHERE environment = ? AND last_success IS NULL"
        " AND asset LIKE 'stream:%'",
        (environment,),
    )
    strangers = {row["asset"] for row in failed} - set(known)
    if not strangers:
        return
    with store.writing() as connection:
        connection.executemany(
            "DELETE FROM assets WHERE environment = ? AND asset = ?",
            [(environment, asset) for asset in strangers],
        )


def _moments(store: Store, environment: str, column: str) -> dict[str, datetime]:
    rows = store.rows(
        f"SELECT asset, {column} AS moment FROM assets"
        f" WHERE environment = ? AND {column} IS NOT NULL",
        (environment,),
    )
    return {row["asset"]: datetime.fromisoformat(row["moment"]) for row in rows}
