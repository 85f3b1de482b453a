"""The events tap with the target, as `elt run` puts them together."""

from __future__ import annotations

import json
import subprocess
import sys

import duckdb
import pytest

PROJECT = """
[project]
name = "x"
[taps.web]
plugin = "events"
[taps.web.config]
path = "in/"
format = "snowplow_tsv"
schemas = "schemas/"
contexts = "tables"
"""
THINGS = "raw_web.contexts_com_acme_thing_1"


@pytest.fixture
def elt(folder):
    folder.write("elt.toml", PROJECT)

    def run(*arguments: str) -> None:
        command = [sys.executable, "-m", "elt", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def query(sql: str) -> list[tuple]:
    with duckdb.connect("warehouse.duckdb") as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.slow
def test_events_are_loaded_once_and_bad_ones_kept_until_they_are_good(
    elt, folder, samples
):
    def line(number, thing, **changes):
        contexts = samples.contexts((samples.THING, {"thingId": thing}))
        return samples.tsv(number, contexts=contexts, tr_total="9.90", **changes)

    folder.schema(samples.THING, samples.THING_SCHEMA)
    folder.write(
        "in/09/a.tsv", line(1, 1), line(2, 2), line(1, 1), line(3, -3), "short"
    )
    folder.write("in/09/b.tsv", line(1, 1), line(1, 7, event_fingerprint="fp-x"))
    elt("run")

    assert query("SELECT count(*), sum(tr_total)::VARCHAR FROM raw_web.events") == [
        (3, "29.700000000")
    ]
    assert query(f"SELECT thing_id, position FROM {THINGS} ORDER BY 1") == [
        (1, 0),
        (2, 0),
        (7, 0),
    ]
    reasons = "SELECT line, reasons->>0 FROM raw_web.bad_events ORDER BY line"
    assert query(reasons) == [
        (4, "contexts.thingId: -3 is less than the minimum of 0"),
        (5, "has 1 columns and not 131"),
    ]

    elt("run")
    assert query("SELECT count(*) FROM raw_web.events") == [(3,)]

    folder.schema(samples.THING, {**samples.THING_SCHEMA, "properties": {}})
    query("DROP TABLE raw_web.bad_events")
    elt("run")

    assert query("SELECT count(*) FROM raw_web.events") == [(4,)]
    assert query(reasons) == [(5, "has 1 columns and not 131")]


def test_segments_json_is_loaded_exactly(elt, folder, samples):
    config = PROJECT.partition("path =")[0] + 'path = "in/"\nformat = "segment"\n'
    folder.write("elt.toml", config)
    folder.write(
        "in/a.json",
        json.dumps(samples.track(1)).replace("9.9", "9.90"),
        samples.track(2, receivedAt=None, sentAt=None),
    )
    elt("run")

    assert query(
        "SELECT message_id, properties::VARCHAR, corrected_timestamp::VARCHAR"
        " FROM raw_web.events ORDER BY 1"
    ) == [
        ("m-1", '{"total":9.90}', "2026-03-01 09:00:59+00"),
        ("m-2", '{"total":9.9}', None),
    ]
