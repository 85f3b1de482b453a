"""kill -9 of a real process that is delivering to a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter

from elt.testing.webhooks import Answer, Receiver

PROGRAM = """
import sys
from pathlib import Path

import msgspec

from elt.project.sync_settings import SyncTable
from elt.reverse.destinations.webhook import WebhookDestination
from elt.reverse.plan import Sync
from elt.reverse.sync import run_sync
from elt.warehouse.duckdb import Warehouse

folder, url, run_id = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
table = {"model": "m", "destination": "d", "object": "o", "key": "id"}
sync = Sync(
    name="people",
    table=msgspec.convert(table, SyncTable),
    relation='"main"."people"',
    environment="default",
    warehouse=Warehouse(folder / "warehouse.duckdb"),
    destination=WebhookDestination({"url": url, "batch_size": 10}, folder),
    spool_dir=folder / "spool",
)
result = run_sync(sync, run_id=run_id, sends=True)
print(result.status, result.total)
"""


def deliver(folder, url, run_id):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), url, run_id],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_after_a_kill_every_row_arrives_and_only_the_batch_in_flight_comes_twice(
    world,
):
    world.model(
        "SELECT 'p' || lpad(i::TEXT, 2, '0') AS id, i AS n FROM range(100) t(i)"
    )
    killed = threading.Event()
    victims: list[subprocess.Popen[str]] = []

    def kills_at_the_fourth_batch(_):
        if len(receiver.requests) == 4:
            os.kill(victims[0].pid, signal.SIGKILL)
            killed.set()
        return Answer()

    with Receiver(kills_at_the_fourth_batch) as receiver:
        victims.append(deliver(world.folder, receiver.url, "run-1"))
        victims[0].communicate(timeout=60)
        assert killed.is_set()
        assert victims[0].returncode == -signal.SIGKILL
        assert list((world.folder / "spool").iterdir())

        again = deliver(world.folder, receiver.url, "run-2")
        said, _ = again.communicate(timeout=60)

    times = Counter(change["key"] for change in receiver.changes)
    assert said == "done 70\n"
    assert len(times) == 100
    assert [key for key, n in times.items() if n > 1] == [
        f"p{n}" for n in range(30, 40)
    ]
    fourth, fifth = receiver.requests[3:5]
    assert fourth.headers["idempotency-key"] == fifth.headers["idempotency-key"]
    assert list((world.folder / "spool").iterdir()) == []
    assert world.query(
        "SELECT status, accepted FROM _elt.sync_runs ORDER BY sequence"
    ) == [("crashed", 30), ("done", 70)]
    assert world.query(
        "SELECT count(*), count(DISTINCT key) FROM _elt.sync_state"
        " WHERE status = 'accepted'"
    ) == [(100, 100)]
