"""The tap as a program, and the tap in a project."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from taps.stripe.kettle import NOW

from elt.testing.apis.stripe.api import TOKEN
from elt.testing.apis.troubles import Says

PLUGIN = """
from elt.taps.stripe.tap import StripeTap


class Billing(StripeTap):
    name = "billing"
"""


def tap(*arguments):
    command = [sys.executable, "-m", "elt.taps.stripe", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def config(tmp_path, stripe):
    def write(**given):
        path = tmp_path / "config.json"
        settings = {"api_key": TOKEN, "base_url": stripe.origin, **given}
        path.write_text(json.dumps(settings))
        return path

    return write


def test_discover_asks_stripe_nothing(stripe, config):
    ended = tap("--config", config(requests_per_second=12.5), "--discover")

    catalog = json.loads(ended.stdout)
    names = {stream["tap_stream_id"] for stream in catalog["streams"]}
    assert len(names) == 22
    assert {"subscriptions", "invoice_line_items", "events", "accounts"} <= names
    assert stripe.api.front.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_tap_that_waits_for_a_limit_ends_when_it_is_told_to(stripe, config, number):
    wait = Says(429, headers={"Retry-After": "800"})
    stripe.api.front.troubles.add(wait, times=100)
    command = [sys.executable, "-m", "elt.taps.stripe", "--config", config()]

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        while b"waiting" not in program.stderr.readline():
            assert program.poll() is None
        program.send_signal(number)
        assert program.wait(10) == 128 + number


def test_about_tells_the_settings_and_which_are_secret():
    ended = tap("--about", "--format", "json")

    about = json.loads(ended.stdout)
    settings = about["settings"]
    assert settings["required"] == ["api_key"]
    assert settings["properties"]["api_key"]["writeOnly"] is True
    assert settings["properties"]["start_date"]["x-elt-ask"] is True
    assert settings["x-elt-window"] == {"start": "start_date", "end": "end_date"}


def test_test_reads_one_record_of_each_stream(stripe, config):
    stripe.api.add("customer", 2)

    given = config(timeout_seconds=5.5, requests_per_second=500.5, event_days=28.5)
    ended = tap("--config", given, "--test")

    assert ended.returncode == 0, ended.stderr
    assert '"stream":"customers"' in ended.stdout


def test_a_wrong_key_ends_with_the_code_for_settings_and_a_hint(config):
    ended = tap("--config", config(api_key="sk_live_wrong_one_123"))

    assert ended.returncode == 2
    assert "Invalid API Key" in ended.stderr
    assert "`api_key`" in ended.stderr
    assert "sk_live_wrong_one_123" not in ended.stderr + ended.stdout


@pytest.fixture
def project(tmp_path, stripe):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins/billing.py").write_text(PLUGIN)
    (tmp_path / "elt.toml").write_text(
        f"""
[project]
name = "kettle"
[warehouse]
type = "duckdb"
path = "warehouse.duckdb"
[taps.stripe]
plugin = "billing"
select = ["coupons", "events", "subscriptions"]
[taps.stripe.config]
api_key = "{TOKEN}"
base_url = "{stripe.origin}"
requests_per_second = 500.0
"""
    )

    def run(*words):
        command = [sys.executable, "-m", "elt", *(words or ("run",))]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path
        )

    def ask(sql):
        with duckdb.connect(tmp_path / "warehouse.duckdb", read_only=True) as file:
            return file.execute(sql).fetchall()

    run.ask = ask
    run.file = tmp_path / "elt.toml"
    return run


@pytest.mark.slow
def test_what_is_deleted_at_stripe_is_marked_in_the_warehouse(stripe, project):
    # The tap goes by its own clock, so Stripe's is moved to it.
    clock = stripe.api.clock
    clock.move_to(datetime.now(UTC) - timedelta(minutes=5))
    assert clock.now() > NOW
    stripe.api.add("coupon", id="OLD", name="Old")
    stripe.api.add("coupon", id="NEW", name="New")
    first = project()
    clock.advance(timedelta(minutes=1))
    stripe.api.delete("coupon", "OLD")
    second = project()

    assert first.returncode == 0, first.stdout + first.stderr
    assert second.returncode == 0, second.stdout + second.stderr
    rows = project.ask(
        "SELECT id, name, _sdc_deleted_at IS NOT NULL FROM raw_stripe.coupons"
        " ORDER BY id"
    )
    assert rows == [("NEW", "New", False), ("OLD", "Old", True)]


@pytest.mark.slow
def test_what_is_deleted_after_a_first_run_that_was_cut_short_is_marked(
    stripe, project
):
    clock = stripe.api.clock
    clock.move_to(datetime.now(UTC) - timedelta(hours=2))
    stripe.api.add("coupon", 250, created=int(clock.seconds()) - 1000)
    stripe.api.add("charge", 2)
    # Rows of a stream that was cut short stay where another one ended well before.
    text = project.file.read_text()
    project.file.write_text(text.replace('"coupons", "events"', '"charges", "coupons"'))
    refused = Says(401, '{"error": {"message": "Invalid API Key provided"}}')
    stripe.api.front.troubles.add(refused, path="/v1/coupons", after=2, times=99)
    first = project()
    stripe.api.front.troubles.clear()
    loaded = project.ask("SELECT id FROM raw_stripe.coupons ORDER BY 1")
    clock.advance(timedelta(minutes=30))
    stripe.api.delete("coupon", loaded[0][0])
    clock.advance(timedelta(minutes=30))

    second = project()

    assert (first.returncode != 0, second.returncode) == (True, 0)
    marked = "SELECT id FROM raw_stripe.coupons WHERE _sdc_deleted_at IS NOT NULL"
    assert project.ask(marked) == loaded[:1]
    assert project.ask("SELECT count(*) FROM raw_stripe.coupons") == [(250,)]


@pytest.mark.slow
def test_rows_come_in_another_version_when_their_streams_are_reset(
    stripe, project, tmp_path
):
    clock = stripe.api.clock
    clock.move_to(datetime.now(UTC) - timedelta(days=3))
    stripe.api.add("subscription_item", subscription="sub_1")
    stripe.api.add("subscription", id="sub_1")
    stripe.api.add("coupon", id="OLD")
    clock.move_to(datetime.now(UTC) - timedelta(minutes=5))
    project()
    clock.advance(timedelta(minutes=3))
    stripe.api.delete("coupon", "OLD")
    project()
    path = tmp_path / "elt.toml"
    path.write_text(path.read_text() + 'api_version = "2024-06-20"\n')

    def columns():
        return {name for name, *_ in project.ask("DESCRIBE raw_stripe.subscriptions")}

    project()
    before = columns()
    project("state", "reset", "stripe", "subscriptions", "coupons", "--yes")
    project()

    assert "current_period_end" not in before
    assert "current_period_end" in columns()
    coupons = "SELECT id, _sdc_deleted_at IS NOT NULL FROM raw_stripe.coupons"
    assert project.ask(coupons) == [("OLD", True)]
    project("run", "--full-refresh")
    assert project.ask(coupons) == []


@pytest.mark.slow
def test_accounts_that_are_named_later_double_our_own_rows_until_a_full_refresh(
    stripe, project
):
    stripe.api.add("coupon", id="SALE", name="Sale")
    kept = "SELECT id, stripe_account FROM raw_stripe.coupons ORDER BY ALL NULLS LAST"
    project()
    with project.file.open("a") as file:
        file.write('account_ids = ["own"]\n')

    warned = project()
    doubled = project.ask(kept)
    project("run", "tap:stripe", "--full-refresh")

    assert "the key was `id`, now it is `stripe_account`, `id`" in warned.stderr
    assert doubled == [("SALE", "acct_kettle"), ("SALE", None)]
    assert project.ask(kept) == [("SALE", "acct_kettle")]
