"""What a run would do, in order and with reasons: `plan` shows it, `run` does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from elt.project.selection_settings import SelectionTable
from elt.runner.graph import DBT_KINDS, Graph, Kind
from elt.runner.limits import StepLimits
from elt.runner.methods import Past

StepKind = Literal["tap", "dbt", "sync"]
OnOverlap = Literal["fail", "skip", "wait"]

# Within a round of dbt: taps are before it, syncs that it feeds in the next round.
_RANK: Mapping[StepKind, int] = {"tap": 0, "sync": 1, "dbt": 2}
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_SOON = datetime.max.replace(tzinfo=UTC)
_NEVER: Mapping[Kind, str] = {
    "stream": "never loaded",
    "model": "never built",
    "seed": "never built",
    "snapshot": "never built",
    "function": "never built",
    "test": "never passed",
    "sync": "never sent",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What was asked for; empty `selection` is everything."""

    selection: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    full_refresh: bool = False
    jobs: int | None = None  # None: as `[run]` says
    accept: tuple[str, ...] = ()  # guards of syncs that are waived this once
    first: bool = False  # let a sync send to a destination for the first time
    strict: bool = False  # exit with 3 when there is something to look at
    on_overlap: OnOverlap = "fail"
    wait_seconds: float | None = None  # for another run, with `wait`; None: for ever
    from_step: str = ""  # of what is selected, only this step and what is below it
    retry: str = ""  # the run to go on with: its id, a part of it, or `last`
    only: tuple[str, ...] = ()  # what is open of it, see `elt.runner.resume`
    window: tuple[str, str] | None = None  # see `elt.runner.windows`
    backfill: bool = False  # the window is all that is read: no bookmark moves
    skip_done: bool = False  # of the window, only what is open, see `backfill`
    since_last_success: bool = False  # the window is found out, see `since`
    since: str = ""  # the moment at which the first such window begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What deciding needs to know of the world; keys are asset ids, or taps' names.

    `last_success` is the time of the last result that was done or warned.
    `last_change` is the time of the last result that was not skipped, because a
    failed load may have committed rows too. `named` and `past` are what selections
    may ask; the past is looked up where they do. `held` are assets that a person marked
    failed, with the words for what is below them and must not go on.
    """

    modes: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # and reason
    full_reads: Mapping[str, str] = field(default_factory=dict)  # why
    notes: Mapping[str, str] = field(default_factory=dict)
    tap_notes: Mapping[str, str] = field(default_factory=dict)
    unasked: Mapping[str, str] = field(default_factory=dict)  # and the way out
    last_success: Mapping[str, datetime] = field(default_factory=dict)
    last_change: Mapping[str, datetime] = field(default_factory=dict)
    named: Mapping[str, SelectionTable] = field(default_factory=dict)
    past: Past = field(default_factory=Past)
    held: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Why an asset must not go on, and what lets it."""

    why: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAsset:
    """One asset of a step, and why; `note` is what a person should know before."""

    id: str
    reason: str
    mode: str = ""
    mode_reason: str = ""
    note: str = ""
    last_success: datetime | None = None
    owner: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is done in one go: one tap, one dbt invocation or one sync."""

    id: str
    kind: StepKind
    assets: tuple[str, ...]
    needs: tuple[str, ...] = ()  # ids of steps
    reason: str = ""
    planned: tuple[PlannedAsset, ...] = ()
    limits: StepLimits = field(default_factory=StepLimits)


def plan(graph: Graph, chosen: set[str], facts: Facts | None = None) -> list[Step]:
    """Give the steps of a run, each behind all that it needs.

    One step for each tap and each sync, and one for dbt: it is split only where a
    sync stands between models. Tests are added where a chosen sync has no passing
    result for its model as the model is now.
    """
    facts = facts or Facts()
    due = due_tests(graph, chosen, facts)
    needs = graph.among(chosen | due.keys())
    rounds = _rounds(graph, needs)
    step_of = {asset: _step_id(graph, asset, rounds[asset]) for asset in needs}
    members: dict[str, list[str]] = {}
    for asset, step in step_of.items():
        members.setdefault(step, []).append(asset)
    in_order = sorted(
        members, key=lambda step: 3 * rounds[members[step][0]] + _RANK[_kind(step)]
    )
    return [
        Step(
            id=step,
            kind=_kind(step),
            assets=tuple(members[step]),
            needs=_needed_steps(step, members[step], needs, step_of),
            reason=_summed_up(planned),
            planned=planned,
        )
        for step in in_order
        for planned in [tuple(_planned(graph, a, facts, due) for a in members[step])]
    ]


def due_tests(graph: Graph, chosen: set[str], facts: Facts) -> dict[str, str]:
    """Find the tests to add before chosen syncs, each with the sync's name.

    A sync needs a passing result of every test on its model that is newer than the
    model's last build and than every load above it. A model that was never built
    here counts as untested.
    """
    asked = {
        test: graph[sync].name
        for sync in graph.order
        if sync in chosen and graph[sync].kind == "sync"
        for test in graph.needs(sync)
        if graph[test].kind == "test"
        if test not in chosen and test not in facts.held
    }
    if not asked:
        return {}
    changes = _changes(graph, chosen, facts)
    return {
        test: sync
        for test, sync in asked.items()
        if _is_due(graph, test, facts, changes[test])
    }


def held_back(graph: Graph, assets: Collection[str], facts: Facts) -> dict[str, Hold]:
    """Find the assets that must not go on, each with the reason.

    They are those below what a person marked failed, unless it is among them itself:
    then its new result counts.
    """
    return {
        asset: Hold(why=why, hint=_let_go(held))
        for held, why in facts.held.items()
        if held in graph and held not in assets
        for asset in graph.downstream([held])
        if asset in assets
    }


def told_of_held(held: Mapping[str, str]) -> list[str]:
    """Say of what a person marked failed that it holds back, and what lets it go."""
    holds = [Hold(why=why, hint=_let_go(asset)) for asset, why in held.items()]
    return notes_of_held(holds)


def notes_of_held(holds: Iterable[Hold]) -> list[str]:
    return [
        f"{hold.why}; nothing below it goes on: {hold.hint}"
        for hold in dict.fromkeys(holds)
    ]


def _let_go(held: str) -> str:
    return f"`elt run {held}` does it again, `elt runs undo {held}` takes the word back"


def _is_due(graph: Graph, test: str, facts: Facts, changed: datetime) -> bool:
    passed = facts.last_success.get(test)
    if passed is None or any(p not in facts.last_success for p in graph.needs(test)):
        return True
    return max(changed, facts.last_change.get(test, _LONG_AGO)) > passed


def _changes(graph: Graph, chosen: set[str], facts: Facts) -> dict[str, datetime]:
    """Tell when what an asset is made of changed last; what is chosen is about to.

    Once for all assets: the same few streams are above most of them.
    """
    changes: dict[str, datetime] = {}
    for asset in graph.order:
        change = max((changes[need] for need in graph.needs(asset)), default=_LONG_AGO)
        if graph[asset].kind != "test":
            own = facts.last_change.get(asset, _LONG_AGO)
            change = _SOON if asset in chosen else max(change, own)
        changes[asset] = change
    return changes


def _rounds(graph: Graph, needs: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """Count how often dbt must have ended before each asset can begin.

    What needs a sync that needs a model is built by a second invocation of dbt.
    """
    rounds: dict[str, int] = {}
    for asset, upstream in needs.items():
        outside = graph[asset].kind not in DBT_KINDS
        behind = (
            rounds[n] + (outside and graph[n].kind in DBT_KINDS) for n in upstream
        )
        rounds[asset] = max(behind, default=0)
    return rounds


def _step_id(graph: Graph, asset: str, round_: int) -> str:
    match graph[asset].kind:
        case "stream":
            return f"tap:{graph[asset].detail['tap']}"
        case "sync":
            return asset
        case _:
            return "dbt" if round_ == 0 else f"dbt:{round_ + 1}"


def _kind(step: str) -> StepKind:
    kind = step.partition(":")[0]
    return "tap" if kind == "tap" else "sync" if kind == "sync" else "dbt"


def _needed_steps(
    step: str,
    members: Iterable[str],
    needs: Mapping[str, tuple[str, ...]],
    step_of: Mapping[str, str],
) -> tuple[str, ...]:
    found = {step_of[need]: None for asset in members for need in needs[asset]}
    found.pop(step, None)
    return tuple(found)


def _planned(
    graph: Graph, asset: str, facts: Facts, due: Mapping[str, str]
) -> PlannedAsset:
    mode, mode_reason = facts.modes.get(asset, ("", ""))
    full_read = facts.full_reads.get(asset)
    tap = graph[asset].detail.get("tap", "")
    notes = (
        f"read in full: {full_read}" if full_read else "",
        facts.notes.get(asset),
        facts.tap_notes.get(tap),
    )
    return PlannedAsset(
        id=asset,
        reason=_reason(graph, asset, facts, due),
        mode=mode,
        mode_reason=mode_reason,
        note="; ".join(note for note in notes if note),
        last_success=facts.last_success.get(asset),
        owner=graph[asset].owner,
        tags=graph[asset].tags,
    )


def _reason(graph: Graph, asset: str, facts: Facts, due: Mapping[str, str]) -> str:
    if asset in due:
        return f"sync `{due[asset]}` needs a result newer than its model"
    if asset in facts.last_success:
        return "selected"
    return _NEVER[graph[asset].kind]


def _summed_up(planned: Iterable[PlannedAsset]) -> str:
    reasons = Counter(asset.reason for asset in planned)
    if len(reasons) == 1:
        return next(iter(reasons))
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items())
