"""Measure what the project promises about speed and size, each row against its limit.

    python benchmarks/run.py                       all rows, about ten minutes
    python benchmarks/run.py --peers FOLDER        beside other tools, ten more
    python benchmarks/run.py --only events,memory --rows 50000 --times 1

A row runs in pairs (limit, elt, limit, elt, ...), each as a whole process, and the
median of the pairs' ratios counts. The tables are checked before a time counts: rows,
distinct keys, and sums of a plain and of a nested column.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import curve
import duckdb
import page
from measuring import FailedError
from pairs import START_ALLOWED_SECONDS, Bench
from results import Result
from rows import ROWS

_SECONDS = 60.0


def main() -> None:
    asked = _arguments().parse_args()
    names = asked.only.split(",") if asked.only else list(ROWS)
    unknown = sorted(set(names) - ROWS.keys())
    if unknown:
        sys.exit(f"no row `{unknown[0]}`; there is {', '.join(ROWS)}")
    print(page.machine(), flush=True)
    results = {name: _measured(name, asked) for name in names}
    if asked.write:
        page.write(
            results,
            command=_command(asked),
            asked=_how(asked),
            curves=curve.kept,
            left_out=[name for name in ROWS if name not in names],
        )
    if any(one.verdict == "FAILED" for found in results.values() for one in found):
        sys.exit(1)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", help=f"some of {','.join(ROWS)}")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5, help="pairs of each row")
    parser.add_argument(
        "--seconds", type=float, default=_SECONDS, help="no new pair after so many"
    )
    parser.add_argument(
        "--peers", type=Path, metavar="FOLDER", help="where other tools are installed"
    )
    parser.add_argument("--only-peers", default="", metavar="NAMES")
    parser.add_argument(
        "--write", action="store_true", help="write docs/benchmarks.md too"
    )
    return parser


def _measured(name: str, asked: argparse.Namespace) -> Sequence[Result]:
    """Measure one row; a failure is a result, and the others go on."""
    found: list[Result] = []
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="elt-bench-") as folder:
        bench = Bench(
            folder=Path(folder),
            rows=asked.rows,
            times=asked.times,
            seconds=asked.seconds,
            peers=asked.peers and asked.peers.absolute(),
            only_peers=frozenset(filter(None, asked.only_peers.split(","))),
        )
        try:
            for result in ROWS[name](bench):
                found.append(result)
                print(page.line(name, result), flush=True)
        except (FailedError, duckdb.Error) as error:
            print(error, file=sys.stderr)
            why = str(error).splitlines()[0][:200]
            found.append(Result(work=f"`{name}`", verdict="FAILED", note=why))
            print(page.line(name, found[-1]), flush=True)
    print(f"{name:<13} took {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    return found


def _command(asked: argparse.Namespace) -> str:
    options = [
        f" --rows {asked.rows}" if asked.rows != 1_000_000 else "",
        f" --times {asked.times}" if asked.times != 5 else "",
        f" --only {asked.only}" if asked.only else "",
        " --peers FOLDER" if asked.peers else "",
    ]
    return f"python benchmarks/run.py{''.join(options)} --write"


def _how(asked: argparse.Namespace) -> str:
    return (
        f"A ratio is the median of up to {asked.times} pairs that were run in turns, as"
        f" whole processes; a row begins no new pair after {asked.seconds:.0f} s."
        " Starts (the same program with one row) are taken off both sides, of elt's at"
        f" most {START_ALLOWED_SECONDS} s. Megabytes are the resident memory of all"
        " processes added up, looked at every 50 ms."
    )


if __name__ == "__main__":
    main()
