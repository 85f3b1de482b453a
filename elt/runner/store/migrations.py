"""What each version of the store changed in the file. Added to at the end only.

A migration that was released is in people's files: it is never edited.
"""

from __future__ import annotations

MIGRATIONS = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        environment TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('running', 'done', 'warned', 'failed',
            'stopped', 'interrupted', 'crashed')),
        request TEXT NOT NULL CHECK (json_valid(request)),
        started_at TEXT NOT NULL,
        ended_at TEXT,
        message TEXT NOT NULL DEFAULT '',
        owner TEXT NOT NULL CHECK (json_valid(owner))
    ) STRICT;
    CREATE TABLE steps (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        step TEXT NOT NULL,
        position INTEGER NOT NULL,
        kind TEXT NOT NULL,
        reason TEXT NOT NULL,
        assets TEXT NOT NULL CHECK (json_valid(assets)),
        status TEXT,
        started_at TEXT,
        ended_at TEXT,
        seconds REAL,
        message TEXT NOT NULL DEFAULT '',
        hint TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (run, step)
    ) STRICT;
    CREATE TABLE attempts (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        step TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        started_at TEXT NOT NULL,
        failed_at TEXT,
        delay_seconds REAL,
        message TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (run, step, attempt)
    ) STRICT;
    CREATE TABLE results (
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        asset TEXT NOT NULL,
        step TEXT NOT NULL,
        status TEXT NOT NULL,
        rows INTEGER,
        rejects INTEGER NOT NULL,
        seconds REAL NOT NULL,
        message TEXT NOT NULL,
        finished_at TEXT NOT NULL,
        PRIMARY KEY (run, asset)
    ) STRICT;
    CREATE TABLE assets (
        environment TEXT NOT NULL,
        asset TEXT NOT NULL,
        run TEXT NOT NULL,
        status TEXT NOT NULL,
        rows INTEGER,
        rejects INTEGER NOT NULL DEFAULT 0,
        seconds REAL NOT NULL DEFAULT 0,
        message TEXT NOT NULL DEFAULT '',
        updated_at TEXT NOT NULL,
        last_success TEXT,
        last_change TEXT,
        PRIMARY KEY (environment, asset)
    ) STRICT;
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        step TEXT NOT NULL,
        kind TEXT NOT NULL,
        at TEXT NOT NULL,
        body TEXT NOT NULL CHECK (json_valid(body))
    ) STRICT;
    CREATE INDEX events_of_step ON events (run, step, id);
    CREATE TABLE states (
        environment TEXT NOT NULL,
        warehouse_id TEXT NOT NULL,
        tap TEXT NOT NULL,
        version INTEGER NOT NULL,
        parent_version INTEGER,
        state TEXT NOT NULL CHECK (json_valid(state)),
        origin TEXT NOT NULL,
        saved_at TEXT NOT NULL,
        PRIMARY KEY (environment, warehouse_id, tap, version)
    ) STRICT;
    CREATE TABLE baselines (
        environment TEXT NOT NULL,
        sync TEXT NOT NULL,
        warehouse_id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        run TEXT,
        remembered_at TEXT NOT NULL,
        PRIMARY KEY (environment, sync)
    ) STRICT
    """,
    """
    ALTER TABLE states ADD COLUMN reason TEXT NOT NULL DEFAULT '';
    ALTER TABLE states ADD COLUMN author TEXT NOT NULL DEFAULT ''
    """,
    """
    ALTER TABLE assets ADD COLUMN fingerprint TEXT;
    ALTER TABLE assets ADD COLUMN last_rows TEXT;
    ALTER TABLE assets ADD COLUMN owner TEXT NOT NULL DEFAULT '';
    ALTER TABLE assets ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'
    """,
    """
    ALTER TABLE runs ADD COLUMN retry_of TEXT;
    CREATE INDEX retries_of_run ON runs (retry_of) WHERE retry_of IS NOT NULL;
    ALTER TABLE steps ADD COLUMN unasked INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE marks (
        id INTEGER PRIMARY KEY,
        environment TEXT NOT NULL,
        run TEXT NOT NULL,
        asset TEXT NOT NULL,
        word TEXT NOT NULL CHECK (word IN ('success', 'failed', 'skipped', 'cleared')),
        is_current INTEGER NOT NULL,
        before TEXT NOT NULL CHECK (json_valid(before)),
        reason TEXT NOT NULL,
        author TEXT NOT NULL,
        made_at TEXT NOT NULL,
        taken_back_at TEXT,
        taken_back_by TEXT NOT NULL DEFAULT '',
        taken_back_reason TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX marks_of_asset ON marks (environment, asset)
    """,
    """
    CREATE TABLE windows (
        environment TEXT NOT NULL,
        selection TEXT NOT NULL CHECK (json_valid(selection)),
        start_at TEXT NOT NULL,
        end_at TEXT NOT NULL,
        run TEXT NOT NULL,
        status TEXT NOT NULL,
        ended_at TEXT,
        PRIMARY KEY (environment, selection, start_at, end_at)
    ) STRICT;
    CREATE INDEX windows_of_run ON windows (run)
    """,
    # Every start asks these; without them it reads all runs that are kept.
    """
    CREATE INDEX runs_under_way ON runs (status) WHERE status = 'running';
    CREATE INDEX runs_by_start ON runs (started_at);
    CREATE INDEX runs_by_end ON runs (ended_at)
    """,
    # The class of what ended a run, where something was raised.
    """
    ALTER TABLE runs ADD COLUMN error TEXT NOT NULL DEFAULT ''
    """,
)
