"""A run of 1,000 steps that do nothing, and plans of 10,000 assets."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path

from measuring import Program, measure
from pairs import Bench
from projects import PYTHON
from results import Result, verdict

STEPS = 1_000
ASSETS = 10_000
_SCRIPT = Path(__file__).parents[1] / "many_assets.py"
_ALLOWED_MS = 5.0
_ALLOWED_SECONDS = 0.5


def steps(bench: Bench) -> Iterator[Result]:
    found = [
        1000 * each["run"] / STEPS for each in _measured(bench, "run", STEPS, "run")
    ]
    value = statistics.median(found)
    yield Result(
        work=f"a step of its own in a run of {STEPS:,} steps that do nothing",
        against="nothing: store, events and turns are all that it costs",
        ours=f"{value * STEPS / 1000:.2f} s",
        ratio=f"{value:.2f} ms a step ({min(found):.2f} to {max(found):.2f},"
        f" {len(found)} times)",
        must=f"<= {_ALLOWED_MS:.0f} ms",
        verdict=verdict(value, _ALLOWED_MS),
    )


def plans(bench: Bench) -> Iterator[Result]:
    found = _measured(bench, "plan", ASSETS, "plans")
    values = {
        words: statistics.median(each[words] for each in found) for words in found[0]
    }
    slowest = max(values, key=lambda words: values[words])
    told = ", ".join(f"`{words}` {value:.2f} s" for words, value in values.items())
    yield Result(
        work=f"planning a graph of {ASSETS:,} assets",
        against="catalogs and manifest, read before",
        ours=told,
        ratio=f"{values[slowest]:.2f} s for the slowest ({len(found)} times)",
        must=f"<= {_ALLOWED_SECONDS} s",
        verdict=verdict(values[slowest], _ALLOWED_SECONDS),
    )


def _measured(bench: Bench, what: str, many: int, name: str) -> list[dict[str, float]]:
    found = []
    for number in range(bench.times):
        folder = bench.folder / f"{name}-{number}"
        command = (PYTHON, str(_SCRIPT), what, str(folder), str(many))
        program = Program(command=command, cwd=bench.folder)
        found.append(json.loads(measure(program).stdout))
    return found
