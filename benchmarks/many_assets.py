"""What a run of many steps that do nothing costs, and a plan of many assets.

    python benchmarks/many_assets.py run FOLDER 1000      seconds of a whole run
    python benchmarks/many_assets.py plan FOLDER 10000    seconds of each selection

Prints JSON. The run is `run_project` with its lock, its store and its events; what is
left out is what taps, dbt and destinations do, and Python's start.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from elt.events import Listener
from elt.project.load import load_project
from elt.project.settings import Project
from elt.runner.assets import build_graph
from elt.runner.attempt import AssetResult, Do, Stop
from elt.runner.graph import Asset
from elt.runner.plan import Facts, RunRequest, Step, plan
from elt.runner.run import run_project
from elt.runner.selection import select
from elt.transform.manifest import Manifest, Node, Source

_STREAMS_OF_A_TAP = 10
_WIDTH = 100  # models side by side: 10,000 assets are some 60 deep
# In this order, with a sync that needs much and one word that names little.
SELECTIONS = ("", "tap:t0+", "+sync:s0", "sync:*", "model:m1*", "tap:* sync:*")


@dataclass(frozen=True, slots=True)
class Nothing:
    """What a run needs to know and do, where nothing is done."""

    catalogs: Mapping[str, Mapping[str, Any]]
    manifest: Manifest
    facts: Facts = field(default_factory=Facts)
    warehouse_id: str | None = "w1"
    bookmarks: Mapping[str, str] = field(default_factory=dict)
    last_loads: tuple[tuple[str, str, datetime], ...] = ()

    def __call__(self, *_: object, **__: object) -> Nothing:
        return self

    def warm(self) -> None: ...

    def close(self) -> None: ...

    def doing(self, run: str, listen: Listener) -> Do:
        del run, listen

        def do(
            step: Step, assets: tuple[Asset, ...], attempt: int, stop: Stop
        ) -> Iterator[AssetResult]:
            del step, attempt, stop
            for asset in assets:
                yield AssetResult(asset=asset.id, status="done", rows=1)

        return do


def run(folder: Path, steps: int) -> dict[str, float]:
    """Seven of ten steps are taps, one is dbt, the others are syncs."""
    taps = steps * 7 // 10
    syncs = steps - taps - 1
    project = _project(folder, taps=taps, sent=range(syncs))
    world = Nothing(_catalogs(taps, 1), _manifest(taps, 1, models=syncs, tests=0))
    request = RunRequest(first=True)
    begun = time.perf_counter()
    result = run_project(project, request, prepare=world)
    seconds = time.perf_counter() - begun
    assert (result.status, len(result.steps)) == ("done", steps)
    return {"run": seconds}


def plans(folder: Path, assets: int) -> dict[str, float]:
    """Plan again what was done once.

    A tenth are streams, a twentieth syncs of the last models, a third of the others
    tests.
    """
    taps = max(1, assets // 10 // _STREAMS_OF_A_TAP)
    syncs = assets // 20
    tests = (assets - taps * _STREAMS_OF_A_TAP - syncs) // 3
    models = assets - taps * _STREAMS_OF_A_TAP - syncs - tests
    project = _project(folder, taps=taps, sent=range(models - syncs, models))
    catalogs = _catalogs(taps, _STREAMS_OF_A_TAP)
    manifest = _manifest(taps, _STREAMS_OF_A_TAP, models=models, tests=tests)
    ids = build_graph(project, catalogs, manifest).order
    facts = Facts(
        last_success=dict.fromkeys(ids, datetime(2026, 1, 2, tzinfo=UTC)),
        last_change=dict.fromkeys(ids, datetime(2026, 1, 1, tzinfo=UTC)),
    )
    found = {}
    for words in SELECTIONS:
        begun = time.perf_counter()
        graph = build_graph(project, catalogs, manifest)
        plan(graph, select(graph, words.split()), facts)
        found[words or "everything"] = time.perf_counter() - begun
        assert len(graph) == assets
    return found


def _project(folder: Path, *, taps: int, sent: range) -> Project:
    folder.mkdir(parents=True, exist_ok=True)
    lines = ['[project]\nname = "many"\n[transform]\n[destinations.d]\nplugin = "file"']
    lines += [f'[taps.t{number}]\nplugin = "files"' for number in range(taps)]
    lines += [
        f'[syncs.s{number}]\nmodel = "m{model}"\ndestination = "d"\n'
        f'object = "s{number}.csv"\nkey = "id"'
        for number, model in enumerate(sent)
    ]
    (folder / "elt.toml").write_text("\n".join(lines) + "\n")
    return load_project(folder)


def _catalogs(taps: int, streams: int) -> dict[str, Any]:
    chosen = [{"breadcrumb": [], "metadata": {"selected": True}}]
    entries = [
        {
            "tap_stream_id": f"x{number}",
            "stream": f"x{number}",
            "schema": {"properties": {"id": {"type": "integer"}}},
            "metadata": chosen,
        }
        for number in range(streams)
    ]
    return {f"t{number}": {"streams": entries} for number in range(taps)}


def _manifest(taps: int, streams: int, *, models: int, tests: int) -> Manifest:
    """Each model needs two before it, or two streams, and is like a project's."""
    sources = [
        Source(
            unique_id=f"source.raw_t{tap}.x{number}",
            name=f"raw_t{tap}.x{number}",
            database="warehouse",
            schema=f"raw_t{tap}",
            identifier=f"x{number}",
        )
        for tap in range(taps)
        for number in range(streams)
    ]
    names = [source.unique_id for source in sources]
    nodes = []
    for number in range(models):
        row, place = divmod(number, _WIDTH)
        above = (
            [f"m{(row - 1) * _WIDTH + (place + n) % _WIDTH}" for n in (0, 7)]
            if row
            else [names[(number + n) % len(names)] for n in (0, 1)]
        )
        nodes.append(_node(f"m{number}", "model", tuple(above)))
    nodes += [
        _node(f"test{number}", "test", (f"m{models - 1 - number % models}",))
        for number in range(tests)
    ]
    return Manifest(
        nodes={node.unique_id: node for node in nodes},
        sources={source.unique_id: source for source in sources},
    )


def _node(name: str, kind: Any, needs: tuple[str, ...]) -> Node:
    return Node(
        unique_id=name,
        kind=kind,
        name=name,
        fqn=("many", name),
        database="warehouse",
        schema="main",
        identifier=name,
        depends_on=needs,
        tags=(),
        severity="error",
        path=f"models/{name}.sql",
        package="many",
        materialized="test" if kind == "test" else "table",
    )


if __name__ == "__main__":
    what, where, many = sys.argv[1:]
    measured = {"run": run, "plan": plans}[what](Path(where), int(many))
    json.dump(measured, sys.stdout)
