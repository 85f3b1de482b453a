"""Cleaning: found, shown and agreed to first, then deleted, and nothing beyond that."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.alone import alone
from elt.runner.store.database import Store, open_store
from elt.runner.upkeep.leftovers import (
    Leftover,
    leftovers,
    remove,
)
from elt.runner.upkeep.remains import Remains, drop, remains
from elt.runner.upkeep.retention import Expired, apply_retention, expired
from elt.warehouse.duckdb import Warehouse, warehouse_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Below this share of free pages SQLite uses them up by itself.
_FREE_SHARE = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What can go. Of `remains`, only those in `drop` were asked for by name."""

    leftovers: Sequence[Leftover]
    expired: Sequence[Expired]
    remains: Sequence[Remains]
    drop: Sequence[Remains] = ()

    @property
    def is_nothing(self) -> bool:
        return not (self.leftovers or self.expired or self.drop)


def look(
    project: Project, *, drop: Collection[str] = (), secrets: Secrets | None = None
) -> Found:
    """Find what can go; nothing is changed.

    `drop` names what the warehouse holds of taps, streams and syncs that are no more,
    as it is listed. Raises ConfigError for another name, Held while a run is under way.
    """
    warehouse = warehouse_of(project, secrets or Secrets(project.root))
    with alone(project, "elt clean"), open_store(project.private_dir) as store:
        return _look(project, store, warehouse, drop)


def clean(project: Project, agreed: Found, *, secrets: Secrets | None = None) -> Found:
    """Delete what was found and is still there; give what went."""
    warehouse = warehouse_of(project, secrets or Secrets(project.root))
    names = [each.name for each in agreed.drop]
    with alone(project, "elt clean"), open_store(project.private_dir) as store:
        found = _look(project, store, warehouse, names)
        shown = {leftover.path for leftover in agreed.leftovers}
        going = [each for each in found.leftovers if each.path in shown]
        for leftover in going:
            remove(leftover)
        if found.expired:
            apply_retention(project, store, warehouse)
        if found.drop:
            with warehouse.writer() as cursor:
                for each in found.drop:
                    drop(cursor, project, each)
        _give_back_space(store)
    return Found(
        leftovers=going, expired=found.expired, remains=found.remains, drop=found.drop
    )


def _look(
    project: Project, store: Store, warehouse: Warehouse, names: Collection[str]
) -> Found:
    with _reader(warehouse) as cursor:
        there = remains(cursor, project) if cursor else []
        past = expired(project, store, cursor)
    known = {each.name: each for each in there}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"the warehouse holds nothing of a `{name}` that is gone",
                hint=did_you_mean(name, known)
                or "`elt clean --dry-run` lists what it holds",
            )
    return Found(
        leftovers=leftovers(project),
        expired=past,
        remains=there,
        drop=[known[name] for name in dict.fromkeys(names)],
    )


@contextmanager
def _reader(warehouse: Warehouse) -> Iterator[DuckDBPyConnection | None]:
    """Lend a connection that cannot write; None where elt has no tables yet."""
    if not warehouse.exists():
        yield None
        return
    with warehouse.reader() as connection, closing(connection.cursor()) as cursor:
        known = cursor.execute(
            "SELECT 1 FROM duckdb_tables() WHERE schema_name = '_elt'"
            " AND table_name = 'meta'"
        ).fetchone()
        yield cursor if known else None


def _give_back_space(store: Store) -> None:
    (pages,), (free,) = (
        store.rows(f"PRAGMA {name}")[0] for name in ("page_count", "freelist_count")
    )
    if free > pages * _FREE_SHARE:
        store.vacuum()
