"""A run and its retries, seen as one: how each asset that they planned stands now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from sqlite3 import Row
from typing import Any

from elt.runner.store.database import Store
from elt.runner.store.history import find
from elt.runner.store.marks import marks


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAsset:
    """An asset as the last run of the chain that planned it left it.

    `status` is None where the run ended before it had one, or a person cleared it.
    `word` is what a person said of it. `unasked` tells that its tap did not answer: the
    asset is a guess and stands for all streams of the tap.
    """

    asset: str
    step: str
    run: str
    status: str | None
    word: str = ""
    unasked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A run with all retries of it, and of these; `request` is that of the last.

    Nothing is planned where each of them ended before it had a plan.
    """

    runs: tuple[str, ...]  # the oldest first
    environment: str
    status: str  # of the last
    request: Mapping[str, Any]
    planned: tuple[PlannedAsset, ...] = ()

    @property
    def last(self) -> str:
        return self.runs[-1]


def chain_of(store: Store, name: str = "last") -> Chain:
    """Give the chain that a run belongs to, by its id, the start or end of one.

    Raises ConfigError when there is no such run.
    """
    rows = _related(store, _first(store, find(store, name)))
    ids = [row["id"] for row in rows]
    return Chain(
        runs=tuple(ids),
        environment=rows[-1]["environment"],
        status=rows[-1]["status"],
        request=json.loads(rows[-1]["request"]),
        planned=_planned(store, {row["id"]: row["started_at"] for row in rows}),
    )


def last_to_retry(store: Store) -> str | None:
    """Give the latest run that may have left something, in any environment.

    One that had nothing to do left nothing; nor did one that somebody's mistake ended
    before it had a plan, such as a selection that nothing is called.
    """
    rows = store.rows(
        """
        SELECT id FROM runs
        WHERE EXISTS (SELECT 1 FROM steps WHERE steps.run = runs.id)
            OR (status <> 'done' AND error NOT IN ('ConfigError', 'ConfigErrors'))
        ORDER BY rowid DESC LIMIT 1
        """
    )
    return rows[0]["id"] if rows else None


def _first(store: Store, run: Row) -> str:
    while run["retry_of"] is not None:
        above = store.rows("SELECT * FROM runs WHERE id = ?", (run["retry_of"],))
        if not above:  # it was longer ago than runs are kept
            break
        run = above[0]
    return str(run["id"])


def _related(store: Store, first: str) -> list[Row]:
    return store.rows(
        """
        WITH RECURSIVE related (id) AS (
            SELECT ?
            UNION
            SELECT runs.id FROM runs JOIN related ON runs.retry_of = related.id
        )
        SELECT * FROM runs WHERE id IN (SELECT id FROM related) ORDER BY rowid
        """,
        (first,),
    )


def _planned(store: Store, runs: Mapping[str, str]) -> tuple[PlannedAsset, ...]:
    """Give what these runs planned; they come with their starts, the oldest first."""
    last_plan: dict[str, Row] = {}
    of_step: dict[str, set[str]] = {}  # all assets that were ever planned in it
    for run in runs:
        for step in _steps(store, run):
            ever = of_step.setdefault(step["step"], set())
            known = [a for a in ever if last_plan[a]["step"] == step["step"]]
            guessed = [asset for asset in known if last_plan[asset]["unasked"]]
            if step["unasked"] and len(guessed) < len(known):
                continue  # an earlier run knew the streams by name
            for asset in guessed:  # now the tap has told its own
                del last_plan[asset]
                ever.discard(asset)
            assets = json.loads(step["assets"])
            last_plan |= dict.fromkeys(assets, step)
            ever.update(assets)
    statuses = _statuses(store, runs)
    words = _words(store, runs, {a: step["run"] for a, step in last_plan.items()})
    return tuple(
        PlannedAsset(
            asset=asset,
            step=step["step"],
            run=step["run"],
            status=statuses.get((step["run"], asset)),
            word=words.get(asset, ""),
            unasked=bool(step["unasked"]),
        )
        for asset, step in last_plan.items()
    )


def _words(
    store: Store, runs: Mapping[str, str], last: Mapping[str, str]
) -> dict[str, str]:
    """Give the newest word on each asset that was said since its last run here.

    About whichever of the runs it was said: they are seen as one.
    """
    found: dict[str, str] = {}
    for each in marks(store, runs=runs):
        run = last.get(each.asset)
        if run is None or each.taken_back_at is not None:
            continue
        if each.run == run or each.made_at > runs[run]:
            found[each.asset] = each.word
    return found


def _steps(store: Store, run: str) -> list[Row]:
    return store.rows(
        "SELECT run, step, assets, unasked FROM steps WHERE run = ? ORDER BY position",
        (run,),
    )


def _statuses(store: Store, runs: Iterable[str]) -> dict[tuple[str, str], str]:
    rows = store.rows(
        "SELECT run, asset, status FROM results"
        " WHERE run IN (SELECT value FROM json_each(?))",
        (json.dumps([*runs]),),
    )
    return {(row["run"], row["asset"]): row["status"] for row in rows}
