"""What a run would do: found out, decided, and not done."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from elt.events import Listener, ignore
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner import steps
from elt.runner.ages import known_now
from elt.runner.asked import asked_of
from elt.runner.assets import build_graph
from elt.runner.attempt import Stop
from elt.runner.choosing import choose
from elt.runner.fingerprints import fingerprints, past_of
from elt.runner.graph import Graph
from elt.runner.limits import step_limits
from elt.runner.plan import (
    Facts,
    Hold,
    RunRequest,
    Step,
    held_back,
    notes_of_held,
    plan,
)
from elt.runner.preparation import Prepare, Prepared
from elt.runner.resume import planned_before
from elt.runner.selection import asks_the_past
from elt.runner.stale import notes_of_stale
from elt.runner.store import asset_log, history, marks, state
from elt.runner.store.database import Store, open_store
from elt.runner.windowed import within_window

NOTHING_TO_DO = "nothing to do: the selection chooses nothing at this moment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do, and the graph that it was chosen from.

    `unasked` are the taps of it that did not answer, each with the way out, `held` the
    assets that a person's word holds back, `left_out` the syncs that a backfill does
    not send, and `notes` what there is to say besides.
    `fingerprints` say what each asset is made of now.
    """

    graph: Graph
    steps: tuple[Step, ...]
    unasked: Mapping[str, str] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, Hold] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    window: tuple[str, str] | None = None  # that it is about


def plan_project(
    project: Project,
    request: RunRequest,
    *,
    listen: Listener = ignore,
    secrets: Secrets | None = None,
    prepare: Prepare = steps.prepare,
) -> Plan:
    """Decide what `run_project` would do, and do nothing."""
    secrets = secrets or Secrets(project.root)
    with open_store(project.private_dir) as store, secrets.kept_out_of_errors():
        if request.retry or request.since_last_success:
            history.mark_crashed(store)
        asked = asked_of(store, project, request)
        if asked.request is None:
            return Plan(graph=Graph([]), steps=(), notes=asked.notes)
        request = asked.request
        prepared = prepare(
            project,
            request,
            secrets=secrets,
            store=store,
            listen=listen,
            stop=Stop(),
            preview=True,
        )
        with closing(prepared):
            decided = decide(project, request, prepared, store)
    return replace(decided, notes=(*asked.notes, *decided.notes), window=request.window)


def decide(
    project: Project, request: RunRequest, prepared: Prepared, store: Store
) -> Plan:
    """Choose the steps; the preview and the run both do what this says."""
    graph = build_graph(project, prepared.catalogs, prepared.manifest)
    made_of = fingerprints(project, prepared.catalogs, prepared.manifest)
    facts = _facts(project, request, prepared, store, made_of)
    chosen = choose(
        graph,
        request,
        facts,
        _states(project, request, prepared, store),
        before=planned_before(store, request),
    )
    within = within_window(project, request, graph, chosen.assets, facts)
    waits = held_back(graph, within.assets, facts)
    told = {asset: f"held back: {hold.why}" for asset, hold in waits.items()}
    stale = {}
    if any(table.on_stale != "send" for table in project.file.syncs.values()):
        known = known_now(project, prepared.catalogs, prepared.manifest, store)
        stale = notes_of_stale(project, within.assets, known, store)
    facts = replace(facts, notes={**stale, **facts.notes, **told})
    planned = tuple(
        replace(step, limits=step_limits(project.file, step.id))
        for step in plan(graph, within.assets, facts)
    )
    taps = (step.id.removeprefix("tap:") for step in planned if step.kind == "tap")
    held = held_back(graph, {a for step in planned for a in step.assets}, facts)
    return Plan(
        graph=graph,
        steps=planned,
        unasked={tap: facts.unasked[tap] for tap in taps if tap in facts.unasked},
        held=held,
        left_out=within.left_out,
        notes=(*chosen.notes, *notes_of_held(held.values())),
        fingerprints=made_of,
    )


def _states(
    project: Project, request: RunRequest, prepared: Prepared, store: Store
) -> dict[str, str]:
    """Give the taps' states, of those with a foreign target as the store has them.

    What is read by a window has none.
    """
    found = dict(prepared.bookmarks)
    for tap, table in project.file.taps.items():
        if request.window is not None and table.window is not None:
            found.pop(tap, None)
        if table.target is not None:
            place = state.place_at_target(project.environment, table.target)
            last = state.latest(store, place, tap)
            found |= {tap: last.state} if last else {}
    return found


def _facts(
    project: Project,
    request: RunRequest,
    prepared: Prepared,
    store: Store,
    made_of: Mapping[str, str],
) -> Facts:
    """Add to what was found out what the run log knows, as far as it is asked for."""
    environment, named = project.environment, project.file.selections
    facts = replace(
        prepared.facts,
        last_success=asset_log.last_success(store, environment),
        last_change=asset_log.last_change(store, environment),
        named=named,
        held=marks.held_back(store, environment),
    )
    if not asks_the_past([*request.selection, *request.exclude], named):
        return facts
    return replace(facts, past=past_of(store, environment, made_of))
