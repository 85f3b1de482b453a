"""What becomes of deletes in a warehouse, from the simulated account to the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from taps.hubspot.account import FAST, account

from elt.testing.apis.clock import Clock
from elt.testing.apis.serving import served

PROJECT = """
[project]
name = "acme"
[warehouse]
type = "duckdb"
path = "warehouse.duckdb"
[taps.crm]
plugin = "hub"
select = ["contacts"]
[taps.crm.streams.contacts]
{stream}
[taps.crm.config]
access_token = "${{env:HUB_TOKEN}}"
{config}
"""
PLUGIN = """
from elt.taps.hubspot.tap import HubSpotTap


class HubTap(HubSpotTap):
    name = "tap-hub"
"""


@pytest.fixture
def now():
    """Serve an account that is at this very time, as `elt run` is."""
    made = account(clock=Clock(datetime.now(UTC) - timedelta(minutes=1), runs=True))
    with served(made) as hubspot:
        yield hubspot


@pytest.fixture
def run(now, tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "hub.py").write_text(PLUGIN)

    def run(*, stream="", **config):
        given = {"base_url": now.origin, "index_lag_seconds": 0, **FAST, **config}
        lines = [f"{name} = {json.dumps(value)}" for name, value in given.items()]
        text = PROJECT.format(stream=stream, config="\n".join(lines))
        (tmp_path / "elt.toml").write_text(text)
        command = [sys.executable, "-m", "elt", "-C", str(tmp_path), "run"]
        environment = {**os.environ, "HUB_TOKEN": now.api.token}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return table(tmp_path)

    return run


def table(folder: Path):
    """Give each contact's e-mail, and whether it is marked as deleted."""
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        rows = connection.execute(
            "SELECT id, email, _sdc_deleted_at IS NOT NULL FROM raw_crm.contacts"
        ).fetchall()
    return {int(key): (email, deleted) for key, email, deleted in rows}


@pytest.mark.slow
def test_archived_merged_and_erased_contacts_are_marked(now, run):
    a, b, c, d = now.api.add("contacts", {"email": "{n}@example.com"}, n=4)
    run(sweep_days=0.00001)
    now.api.archive("contacts", a)
    now.api.merge("contacts", c, b)
    now.api.erase("contacts", d)

    found = run(sweep_days=0.00001)

    assert found[a] == ("0@example.com", True)
    assert found[b] == ("1@example.com", True)
    assert found[c] == ("2@example.com", False)
    assert found[d] == ("3@example.com", True)


@pytest.mark.slow
def test_they_are_deleted_where_that_is_wanted(now, run):
    a, *others = now.api.add("contacts", {"email": "{n}@example.com"}, n=4)
    run(stream='on_missing = "delete"')
    now.api.archive("contacts", a)

    found = run(stream='on_missing = "delete"')

    assert set(found) == set(others)
