"""The warehouse file is open only while elt works on it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from tests.promises.conftest import record, schema, state

READ = """
import duckdb, sys
print(duckdb.connect(sys.argv[1], read_only=True).sql("SELECT id FROM raw_t.s"))
"""


def read_in_another_process(folder):
    path = str(folder.path / "warehouse.duckdb")
    return subprocess.run(
        [sys.executable, "-c", READ, path], capture_output=True, text=True, check=False
    )


def test_while_a_slow_tap_waits_another_process_reads_the_warehouse(folder):
    gate = folder.path / "gate"
    folder.script(
        schema(),
        record(1),
        state(at=3),
        record(2),
        {"do": "wait for", "much": str(gate)},
    )
    results = []
    run = threading.Thread(target=lambda: results.append(folder.run()))
    run.start()

    # The tap waits until the other process has read the first commit.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        read = read_in_another_process(folder)
        if read.returncode == 0:
            break
        time.sleep(0.05)
    gate.touch()
    run.join()

    assert read.returncode == 0, read.stderr
    assert results[0].exit_code == 0
    assert folder.ids() == [1, 2]


def test_a_warehouse_that_is_open_elsewhere_is_waited_for_and_its_holder_named(folder):
    text = (folder.path / "elt.toml").read_text()
    folder.write(
        "elt.toml",
        text.replace("[warehouse]", "[warehouse]\nbusy_timeout_seconds = 0.3"),
    )
    folder.script(schema(), record(1), state(at=1))
    folder.run()
    hold = (
        "import duckdb, sys; db = duckdb.connect(sys.argv[1]);"
        " print(1, flush=True); input()"
    )
    path = str(folder.path / "warehouse.duckdb")

    with subprocess.Popen(
        [sys.executable, "-c", hold, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == b"1\n"
        done = subprocess.run(
            [sys.executable, "-m", "elt", "run"],
            cwd=folder.path,
            capture_output=True,
            text=True,
            check=False,
        )
        holder.communicate(b"\n")

    assert done.returncode == 75
    assert "the warehouse is open elsewhere" in done.stderr
    assert str(holder.pid) in done.stderr
    assert "Traceback" not in done.stderr
