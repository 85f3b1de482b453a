"""What becomes of what is gone, from the simulated account to the table."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import httpx
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
select = {only}
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
def elt(now, tmp_path):
    def elt(*words, token=now.api.token):
        command = [sys.executable, "-m", "elt", "-C", str(tmp_path), *words]
        environment = {**os.environ, "HUB_TOKEN": token}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return elt


@pytest.fixture
def run(now, elt, tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "hub.py").write_text(PLUGIN)

    def run(*only, stream="", token=now.api.token, **config):
        given = {"base_url": now.origin, "index_lag_seconds": 0, **FAST, **config}
        lines = [f"{name} = {json.dumps(value)}" for name, value in given.items()]
        text = PROJECT.format(
            only=json.dumps(only or ["contacts"]),
            stream=stream,
            config="\n".join(lines),
        )
        (tmp_path / "elt.toml").write_text(text)
        return elt("run", token=token)

    return run


def asked(folder: Path, sql: str):
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        return connection.execute(sql).fetchall()


def contacts(folder: Path):
    """Give each contact's e-mail, and whether it is marked as deleted."""
    rows = asked(
        folder, "SELECT id, email, _sdc_deleted_at IS NOT NULL FROM raw_crm.contacts"
    )
    return {int(key): (email, deleted) for key, email, deleted in rows}


@pytest.mark.slow
def test_archived_merged_and_erased_contacts_are_marked(now, run, tmp_path):
    a, b, c, d = now.api.add("contacts", {"email": "{n}@example.com"}, n=4)
    run(sweep_days=0.00001)
    now.api.archive("contacts", a)
    now.api.merge("contacts", c, b)
    now.api.erase("contacts", d)

    run(sweep_days=0.00001)

    found = contacts(tmp_path)
    assert found[a] == ("0@example.com", True)
    assert found[b] == ("1@example.com", True)
    assert found[c] == ("2@example.com", False)
    assert found[d] == ("3@example.com", True)


@pytest.mark.slow
def test_they_are_deleted_where_that_is_wanted(now, run, tmp_path):
    a, *others = now.api.add("contacts", {"email": "{n}@example.com"}, n=4)
    run(stream='on_missing = "delete"')
    now.api.archive("contacts", a)

    run(stream='on_missing = "delete"')

    assert set(contacts(tmp_path)) == set(others)


@pytest.mark.slow
def test_rows_of_a_part_whose_scope_was_taken_stay_and_others_go(now, run, tmp_path):
    now.api.let_in("only-deals", ["crm.objects.deals.read", "crm.schemas.deals.read"])
    run("pipelines", "stages")
    by_part = (
        "SELECT object_type, count(*) FROM raw_crm.stages GROUP BY ALL ORDER BY ALL"
    )
    assert asked(tmp_path, by_part) == [("deals", 7), ("tickets", 4)]
    now.api.portal.around.pipelines["deals"][0]["stages"].pop()

    said = run("pipelines", "stages", token="only-deals")  # noqa: S106

    assert asked(tmp_path, by_part) == [("deals", 6), ("tickets", 4)]
    assert asked(tmp_path, "SELECT object_type FROM raw_crm.pipelines ORDER BY 1") == [
        ("deals",),
        ("tickets",),
    ]
    assert "MISSING_SCOPES" in said
    assert "its rows stay as they were" in said


@pytest.mark.slow
def test_a_new_property_without_values_is_a_column_after_the_next_run(
    now, run, elt, tmp_path
):
    now.api.add("contacts", {"email": "a@example.com"})
    run()
    define(now, "contacts", "tier")
    assert "contacts.tier" in elt("tap", "diff", "crm")

    run()

    names = "SELECT column_name, column_type FROM (DESCRIBE raw_crm.contacts)"
    assert ("tier", "VARCHAR") in asked(tmp_path, names)
    assert "Nothing has changed" in elt("tap", "diff", "crm")


def define(now, kind, name):
    about = {"groupName": "contactinformation", "type": "string", "fieldType": "text"}
    answer = httpx.post(
        f"{now.origin}/crm/v3/properties/{kind}",
        headers={"Authorization": f"Bearer {now.api.token}"},
        json={"name": name, "label": name, **about},
    )
    assert answer.status_code == 201, answer.text
