"""A person's word about a result: written over it, kept with its author, taken back.

The results of runs stay as they were. A mark lies over one of them, where a retry
looks, and changes the asset's own row as long as no later run has written it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import Any, Literal

from elt.runner.store.database import Store
from elt.runner.store.moments import Now, now_utc, text_of

Word = Literal["success", "failed", "skipped", "cleared"]

_STATUS = {"success": "done", "failed": "failed", "skipped": "skipped"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a person said of an asset's result in a run, and whether it was taken back.

    `is_current` tells that no later run had a result of its own, so that the word
    counts for plans too, and not only for retries of that run.
    """

    id: int
    environment: str
    run: str
    asset: str
    word: Word
    is_current: bool
    reason: str
    author: str
    made_at: str
    taken_back_at: str | None = None
    taken_back_by: str = ""
    taken_back_reason: str = ""

    @property
    def told(self) -> str:
        return f"was marked {self.word} by {self.author}: {self.reason}"


def mark(  # noqa: PLR0913  whose result it is, what is said, by whom and why
    store: Store,
    environment: str,
    run: str,
    assets: Iterable[str],
    word: Word,
    *,
    reason: str,
    author: str,
    now: Now = now_utc,
) -> list[Mark]:
    """Write a word over assets' results in a run; `cleared` forgets them."""
    at = text_of(now())
    with store.writing() as connection:
        ids = [
            _mark(
                connection,
                {
                    "environment": environment,
                    "run": run,
                    "asset": asset,
                    "word": word,
                    "reason": reason,
                    "author": author,
                    "at": at,
                },
            )
            for asset in assets
        ]
    rows = store.rows(
        "SELECT * FROM marks WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(ids),),
    )
    return [_read(row) for row in rows]


def take_back(
    store: Store,
    found: Iterable[Mark],
    *,
    reason: str,
    author: str,
    now: Now = now_utc,
) -> list[Mark]:
    """Take marks back; give those whose asset has been in a run since, and stays so."""
    late = []
    with store.writing() as connection:
        for each in found:
            connection.execute(
                "UPDATE marks SET taken_back_at = ?, taken_back_by = ?,"
                " taken_back_reason = ? WHERE id = ?",
                (text_of(now()), author, reason, each.id),
            )
            if each.is_current and not _put_back(connection, each):
                late.append(each)
    return late


def marks(store: Store, *, runs: Iterable[str] | None = None) -> list[Mark]:
    """Give the marks, also those taken back, of these runs or of all, oldest first."""
    chosen = None if runs is None else json.dumps(list(runs))
    rows = store.rows(
        "SELECT * FROM marks WHERE ?1 IS NULL"
        " OR run IN (SELECT value FROM json_each(?1)) ORDER BY id",
        (chosen,),
    )
    return [_read(row) for row in rows]


def last_mark(store: Store, environment: str, asset: str) -> Mark | None:
    """Give the newest mark of an asset that was not taken back."""
    rows = store.rows(
        "SELECT * FROM marks WHERE environment = ? AND asset = ?"
        " AND taken_back_at IS NULL ORDER BY id DESC LIMIT 1",
        (environment, asset),
    )
    return _read(rows[0]) if rows else None


def held_back(store: Store, environment: str) -> dict[str, str]:
    """Give the assets that a person marked failed and that did not end well since.

    Each with the words for whatever is below it, which must not go on. A later word
    about an older run says nothing of how things stand now.
    """
    rows = store.rows(
        """
        SELECT m.* FROM marks AS m
        LEFT JOIN assets AS a ON a.environment = m.environment AND a.asset = m.asset
        WHERE m.environment = ? AND m.is_current AND m.word = 'failed'
            AND (a.last_success IS NULL OR a.last_success <= m.made_at)
            AND m.id = (
                SELECT max(id) FROM marks AS newer
                WHERE newer.environment = m.environment AND newer.asset = m.asset
                    AND newer.is_current AND newer.taken_back_at IS NULL
            )
        """,
        (environment,),
    )
    return {each.asset: f"`{each.asset}` {each.told}" for each in map(_read, rows)}


def planned_in(
    store: Store, environment: str, name: str, *, run: str | None = None
) -> tuple[str, tuple[str, ...]] | None:
    """Find an asset or a step, by its id, in the latest run that planned it.

    Give the run and the assets; None where no run, or not this one, has it.
    """
    rows = store.rows(
        """
        SELECT steps.run, steps.step, steps.assets FROM steps
        JOIN runs ON runs.id = steps.run
        WHERE runs.environment = ?1 AND steps.run = coalesce(?2, steps.run)
            AND (steps.step = ?3 OR instr(steps.assets, ?4) > 0)
        ORDER BY runs.rowid DESC, steps.step <> ?3 LIMIT 1
        """,
        (environment, run, name, json.dumps(name)),
    )
    if not rows:
        return None
    assets = tuple(json.loads(rows[0]["assets"]))
    whole_step = rows[0]["step"] == name and name not in assets
    return rows[0]["run"], assets if whole_step else (name,)


def _mark(connection: Connection, values: dict[str, Any]) -> int:
    row = connection.execute(_ROW, values).fetchone()
    values["is_current"] = _is_current(connection, row, values["run"])
    values["before"] = json.dumps(dict(row) if row else None)
    done = connection.execute(_MARK, values)
    if values["is_current"]:
        _write(connection, values)
    return int(done.lastrowid or 0)


def _is_current(connection: Connection, row: Row | None, run: str) -> bool:
    if row is None or row["run"] == run:
        return True
    began = connection.execute("SELECT started_at FROM runs WHERE id = ?", (run,))
    found = began.fetchone()
    return bool(found) and row["updated_at"] <= found["started_at"]


def _write(connection: Connection, values: dict[str, Any]) -> None:
    word, at = values["word"], values["at"]
    if word == "cleared":
        connection.execute(_DELETE, values)
        return
    said = f"marked {word} by {values['author']}: {values['reason']}"
    values = {**values, "status": _STATUS[word], "message": said, "success": None}
    if word == "success":
        values["success"] = at
    connection.execute(_UPSERT, values)
    if word == "failed":
        connection.execute(_FORGET_SUCCESS, values)


def _put_back(connection: Connection, mark: Mark) -> bool:
    """Restore the asset's row, unless a run has written it since."""
    keys = {"environment": mark.environment, "asset": mark.asset}
    row = connection.execute(_ROW, keys).fetchone()
    (text,) = connection.execute(
        "SELECT before FROM marks WHERE id = ?", (mark.id,)
    ).fetchone()
    before = json.loads(text)
    untouched = row["updated_at"] == mark.made_at if row else mark.word == "cleared"
    if not untouched:
        if row:
            _take_out(connection, mark, row["last_success"], before)
        return False
    connection.execute(_DELETE, keys)
    if before is not None:
        names = ", ".join(before)
        places = ", ".join(f":{name}" for name in before)
        connection.execute(f"INSERT INTO assets ({names}) VALUES ({places})", before)
    return True


def _take_out(
    connection: Connection,
    mark: Mark,
    last_success: str | None,
    before: dict[str, Any] | None,
) -> None:
    """Let a word say no more when the asset ended well, where a run came since."""
    own = None if last_success == mark.made_at else last_success
    earlier = before["last_success"] if before else None
    connection.execute(
        "UPDATE assets SET last_success = ? WHERE environment = ? AND asset = ?",
        (
            max(filter(None, (own, earlier)), default=None),
            mark.environment,
            mark.asset,
        ),
    )


def _read(row: Row) -> Mark:
    values = dict(row)
    del values["before"]
    return Mark(**{**values, "is_current": bool(values["is_current"])})


_ROW = "SELECT * FROM assets WHERE environment = :environment AND asset = :asset"
_DELETE = "DELETE FROM assets WHERE environment = :environment AND asset = :asset"
_MARK = """
    INSERT INTO marks (
        environment, run, asset, word, is_current, before, reason, author, made_at
    )
    VALUES (
        :environment, :run, :asset, :word, :is_current, :before, :reason, :author, :at
    )
"""
_UPSERT = """
    INSERT INTO assets (
        environment, asset, run, status, message, updated_at, last_success
    )
    VALUES (:environment, :asset, :run, :status, :message, :at, :success)
    ON CONFLICT DO UPDATE SET
        run = excluded.run,
        status = excluded.status,
        message = excluded.message,
        updated_at = excluded.updated_at,
        last_success = coalesce(excluded.last_success, last_success)
"""
# What it did before that run still counts for how fresh it is.
_FORGET_SUCCESS = """
    UPDATE assets SET last_success = (
        SELECT max(results.finished_at) FROM results
        JOIN runs ON runs.id = results.run
        WHERE runs.environment = :environment AND results.asset = :asset
            AND results.run <> :run AND results.status IN ('done', 'warned')
    )
    WHERE environment = :environment AND asset = :asset
"""
