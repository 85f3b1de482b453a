"""What a long past costs: a run log of many runs, and what asks it.

    python benchmarks/many_runs.py make FOLDER 100000     write the project and its log
    python benchmarks/many_runs.py ask FOLDER 100000      seconds of each question

Prints JSON. The questions are those that commands put, asked in this process; what a
whole command takes, the benchmark `past` measures.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from elt.project.load import load_project
from elt.project.settings import BASE_ENVIRONMENT
from elt.runner.lock import this_process
from elt.runner.plan import RunRequest
from elt.runner.resume import left_open, open_words
from elt.runner.store import history
from elt.runner.store.asset_log import asset_statuses
from elt.runner.store.chain import chain_of
from elt.runner.store.database import Store, open_store
from elt.runner.store.moments import text_of

STEPS = 3
RESULTS = 9  # of these steps
EVENTS = 12
# The latest runs are one chain of retries, and its end is not done: all that a look at
# what is open may have to read.
_RETRIES = 20
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_EVERY = timedelta(minutes=5)


def make(folder: Path, runs: int) -> None:
    """Write a project of three taps, and what its runs have left."""
    folder.mkdir(parents=True, exist_ok=True)
    taps = "".join(f'[taps.t{n}]\nplugin = "files"\n' for n in range(STEPS))
    (folder / "elt.toml").write_text(f'[project]\nname = "long"\n{taps}')
    project = load_project(folder)
    with open_store(project.private_dir) as store:
        _runs(store, runs)
        _what_they_did(store)
        _assets(store)


def ask(folder: Path, runs: int) -> dict[str, float]:
    """Put each question once, to a store that was opened for it as a command does."""
    project = load_project(folder)
    found = {}
    for name, question in _questions(runs).items():
        begun = time.perf_counter()
        with open_store(project.private_dir) as store:
            question(store)
        found[name] = time.perf_counter() - begun
    return found


def _questions(runs: int) -> dict[str, Callable[[Store], object]]:
    middle = _id(runs // 2)
    return {
        "nothing": lambda _: None,
        "what is stale": lambda store: asset_statuses(store, BASE_ENVIRONMENT),
        "who crashed": history.mark_crashed,
        "what is open": lambda store: left_open(store, BASE_ENVIRONMENT),
        "the latest runs": history.runs,
        "the last run": history.run_detail,
        "a run by its id": lambda store: history.run_detail(store, middle),
        "a run by its end": lambda store: history.find(store, middle[-7:]),
        "a chain": lambda store: open_words(chain_of(store)),
        "the latest moment": history.latest_moment,
    }


def _id(number: int) -> str:
    at = _FIRST + number * _EVERY
    return f"{at:%Y%m%dT%H%M%S}-{number % 65536:04x}"


def _runs(store: Store, many: int) -> None:
    request = json.dumps(asdict(RunRequest(selection=("tap:t0", "tap:t1"))))
    owner = json.dumps(asdict(this_process("")))
    rows = [
        (
            *(_id(n), BASE_ENVIRONMENT, "failed" if n >= many - _RETRIES else "done"),
            *(request, text_of(_FIRST + n * _EVERY)),
            *(text_of(_FIRST + (n + 0.5) * _EVERY), owner),
            _id(n - 1) if n > many - _RETRIES else None,
        )
        for n in range(many)
    ]
    with store.writing() as connection:
        connection.executemany(
            "INSERT INTO runs (id, environment, status, request, started_at, ended_at,"
            " owner, retry_of) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def _what_they_did(store: Store) -> None:
    each = RESULTS // STEPS
    assets = ", ".join(f"'stream:t' || n.n || '.x{number}'" for number in range(each))
    numbers = "(SELECT value AS n FROM json_each(?))"
    body = json.dumps({"text": "one line of what a program said, as long as usual"})
    with store.writing() as connection:
        connection.execute(
            f"""
            INSERT INTO steps (run, step, position, kind, reason, assets, status,
                started_at, ended_at, seconds)
            SELECT r.id, 'tap:t' || n.n, n.n, 'tap', 'selected', json_array({assets}),
                r.status, r.started_at, r.ended_at, 1.5
            FROM runs AS r, {numbers} AS n
            """,
            (json.dumps([*range(STEPS)]),),
        )
        connection.execute(
            """
            INSERT INTO results
            SELECT s.run, a.value, s.step, s.status, 100, 0, 1.5, '', s.ended_at
            FROM steps AS s, json_each(s.assets) AS a
            """
        )
        connection.execute(
            """
            INSERT INTO attempts (run, step, attempt, started_at)
            SELECT run, step, 1, started_at FROM steps
            """
        )
        connection.execute(
            f"""
            INSERT INTO events (run, step, kind, at, body)
            SELECT r.id, 'tap:t' || (n.n % {STEPS}), 'LogLine', r.started_at, ?
            FROM runs AS r, {numbers} AS n
            """,
            (body, json.dumps([*range(EVENTS)])),
        )


def _assets(store: Store) -> None:
    """Let each asset stand as the last run left it."""
    with store.writing() as connection:
        connection.execute(
            f"""
            INSERT INTO assets (environment, asset, run, status, updated_at)
            SELECT '{BASE_ENVIRONMENT}', asset, run, status, finished_at FROM results
            WHERE run = (SELECT id FROM runs ORDER BY rowid DESC LIMIT 1)
            """
        )


if __name__ == "__main__":
    what, where, number = sys.argv[1:]
    if what == "make":
        make(Path(where), int(number))
        json.dump({}, sys.stdout)
    else:
        json.dump(ask(Path(where), int(number)), sys.stdout)
