"""Commands that only look, and the questions that they put, over 100,000 runs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path

from measuring import Program, measure
from pairs import Bench
from projects import BIN, PYTHON
from results import Result, verdict

_SCRIPT = Path(__file__).parents[1] / "many_runs.py"
_COMMANDS = ("status", "runs", "runs show last")
_ROWS_OF_A_RUN = 10  # the usual million rows are 100,000 runs
_ALLOWED_SECONDS = 0.5


def past(bench: Bench) -> Iterator[Result]:
    runs = bench.rows // _ROWS_OF_A_RUN
    folder = bench.folder / "past"
    script = (PYTHON, str(_SCRIPT))
    measure(
        Program(command=(*script, "make", str(folder), str(runs)), cwd=bench.folder)
    )
    for words in _COMMANDS:
        command = (str(BIN / "elt"), *words.split())
        program = Program(command=command, cwd=folder)
        measured = [measure(program) for _ in range(bench.times)]
        found = [each.seconds for each in measured]
        value = statistics.median(found)
        cpu = statistics.median(each.cpu_seconds for each in measured)
        yield Result(
            work=f"`elt {words}` with {runs:,} runs in the log",
            against="the whole command, Python's start too",
            ours=f"{value:.2f} s, {cpu:.2f} s of it processor time",
            ratio=f"{min(found):.2f} to {max(found):.2f} s, {len(found)} times",
            must=f"<= {_ALLOWED_SECONDS} s",
            verdict=verdict(value, _ALLOWED_SECONDS),
        )
    ask = Program(command=(*script, "ask", str(folder), str(runs)), cwd=bench.folder)
    yield _asked([json.loads(measure(ask).stdout) for _ in range(bench.times)], runs)


def _asked(found: list[dict[str, float]], runs: int) -> Result:
    values = {
        name: 1000 * statistics.median(each[name] for each in found)
        for name in found[0]
    }
    told = ", ".join(f"{name} {value:.0f} ms" for name, value in values.items())
    slowest = max(values.values())
    return Result(
        work=f"what commands ask a log of {runs:,} runs",
        against="a store that is opened for each",
        ours=told,
        ratio=f"{slowest:.0f} ms for the slowest ({len(found)} times)",
        must=f"<= {1000 * _ALLOWED_SECONDS:.0f} ms",
        verdict=verdict(slowest, 1000 * _ALLOWED_SECONDS),
    )
