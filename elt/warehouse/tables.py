"""The `_elt` schema: what a warehouse knows about itself, and its migrations."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from elt.errors import ConfigError
from elt.faults import reach

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MIGRATIONS = (
    """
    CREATE SCHEMA IF NOT EXISTS _elt;
    CREATE TABLE _elt.meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);
    CREATE TABLE _elt.bookmarks (
        environment VARCHAR NOT NULL,
        tap VARCHAR NOT NULL,
        state VARCHAR NOT NULL,
        run_id VARCHAR NOT NULL,
        committed_at TIMESTAMPTZ NOT NULL,
        PRIMARY KEY (environment, tap)
    );
    CREATE TABLE _elt.streams (
        environment VARCHAR NOT NULL,
        tap VARCHAR NOT NULL,
        stream VARCHAR NOT NULL,
        table_schema VARCHAR NOT NULL,
        table_name VARCHAR NOT NULL,
        generation VARCHAR NOT NULL,
        PRIMARY KEY (environment, tap, stream)
    );
    CREATE TABLE _elt.loads (
        run_id VARCHAR NOT NULL,
        environment VARCHAR NOT NULL,
        tap VARCHAR NOT NULL,
        stream VARCHAR NOT NULL,
        table_schema VARCHAR NOT NULL,
        table_name VARCHAR NOT NULL,
        mode VARCHAR NOT NULL,
        rows BIGINT NOT NULL,
        rejects BIGINT NOT NULL,
        committed_at TIMESTAMPTZ NOT NULL
    );
    CREATE TABLE _elt.rejects (
        run_id VARCHAR NOT NULL,
        environment VARCHAR NOT NULL,
        tap VARCHAR NOT NULL,
        stream VARCHAR NOT NULL,
        "column" VARCHAR,
        value VARCHAR,
        reason VARCHAR NOT NULL,
        record VARCHAR NOT NULL,
        rejected_at TIMESTAMPTZ NOT NULL
    );
    CREATE TABLE _elt.schema_changes (
        run_id VARCHAR NOT NULL,
        table_schema VARCHAR NOT NULL,
        table_name VARCHAR NOT NULL,
        "column" VARCHAR NOT NULL,
        change VARCHAR NOT NULL,
        changed_at TIMESTAMPTZ NOT NULL
    );
    CREATE TABLE _elt.sync_state (
        -- No primary key: settle() in elt/reverse/baseline.py keeps a key once, and
        -- the index would cost a million-row sync more memory than its diff.
        environment VARCHAR NOT NULL,
        sync VARCHAR NOT NULL,
        key VARCHAR NOT NULL,
        accepted_hash VARCHAR,
        accepted_payload VARCHAR,
        destination_id VARCHAR,
        status VARCHAR NOT NULL,
        attempts INTEGER NOT NULL,
        last_error VARCHAR,
        updated_at TIMESTAMPTZ NOT NULL
    );
    CREATE TABLE _elt.sync_receipts (
        -- Answers not yet settled into sync_state: only ever appended to while a
        -- sync sends, so that a batch's commit costs the same at any baseline's size.
        environment VARCHAR NOT NULL,
        sync VARCHAR NOT NULL,
        sequence BIGINT NOT NULL,
        position BIGINT NOT NULL,
        run_id VARCHAR NOT NULL,
        key VARCHAR NOT NULL,
        change VARCHAR NOT NULL,
        receipt VARCHAR NOT NULL,
        hash VARCHAR,
        payload VARCHAR,
        destination_id VARCHAR,
        message VARCHAR,
        answered_at TIMESTAMPTZ NOT NULL
    );
    CREATE TABLE _elt.sync_runs (
        run_id VARCHAR NOT NULL,
        environment VARCHAR NOT NULL,
        sync VARCHAR NOT NULL,
        sequence BIGINT NOT NULL,
        encoding INTEGER NOT NULL,
        mapping_hash VARCHAR NOT NULL,
        status VARCHAR NOT NULL,
        added BIGINT NOT NULL,
        changed BIGINT NOT NULL,
        removed BIGINT NOT NULL,
        accepted BIGINT NOT NULL,
        rejected BIGINT NOT NULL,
        unanswered BIGINT NOT NULL,
        started_at TIMESTAMPTZ NOT NULL,
        ended_at TIMESTAMPTZ
    );
    CREATE TABLE _elt.sync_changes (
        run_id VARCHAR NOT NULL,
        environment VARCHAR NOT NULL,
        sync VARCHAR NOT NULL,
        key VARCHAR NOT NULL,
        change VARCHAR NOT NULL,
        receipt VARCHAR NOT NULL,
        message VARCHAR,
        answered_at TIMESTAMPTZ NOT NULL
    );
    """,
    """
    -- A default of its own for each row that is there: no reject is without an id.
    CREATE SEQUENCE _elt.reject_ids;
    ALTER TABLE _elt.rejects ADD COLUMN id BIGINT DEFAULT nextval('_elt.reject_ids');
    -- What the record was read from (jsonl, csv, parquet), and what the file's name
    -- told of its rows, as a JSON object: without them it cannot be read again.
    ALTER TABLE _elt.rejects ADD COLUMN form VARCHAR;
    ALTER TABLE _elt.rejects ADD COLUMN constants VARCHAR;
    -- Why loading it now would put something older over something newer.
    ALTER TABLE _elt.rejects ADD COLUMN stale VARCHAR;
    """,
    """
    -- By which properties the rows of the table are known, as a JSON array; NULL where
    -- it was loaded before anybody noted it.
    ALTER TABLE _elt.streams ADD COLUMN key VARCHAR;
    """,
    """
    -- What a run of a sync sent to, in words; NULL where nobody noted it yet.
    ALTER TABLE _elt.sync_runs ADD COLUMN sent_to VARCHAR;
    """,
)


def migrate(connection: DuckDBPyConnection) -> None:
    """Bring the `_elt` tables to this version, in one transaction.

    Raises ConfigError when the warehouse was written by a newer elt.
    """
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise ConfigError(
            f"the warehouse was written by a newer elt (its `_elt` tables are version"
            f" {version}, this elt knows {len(MIGRATIONS)})",
            hint="Upgrade elt: `pip install --upgrade elt-toolkit`",
        )
    if version == len(MIGRATIONS):
        return
    connection.begin()
    for statements in MIGRATIONS[version:]:
        connection.execute(statements)
    connection.execute(
        "INSERT OR IGNORE INTO _elt.meta VALUES ('warehouse_id', ?)",
        [uuid.uuid4().hex],
    )
    connection.execute(
        "INSERT OR REPLACE INTO _elt.meta VALUES ('version', ?)",
        [str(len(MIGRATIONS))],
    )
    reach("migration-written")
    connection.commit()


def is_current(connection: DuckDBPyConnection) -> bool:
    """Say whether the `_elt` tables are there, and those that this version knows."""
    return _version(connection) == len(MIGRATIONS)


def warehouse_id(connection: DuckDBPyConnection) -> str:
    row = connection.execute(
        "SELECT value FROM _elt.meta WHERE key = 'warehouse_id'"
    ).fetchone()
    assert row is not None  # noqa: S101  written by the first migration
    return str(row[0])


def _version(connection: DuckDBPyConnection) -> int:
    import duckdb

    # Each opening asks this. To ask `duckdb_tables()` first costs 7 ms.
    try:
        row = connection.execute(
            "SELECT value FROM _elt.meta WHERE key = 'version'"
        ).fetchone()
    except duckdb.CatalogException:
        return 0
    return 0 if row is None else int(row[0])
