"""The tap as a program, and singer-sdk's own suite of tests for taps."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from sdk_suite import check_tap
from taps.described.anything import Anything, Listed

from elt.taps.described.tap import DescribedTap
from elt.testing.apis.serving import served

ROWS = [{"id": n, "updated_at": f"2025-05-0{n}T10:00:00Z"} for n in range(1, 6)]


def small_api():
    api = Anything()
    api.lists["orders"] = Listed(ROWS, style="cursor", cap=2, order="updated_at")
    for row in ROWS:
        api.lists[f"orders/{row['id']}/lines"] = Listed([{"line": 1}])
    return api


def config_of(origin):
    orders = {
        "path": "orders",
        "records": "data",
        "key": "id",
        "cursor": {"field": "updated_at", "param": "updated_since"},
        "paging": {"type": "cursor", "path": "meta.next", "param": "cursor"},
        "sorted": True,
    }
    lines = {
        "path": "orders/{id}/lines",
        "records": "data",
        "key": ["order_id", "line"],
        "parent": "orders",
        "parent_fields": {"order_id": "id"},
    }
    streams = {"orders": orders, "lines": lines}
    return {"base_url": f"{origin}/v1", "streams": streams}


@pytest.fixture(scope="module")
def config():
    with served(small_api()) as listening:
        yield config_of(listening.origin)


@pytest.fixture
def run(config, tmp_path):
    """Run the tap as a program, with settings over the usual ones."""

    def ran(*arguments, **more):
        (tmp_path / "config.json").write_text(json.dumps({**config, **more}))
        command = [sys.executable, "-m", "elt.taps.described", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return ran


def test_the_tap_passes_the_suite_of_singer_sdk(config):
    check_tap(DescribedTap, config)


def test_it_discovers_reads_and_goes_on_where_it_was(run, tmp_path):
    given = ["--config", "config.json"]
    catalog = run(*given, "--discover").stdout
    (tmp_path / "catalog.json").write_text(catalog)

    first = [
        json.loads(line)
        for line in run(*given, "--catalog", "catalog.json").stdout.splitlines()
    ]
    states = [m["value"] for m in first if m["type"] == "STATE"]
    (tmp_path / "state.json").write_text(json.dumps(states[-1]))
    again = run(*given, "--catalog", "catalog.json", "--state", "state.json").stdout

    names = [entry["tap_stream_id"] for entry in json.loads(catalog)["streams"]]
    assert sorted(names) == ["lines", "orders"]
    assert len([m for m in first if m["type"] == "RECORD"]) == 10
    assert again.count('"stream":"orders","record"') == 1


def test_it_tells_of_its_settings(run):
    about = json.loads(run("--about", "--format=json").stdout)

    properties = about["settings"]["properties"]
    assert {"base_url", "auth", "streams", "start_date"} <= properties.keys()
    assert properties["auth"]["properties"]["token"]["secret"]


def test_it_tries_its_streams(run):
    done = run("--config", "config.json", "--test")

    assert done.returncode == 0


def test_fractions_are_numbers_though_the_sdk_reads_decimals(run, config):
    orders = {
        **config["streams"]["orders"],
        "window": {"until": "updated_before", "days": 2.5},
        "params": {"weight": 1.5, "sizes": [0.5, 1]},
    }

    done = run(
        "--config",
        "config.json",
        requests_per_second=99.5,
        timeout_seconds=5.5,
        start_date="2025-05-01",
        end_date="2025-05-06",
        streams={"orders": orders},
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count('"RECORD"') == 5


def test_a_wrong_config_ends_it_with_two_and_all_that_is_wrong(run):
    done = run("--config", "config.json", "--discover", bas_url=1, concurrency=0)

    assert done.returncode == 2
    assert "`bas_url` is no setting" in done.stderr
    assert "`concurrency` must be 1 or more" in done.stderr
