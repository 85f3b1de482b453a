"""What is too old above a sync: a finding for its guard, a note for the plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from elt.project.settings import Project
from elt.reverse.guard import Finding
from elt.runner.ages import Known, ages_of
from elt.runner.freshness import Age, ages_above, told, way_out
from elt.runner.graph import Graph
from elt.runner.store.database import Store
from elt.runner.store.moments import Now, now_utc

_TOLD = 3  # of many, the first are enough to know where to look


def stale_above(
    project: Project,
    sync: str,
    known: Known,
    store: Store,
    *,
    now: Now = now_utc,
) -> list[Finding]:
    """Find what is too old above a sync at this moment, if it minds."""
    asset, graph = f"sync:{sync}", Graph(known.assets)
    if project.file.syncs[sync].on_stale == "send" or asset not in graph:
        return []
    ages = ages_of(project, known, store, now=now())
    found = [age for age in ages_above(graph, asset, ages) if age.is_too_old]
    return [_finding(found)] if found else []


def notes_of_stale(
    project: Project,
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
    graph = Graph(known.assets)
    ages = ages_of(project, known, store, now=now())
    notes = {
        sync: _note(on_stale, ages_above(graph, sync, ages), chosen)
        for sync, on_stale in minding.items()
    }
    return {sync: note for sync, note in notes.items() if note}


def _note(on_stale: str, above: Sequence[Age], chosen: Collection[str]) -> str:
    if not any(age.freshness for age in above):
        return f'`on_stale = "{on_stale}"` minds nothing: nothing above has a `max_age`'
    old = [age for age in above if age.is_too_old and age.asset not in chosen]
    return f"would {on_stale}: {_listed(old)}" if old else ""


def _finding(found: Sequence[Age]) -> Finding:
    hint = f"{way_out(found[0])}; `--accept stale` lets it pass, this once"
    return Finding("stale", _listed(found), hint)


def _listed(found: Sequence[Age]) -> str:
    more = len(found) - _TOLD
    texts = [told(age) for age in found[:_TOLD]]
    return "; ".join([*texts, *([f"and {more} more"] if more > 0 else [])])
