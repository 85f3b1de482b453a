"""A million RECORD lines from `cat` into `elt-target-duckdb`, two kinds of streams.

    python benchmarks/bench_pipe.py [--rows 1000000] [--times 5] [--only flat,nested]
    python benchmarks/bench_pipe.py --peer "target-x --config x.json" --peer-rows 50000

Beside the rows a second it tells the seconds of both cores that were used: wall clock
means little on a machine that does other things. The start of the program, measured
with an empty input, is taken off and shown.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import duckdb

PROGRAM = [sys.executable, "-m", "elt.targets.pipe"]
STATE_ROWS = 10_000
# 12 columns; `total` is a plain number, so a double.
FLAT = """
    SELECT i AS id, 1 + (hash(i) % 200000)::BIGINT AS customer_id,
        'ORD-' || md5(i::VARCHAR)[:10] AS number,
        ['new', 'paid', 'shipped', 'returned'][1 + i % 4] AS status,
        ['USD', 'EUR', 'NOK'][1 + i % 3] AS currency,
        (hash(i, 3) % 5000000)::BIGINT / 100.0 AS total,
        (hash(i, 9) % 1000)::BIGINT / 8.0 AS weight, 1 + i % 50 AS items,
        i % 10 = 0 AS is_gift,
        CASE WHEN i % 2 = 0 THEN 'leave at door ' || hash(i, 4) % 1000000 END AS note,
        strftime(TIMESTAMP '2025-01-01' + to_milliseconds(hash(i, 1) % 31536000000),
            '%Y-%m-%dT%H:%M:%S.%gZ') AS created_at,
        strftime(DATE '2025-01-04' + (i % 365)::INT, '%Y-%m-%d') AS due_on
    FROM range(?) AS numbers(i)
"""
FLAT_PROPERTIES = {
    "id": {"type": "integer"},
    "customer_id": {"type": "integer"},
    "number": {"type": "string"},
    "status": {"type": "string"},
    "currency": {"type": "string"},
    "total": {"type": "number"},
    "weight": {"type": "number"},
    "items": {"type": "integer"},
    "is_gift": {"type": "boolean"},
    "note": {"type": ["null", "string"]},
    "created_at": {"type": "string", "format": "date-time"},
    "due_on": {"type": "string", "format": "date"},
}
# 11 columns, two of them objects whose numbers keep their digits, and a decimal.
NESTED = """
    SELECT i AS id, ['page_view', 'click', 'signup', 'purchase'][1 + i % 4] AS event,
        1 + (hash(i) % 200000)::BIGINT AS user_id, md5(i::VARCHAR) AS anonymous_id,
        strftime(TIMESTAMP '2025-01-01' + to_milliseconds(hash(i, 1) % 31536000000),
            '%Y-%m-%dT%H:%M:%S.%gZ') AS "timestamp",
        'https://shop.example.com/p/' || hash(i, 2) % 10000 || '?ref=' || i % 100
            AS url,
        CASE WHEN i % 5 > 1 THEN 'https://www.example.org/' || i % 1000 END AS referrer,
        (hash(i, 3) % 50000)::BIGINT + 0.25 AS amount, i % 100 = 0 AS is_test,
        {plan: ['free', 'pro'][1 + i % 2], sku: 'SKU-' || hash(i, 4) % 1000000,
         quantity: i % 20, discount: (i % 10) * 0.5 + 0.25,
         coupon: CASE WHEN i % 5 = 0 THEN 'C' || i % 1000 END} AS properties,
        {ip: '10.1.' || i % 256 || '.' || hash(i, 5) % 256,
         user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
         locale: 'en-US', screen: {width: 1280, height: 720 + i % 300}} AS context
    FROM range(?) AS numbers(i)
"""
NESTED_PROPERTIES = {
    "id": {"type": "integer"},
    "event": {"type": "string"},
    "user_id": {"type": "integer"},
    "anonymous_id": {"type": "string"},
    "timestamp": {"type": "string", "format": "date-time"},
    "url": {"type": "string"},
    "referrer": {"type": ["null", "string"]},
    "amount": {"type": "number", "multipleOf": 0.01},
    "is_test": {"type": "boolean"},
    "properties": {"type": "object"},
    "context": {"type": "object"},
}
STREAMS = {
    "flat": (FLAT, FLAT_PROPERTIES, 300_000),
    "nested": (NESTED, NESTED_PROPERTIES, 200_000),
}


def write_messages(folder: Path, name: str, rows: int) -> Path:
    sql, properties, _ = STREAMS[name]
    records = folder / f"{name}.jsonl"
    duckdb.execute(f"COPY ({sql}) TO '{records}' (FORMAT json)", [rows])
    schema = {"type": "SCHEMA", "stream": name, "key_properties": []}
    schema["schema"] = {"properties": properties}
    messages = folder / f"{name}.singer"
    with records.open("rb") as lines, messages.open("wb") as out:
        out.write(json.dumps(schema).encode() + b"\n")
        for number, line in enumerate(lines, 1):
            out.write(
                b'{"type":"RECORD","stream":"%b","record":%b}\n'
                % (name.encode(), line.rstrip(b"\n"))
            )
            if number % STATE_ROWS == 0:
                out.write(b'{"type":"STATE","value":{"at":%d}}\n' % number)
    return messages


def piped(source: Path, command: list[str], cwd: Path) -> tuple[float, float]:
    """Give wall clock and processor seconds of `cat source | command`."""
    os.sync()
    used = _used()
    begun = time.perf_counter()
    with subprocess.Popen(["/bin/cat", str(source)], stdout=subprocess.PIPE) as cat:
        done = subprocess.run(
            command, stdin=cat.stdout, cwd=cwd, capture_output=True, check=False
        )
    seconds = time.perf_counter() - begun
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stderr.decode()}")
    return seconds, _used() - used


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def peak_megabytes() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


def ours(folder: Path) -> list[str]:
    (folder / "config.json").write_text(json.dumps({"path": "w.duckdb"}))
    (folder / "w.duckdb").unlink(missing_ok=True)
    return [*PROGRAM, "--config", "config.json"]


def measure(
    source: Path, command: Callable[[], list[str]], folder: Path, times: int
) -> list[tuple[float, float]]:
    return [piped(source, command(), folder) for _ in range(times)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--only", default=",".join(STREAMS))
    parser.add_argument("--peer", help="another target's command, run in a folder")
    parser.add_argument("--peer-rows", type=int, default=50_000)
    asked = parser.parse_args()
    names = ("elt-toolkit", "duckdb", "singer-sdk", "msgspec")
    tools = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {tools}")
    with tempfile.TemporaryDirectory(prefix="elt-bench-") as name:
        folder = Path(name)
        empty = folder / "empty"
        empty.touch()
        starts = measure(empty, lambda: ours(folder), folder, asked.times)
        start = statistics.median(wall for wall, _ in starts)
        print(f"start: {start:.2f} s")
        for stream in asked.only.split(","):
            tell(stream, folder, asked.rows, asked.times, start=start)
            if asked.peer:
                tell_peer(stream, folder, asked.peer, asked.peer_rows)


def tell(stream: str, folder: Path, rows: int, times: int, *, start: float) -> None:
    source = write_messages(folder, stream, rows)
    found = measure(source, lambda: ours(folder), folder, times)
    wall = statistics.median(wall for wall, _ in found) - start
    used = statistics.median(used for _, used in found)
    best = min(wall for wall, _ in found) - start
    wanted = STREAMS[stream][2]
    verdict = "met" if rows / wall >= wanted else "MISSED"
    size = source.stat().st_size / rows
    print(
        f"{stream:<7} {rows:,} lines of {size:.0f} bytes: {rows / wall:,.0f} rows/s"
        f" ({verdict}, must be {wanted:,}; best {rows / best:,.0f}),"
        f" {used:.1f} processor seconds, peak {peak_megabytes()} MB",
        flush=True,
    )


def tell_peer(stream: str, folder: Path, command: str, rows: int) -> None:
    source = write_messages(folder, stream, rows)
    wall, used = piped(source, shlex.split(command), Path.cwd())
    print(
        f"{stream:<7} {rows:,} lines into `{command}`: {rows / wall:,.0f} rows/s with"
        f" its start, {used:.1f} processor seconds"
    )


if __name__ == "__main__":
    main()
