"""What is still open of a run, and what a run of only that does.

A retry is a run with `RunRequest.only`, whose words are ids of assets; `tap:crm` stands
for all streams of a tap that did not answer, and `model:x+` for an asset with all that
lies below it, because a person said that its result does not hold.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean
from elt.runner.graph import Graph
from elt.runner.plan import Facts, RunRequest, plan
from elt.runner.scheduler import ENDED_WELL
from elt.runner.selection import select
from elt.runner.store.chain import Chain, PlannedAsset, chain_of
from elt.runner.store.database import Store
from elt.runner.store.history import last_success, runs
from elt.runner.store.windows import unfinished_runs
from elt.singer.state import can_be_taken_apart

_CLOSED_BY = frozenset({"success", "skipped"})
_OPENED_BY = frozenset({"failed", "cleared"})
_CHOOSES = ("selection", "exclude", "from_step", "only")  # fields of a RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The assets of a run; `gone` were open and are in the project no more.

    `together` are taps of which all streams are read, because one bookmark serves all.
    """

    assets: set[str]
    gone: tuple[str, ...] = ()
    together: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """Say what a person who asked for a retry should know."""
        told = [
            f"tap `{tap}` keeps one bookmark for its streams: all of them are read"
            for tap in self.together
        ]
        if self.gone:
            names = ", ".join(f"`{each}`" for each in self.gone)
            told.append(f"left out, because the project has them no more: {names}")
        return told


def is_open(planned: PlannedAsset) -> bool:
    """Tell whether an asset of a chain of runs is still to be done."""
    if planned.word in _CLOSED_BY:
        return False
    return planned.word in _OPENED_BY or planned.status not in ENDED_WELL


def open_words(chain: Chain) -> tuple[str, ...]:
    """Give what is open of a run and its retries, as words for `RunRequest.only`."""
    return tuple(dict.fromkeys(map(_word, filter(is_open, chain.planned))))


def left_open(
    store: Store, environment: str, *, but: Collection[str] = ()
) -> str | None:
    """Find the latest of recent runs of which something is open and not done since.

    None before a run of everything that ended well: what was open then is done, or the
    project has it no more. What was open of a window is not done by a run of another.
    """
    done = last_success(store, environment)
    of_windows = unfinished_runs(store, environment)
    for run in runs(store):
        if run.environment != environment or run.run in but:
            continue
        began = datetime.fromisoformat(run.started_at)
        for each in filter(is_open, chain_of(store, run.run).planned):
            is_done = each.asset in done and done[each.asset] >= began
            if run.run in of_windows or not is_done:
                return run.run
        chosen = any(run.request.get(name) for name in _CHOOSES)
        if run.status in ENDED_WELL and not chosen:
            break
    return None


def asked_again(
    store: Store, environment: str, asked: RunRequest
) -> tuple[RunRequest | None, str]:
    """Give the request of a retry, or None and why there is nothing to do.

    Raises ConfigError for a run that there is not, and for one of another environment.
    """
    chain = chain_of(store, asked.retry)
    if chain.environment != environment:
        raise ConfigError(
            f"run {chain.last} was in the environment `{chain.environment}`",
            hint=f"`elt retry {chain.last}` finds it by itself",
        )
    request = request_again(chain, asked)
    ended = f"run {chain.last} ended `{chain.status}`"
    return request, "" if request else f"{ended}: there is nothing left to do of it"


def request_again(chain: Chain, asked: RunRequest) -> RunRequest | None:
    """Give the request of a retry: the run's own flags, for what is open of it.

    None where nothing is. What a person accepted once is not accepted again, and what
    `asked` says on top of the run's flags counts. A run that ended before it had a plan
    is done whole.
    """
    words = open_words(chain)
    if chain.planned and not words:
        return None
    earlier = _read_request(chain.request)
    return replace(
        earlier,
        retry=chain.last,
        only=words,
        accept=asked.accept,
        jobs=asked.jobs or earlier.jobs,
        first=asked.first or earlier.first,
        strict=asked.strict or earlier.strict,
        on_overlap=asked.on_overlap,
        wait_seconds=asked.wait_seconds,
    )


def choose(
    graph: Graph, request: RunRequest, facts: Facts, bookmarks: Mapping[str, str]
) -> Chosen:
    """Choose the assets of a run by its selection, or what is left of another run.

    Raises ConfigError for words that match nothing.
    """
    if request.only:
        return _what_is_left(graph, request, facts, bookmarks)
    chosen = _selected(graph, request, facts)
    if request.from_step:
        chosen = beginning_with(graph, chosen, facts, request.from_step)
    return Chosen(assets=chosen)


def _selected(graph: Graph, request: RunRequest, facts: Facts) -> set[str]:
    return select(
        graph,
        request.selection,
        exclude=request.exclude,
        named=facts.named,
        past=facts.past,
    )


def beginning_with(
    graph: Graph, chosen: set[str], facts: Facts, start: str
) -> set[str]:
    """Keep a step, or an asset, of the plan of these, and all that lies below it.

    Raises ConfigError when the plan has none of that name.
    """
    steps = plan(graph, chosen, facts)
    planned = {asset for step in steps for asset in step.assets}
    members = {step.id: set(step.assets) for step in steps}
    if start not in members and start not in planned:
        known = [*members, *planned]
        named = [a for a in planned if graph[a].name == start]
        raise ConfigError(
            f"the plan has no step `{start}`",
            hint=did_you_mean(named[0] if len(named) == 1 else start, known)
            or "`elt plan` lists them",
        )
    begins = members.get(start, {start})
    return (begins | graph.downstream(begins)) & planned


def _word(planned: PlannedAsset) -> str:
    if planned.unasked:
        return planned.step
    return f"{planned.asset}+" if planned.word in _OPENED_BY else planned.asset


def _read_request(logged: Mapping[str, Any]) -> RunRequest:
    """Read a request out of the run log, which an older elt may have written."""
    known = {
        each.name: _frozen(logged[each.name])
        for each in fields(RunRequest)
        if each.name in logged
    }
    return RunRequest(**known)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _what_is_left(
    graph: Graph, request: RunRequest, facts: Facts, bookmarks: Mapping[str, str]
) -> Chosen:
    chosen: set[str] = set()
    gone: list[str] = []
    for word in request.only:
        found = _meant(graph, request, facts, word)
        chosen |= found
        if not found:
            gone.append(word.removesuffix("+"))
    together = {
        tap: every
        for tap, state in bookmarks.items()
        for every in [_streams_of(graph, tap)]
        if _are_one(graph, every, state) and chosen & every and every - chosen
    }
    return Chosen(
        assets=chosen.union(*together.values()),
        gone=tuple(gone),
        together=tuple(together),
    )


def _meant(graph: Graph, request: RunRequest, facts: Facts, word: str) -> set[str]:
    if word in graph:
        return {word}
    if word.startswith("tap:"):
        streams = _streams_of(graph, word.removeprefix("tap:"))
        return streams & _selected(graph, request, facts)
    if word.endswith("+") and word[:-1] in graph:
        whole = _selected(graph, request, facts)
        return {word[:-1]} | (graph.downstream([word[:-1]]) & whole)
    # Of a tap that does not answer the streams may be unknown, and fail together.
    unasked = (tap for tap in facts.unasked if word.startswith(f"stream:{tap}."))
    return set().union(*(_streams_of(graph, tap) for tap in unasked))


def _streams_of(graph: Graph, tap: str) -> set[str]:
    return {a.id for a in graph if a.kind == "stream" and a.detail["tap"] == tap}


def _are_one(graph: Graph, streams: Iterable[str], state: str) -> bool:
    """Say whether a tap's state is of no use to a run of only some of its streams."""
    names = {graph[a].detail[key] for a in streams for key in ("stream", "name")}
    by_stream = isinstance(json.loads(state).get("bookmarks"), dict)
    return not (by_stream and can_be_taken_apart(state, names))
