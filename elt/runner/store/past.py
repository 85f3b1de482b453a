"""What the `assets` table knows of each asset beside its last result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from elt.runner.store.database import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetEntry:
    """What is kept of an asset with its result: what it was made of, and whose it is.

    The fingerprint is kept only of a result that was done or warned. `backfilled` is
    what is loaded for a window of the past: that makes nothing younger.
    """

    fingerprint: str | None = None
    owner: str = ""
    tags: tuple[str, ...] = ()
    backfilled: bool = False


def last_results(store: Store, environment: str) -> dict[str, str]:
    """Give the status of each asset's last result."""
    return _texts(store, environment, "status")


def last_fingerprints(store: Store, environment: str) -> dict[str, str]:
    """Give what each asset was made of when it last ended well."""
    return _texts(store, environment, "fingerprint")


def last_rows(store: Store, environment: str) -> dict[str, datetime]:
    """Give when an asset's result last counted rows."""
    found = _texts(store, environment, "last_rows")
    return {asset: datetime.fromisoformat(at) for asset, at in found.items()}


def _texts(store: Store, environment: str, column: str) -> dict[str, str]:
    rows = store.rows(
        f"SELECT asset, {column} AS text FROM assets"
        f" WHERE environment = ? AND {column} IS NOT NULL",
        (environment,),
    )
    return {row["asset"]: row["text"] for row in rows}
