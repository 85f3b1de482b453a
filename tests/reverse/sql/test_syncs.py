"""A model and its table, as a sync keeps them alike: run again, killed, cut off."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pymysql
import pytest
import servers
from databases import Database, connect_postgres, settings_of
from far_tables import FarSide

from elt.events import ReceiptsStored
from elt.reverse.plan import Consent
from elt.reverse.sync import Watch

PROGRAM = """
import json
import sys
import time
from pathlib import Path

import msgspec

from elt.plugins import find, load
from elt.project.sync_settings import SyncTable
from elt.reverse.destination import make_destination
from elt.reverse.plan import Sync
from elt.reverse.sync import Watch, run_sync
from elt.warehouse.duckdb import Warehouse

folder, plugin, config, mode = Path(sys.argv[1]), *sys.argv[2:5]
kind = load(find("destination", plugin, folder))
table = {"model": "people", "destination": "d", "object": "people", "key": "email",
         "mode": mode}
sync = Sync(
    name="people",
    table=msgspec.convert(table, SyncTable),
    relation='"main"."people"',
    environment="default",
    warehouse=Warehouse(folder / "warehouse.duckdb"),
    destination=make_destination(kind, json.loads(config), folder),
    spool_dir=folder / "spool",
)
# A moment after each batch, so that nobody who looks on is too late.
watch = Watch(listen=lambda _: time.sleep(0.01))
result = run_sync(sync, run_id=sys.argv[5], sends=True, watch=watch)
print(result.status, result.total)
"""
PLUGINS = {"postgres": "postgres", "mariadb": "mysql", "sqlite": "sqlite"}


@pytest.fixture
def synced(world, far):
    """Give a sync of `people` into an empty table."""
    far.people()
    world.table |= {"mode": "mirror"}
    world.destination = far.destination()
    return world


def score(rows):
    return [(email, int(score)) for email, score in rows]


def test_a_second_run_sends_nothing_and_a_third_what_has_changed(synced, far):
    synced.people(("ann", 1), ("bob", 2), ("cid", 3))

    first = synced.run()
    second = synced.run()
    synced.people(("ann", 1), ("bob", 20), ("dan", 4))
    third = synced.run(consent=Consent(guards={"removed", "changed"}))

    assert (first.status, first.total, first.tally.accepted) == ("done", 3, 3)
    assert (second.status, second.total) == ("done", 0)
    assert (third.counts.added, third.counts.changed, third.counts.removed) == (1, 1, 1)
    assert score(far.rows(columns="email, score")) == [
        ("ann", 1),
        ("bob", 20),
        ("dan", 4),
    ]


def test_a_bad_row_waits_with_its_reason_until_it_is_mended(synced, far):
    far.run("DROP TABLE people")
    far.people(", CONSTRAINT low CHECK (score < 100)")
    synced.people(("ann", 1), ("bob", 2000), ("cid", 3))

    first = synced.run()
    said = synced.query(
        "SELECT key, last_error FROM _elt.sync_state WHERE status = 'rejected'"
    )
    synced.people(("ann", 1), ("bob", 2), ("cid", 3))
    second = synced.run()

    assert (first.status, first.tally.accepted, first.tally.rejected) == (
        "warned",
        2,
        1,
    )
    assert said[0][0] == "bob"
    assert "low" in said[0][1]
    assert (second.status, second.total) == ("done", 1)
    assert score(far.rows(columns="email, score")) == [
        ("ann", 1),
        ("bob", 2),
        ("cid", 3),
    ]


# That a kill loses nothing is tested with a destination in memory, too.
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["mirror", "insert"])
def test_after_a_kill_in_the_middle_and_another_run_the_table_is_the_model(
    world, far, mode
):
    far.people()
    world.model(
        "SELECT 'p' || lpad(i::TEXT, 5, '0') AS email, 'name ' || i AS name,"
        " (i % 1000)::DECIMAL(10, 2) / 4 AS score FROM range(2000) t(i)"
    )
    world.model("SELECT email, name, score::DECIMAL(10, 2) AS score FROM people")

    killed = start(world.folder, far, mode, "run-1")
    await_rows(far, 300)
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=60)
    arrived = len(far.rows(columns="email"))
    again = start(world.folder, far, mode, "run-2")
    said, _ = again.communicate(timeout=120)

    assert killed.returncode == -signal.SIGKILL
    assert 300 <= arrived < 2000
    # DuckDB takes `python -c` for a person, and may draw a bar before the last line.
    status, total = said.splitlines()[-1].split()
    assert status == "done"
    assert 2000 - arrived <= int(total) <= 2000 - arrived + 50
    assert len(far.rows()) == 2000
    expected = world.query("SELECT email, name, score FROM people ORDER BY email")
    assert [(e, n, Decimal(str(s))) for e, n, s in far.rows()] == expected


def start(folder, far, mode, run_id):
    config = json.dumps({**far.database.settings, "batch_size": 50})
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            PROGRAM,
            folder,
            PLUGINS[far.kind],
            config,
            mode,
            run_id,
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("PG")},
    )


def await_rows(far, wanted):
    deadline = time.monotonic() + 60
    while len(far.rows(columns="email")) < wanted:
        assert time.monotonic() < deadline, "no rows arrive"
        time.sleep(0.005)


@pytest.fixture(params=["postgres", "mariadb"])
def restartable(request, tmp_path) -> Iterator[FarSide]:
    """Give a database on a server of its own, whose `server` may be stopped."""
    try:
        server = servers.start(request.param)
    except servers.NotInstalled as missing:
        pytest.skip(str(missing))
    Path(server.folder, "keep").touch()
    try:
        yield FarSide(_database(server), tmp_path)
    finally:
        Path(server.folder, "keep").unlink()
        # It may have been started again since, under another process id.
        servers.stop(servers.running(server))


def _database(server: servers.Server) -> Database:
    settings = settings_of(server, "postgres")
    if server.kind == "postgres":
        connection = connect_postgres(settings)
    else:
        settings["database"] = "shop"
        connection = pymysql.connect(**{**settings, "database": None}, autocommit=True)
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS shop")
        connection.select_db("shop")
    return Database(
        kind=server.kind, settings=settings, connection=connection, server=server
    )


def test_a_server_that_is_restarted_in_the_middle_loses_nothing(world, restartable):
    far = restartable
    far.people()
    rows = 600
    world.model(
        "SELECT 'p' || lpad(i::TEXT, 5, '0') AS email, 'x' AS name,"
        f" i::DECIMAL(10, 2) AS score FROM range({rows}) t(i)"
    )
    world.destination = far.destination(batch_size=100)
    stored = []

    def restart(event):
        if not isinstance(event, ReceiptsStored):
            return
        stored.append(event.accepted)
        if len(stored) == 3:
            with contextlib.suppress(Exception):
                far.database.connection.close()
            servers.stop(far.database.server)
            servers.start(
                far.kind,
                folder=Path(far.database.server.folder),
                port=far.database.server.port,
            )

    result = world.run(watch=Watch(listen=restart, sleep=world.slept.append))

    assert (result.status, result.tally.accepted) == ("done", rows)
    assert len(world.slept) == 1
    after = FarSide(_database(far.database.server), far.root)
    assert [int(s) for _, s in after.rows(columns="email, score")] == list(range(rows))
    after.database.connection.close()
