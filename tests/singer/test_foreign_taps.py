"""Taps of strangers, as they are on PyPI, loaded by `elt run` without a change."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

pytestmark = pytest.mark.slow
BESIDE = Path(sys.executable).parent

RUNS = [
    {
        "id": n,
        "account_id": 7,
        "finished_at": f"2026-01-01T00:{n:02d}:00+00:00",
        "artifacts_saved": n % 2 == 0,
    }
    for n in range(1, 21)
]
ANSWERS = {
    "accounts": [{"id": 7, "name": "acme"}],
    "runs": RUNS,
    "artifacts": ["manifest.json", "run_results.json"],
}


class Api(http.server.BaseHTTPRequestHandler):
    """Just enough of dbt Cloud's API: accounts, runs, and artifacts of a run."""

    def do_GET(self):
        path, _, query = self.path.partition("?")
        found = [] if "offset=" in query else ANSWERS[path.rpartition("/")[2]]
        body = json.dumps({"data": found}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def api() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api/v2"
        server.shutdown()


def load(folder: Path, taps: str) -> duckdb.DuckDBPyConnection:
    """Run a project of these taps and open what it loaded."""
    (folder / "elt.toml").write_text(f'[project]\nname = "foreign"\n{taps}')
    elt = [sys.executable, "-m", "elt", "-C", str(folder)]
    path = os.pathsep.join([str(BESIDE), os.environ.get("PATH", os.defpath)])

    def run(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*elt, command],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": path},
        )

    installed = run("install")
    if installed.returncode == 75:
        pytest.skip("PyPI cannot be reached")
    assert installed.returncode == 0, installed.stderr
    ran = run("run")
    assert ran.returncode == 0, ran.stderr
    return duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True)


def test_a_tap_with_child_streams(tmp_path, api):
    tap = f"""
        [taps.dbt_cloud]
        package = "tap-dbt==0.17.0"
        select = ["accounts.*", "runs.*", "run_artifacts.*"]
        [taps.dbt_cloud.config]
        api_key = "no secret"
        account_ids = ["7"]
        base_url = "{api}"
    """

    with load(tmp_path, tap) as warehouse:
        counts = warehouse.execute("""
            SELECT
                (SELECT count(*) FROM raw_dbt_cloud.accounts),
                (SELECT count(*) FROM raw_dbt_cloud.runs),
                (SELECT count(*) FROM raw_dbt_cloud.run_artifacts)
        """).fetchone()

    assert counts == (1, 20, 20)


def test_a_tap_that_writes_batches_and_one_that_writes_numbers_anyhow(tmp_path):
    numbers = ("0.1", "1e20", "1E-7", "123456789.125")
    rows = (f'{{"id": {n}, "ratio": {text}}}\n' for n, text in enumerate(numbers))
    (tmp_path / "events.jsonl").write_text("".join(rows))
    config = """
        path = "events.jsonl"
        stream_name = "events"
        primary_keys = ["id"]
    """
    batches = (tmp_path / "batches").as_uri()
    (tmp_path / "batches").mkdir()
    taps = f"""
        [taps.records]
        package = "tap-jsonl==0.3.1"
        [taps.records.config]
        {config}
        [taps.batches]
        package = "tap-jsonl==0.3.1"
        [taps.batches.config]
        {config}
        [taps.batches.config.batch_config.encoding]
        format = "jsonl"
        compression = "gzip"
        [taps.batches.config.batch_config.storage]
        root = "{batches}"
    """

    with load(tmp_path, taps) as warehouse:
        records, as_batches = (
            warehouse.execute(f"SELECT ratio FROM {table} ORDER BY id").fetchall()
            for table in ("raw_records.events", "raw_batches.events")
        )

    assert records == as_batches == [(0.1,), (1e20,), (1e-7,), (123456789.125,)]


def test_a_tap_that_writes_its_batches_in_parquet(tmp_path):
    rows = (
        {"id": n, "ratio": n / 8, "made_at": f"2026-01-01T00:00:{n:02d}Z"}
        for n in range(1, 31)
    )
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "events.jsonl").write_text(lines)
    folder = tmp_path / "batches of the tap"
    folder.mkdir()
    tap = f"""
        [taps.batches]
        package = "tap-jsonl==0.3.1 pyarrow"
        [taps.batches.config]
        path = "events.jsonl"
        stream_name = "events"
        primary_keys = ["id"]
        [taps.batches.config.batch_config]
        batch_size = 10
        encoding = {{ format = "parquet", compression = "gzip" }}
        storage = {{ root = "{folder}" }}
    """

    with load(tmp_path, tap) as warehouse:
        found = warehouse.execute(
            "SELECT count(*), sum(ratio), min(made_at)::VARCHAR, any_value(typeof(id))"
            " FROM raw_batches.events"
        ).fetchone()

    assert len([*folder.glob("*.parquet.gz")]) == 3
    assert found == (30, 58.125, "2026-01-01 00:00:01+00", "BIGINT")


@pytest.mark.skipif(
    shutil.which("uv", path=BESIDE) is None,
    reason="pip refuses what was not made for this Python, uv does not",
)
def test_an_old_tap_that_needs_an_old_package_beside_it(tmp_path):
    tap = """
        [taps.days]
        package = "tap-dimdate==0.1.0 setuptools<81"
    """

    with load(tmp_path, tap) as warehouse:
        (days,) = warehouse.execute("SELECT count(*) FROM raw_days.calendar").fetchone()

    assert days in {365, 366}
