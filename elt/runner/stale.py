"""What is too old above a sync: a finding for its guard, a note for the plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from elt.project.settings import Project
from elt.reverse.guard import Finding
from elt.runner.ages import Known, ages_of
from elt.runner.freshness import Age, told, too_old_above, way_out
from elt.runner.graph import Graph
from elt.runner.store.database import Store
from elt.runner.store.history import Now, now_utc

_TOLD = 3  # of many, the first are enough to know where to look


def stale_above(
    project: Project,
    sync: str,
    graph: Graph,
    known: Known,
    store: Store,
    *,
    now: Now = now_utc,
) -> list[Finding]:
    """Find what is too old above a sync at this moment, if it minds."""
    asset = f"sync:{sync}"
    if project.file.syncs[sync].on_stale == "send" or asset not in graph:
        return []
    ages = ages_of(project, known, store, now=now())
    found = too_old_above(graph, asset, ages)
    return [_finding(found)] if found else []


def notes_of_stale(
    project: Project,
    graph: Graph,
    chosen: Collection[str],
    known: Known,
    store: Store,
    *,
    now: Now = now_utc,
) -> dict[str, str]:
    """Say which of the chosen syncs would meet something stale that is not chosen."""
    minding = {
        f"sync:{name}": table.on_stale
        for name, table in project.file.syncs.items()
        if table.on_stale != "send" and f"sync:{name}" in chosen
    }
    if not minding:
        return {}
    ages = ages_of(project, known, store, now=now())
    left = {name: age for name, age in ages.items() if name not in chosen}
    return {
        sync: f"would {on_stale}: {_listed(found)}"
        for sync, on_stale in minding.items()
        if (found := too_old_above(graph, sync, left))
    }


def _finding(found: Sequence[Age]) -> Finding:
    hint = f"{way_out(found[0])}; `--accept stale` lets it pass, this once"
    return Finding("stale", _listed(found), hint)


def _listed(found: Sequence[Age]) -> str:
    more = len(found) - _TOLD
    texts = [told(age) for age in found[:_TOLD]]
    return "; ".join([*texts, *([f"and {more} more"] if more > 0 else [])])
