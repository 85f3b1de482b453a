"""What is still open of a run, and the request of a run of only that.

A retry is a run with `RunRequest.only`, whose words are ids of assets; `tap:crm` stands
for all streams of a tap that did not answer, and `model:x+` for an asset with all that
lies below it, because a person said that its result does not hold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from elt.errors import ConfigError, Unavailable
from elt.runner.plan import RunRequest
from elt.runner.scheduler import ENDED_WELL
from elt.runner.store.asset_log import last_success
from elt.runner.store.chain import Chain, PlannedAsset, chain_of, last_to_retry
from elt.runner.store.database import Store
from elt.runner.store.history import runs
from elt.runner.store.windows import unfinished_runs

_CLOSED_BY = frozenset({"success", "skipped"})
_OPENED_BY = frozenset({"failed", "cleared"})
_CHOOSES = ("selection", "exclude", "from_step", "only")  # fields of a RunRequest


def is_open(planned: PlannedAsset) -> bool:
    """Tell whether an asset of a chain of runs is still to be done."""
    if planned.word in _CLOSED_BY:
        return False
    return planned.word in _OPENED_BY or planned.status not in ENDED_WELL


def open_words(chain: Chain) -> tuple[str, ...]:
    """Give what is open of a run and its retries, as words for `RunRequest.only`."""
    return tuple(dict.fromkeys(map(_word, filter(is_open, chain.planned))))


def is_over(chain: Chain) -> bool:
    """Tell whether nothing is left of a chain of runs.

    One that ended well without a plan had nothing to do; any other is to be done whole.
    """
    if not chain.planned:
        return chain.status in ENDED_WELL
    return not any(map(is_open, chain.planned))


def chain_to_retry(store: Store, name: str) -> tuple[Chain, str]:
    """Give the chain that a retry means, and what there is to say of that.

    `last` passes over runs that had nothing to do, and those that a mistake ended
    before they had a plan. Raises ConfigError where there is no such run.
    """
    latest = chain_of(store, name)
    if name != "last":
        return latest, ""
    meant = last_to_retry(store)
    if meant is None or meant in latest.runs:
        return latest, ""
    told = (
        f"run {latest.last} ended before it had a plan; this is about run {meant}."
        f" `elt retry {latest.last}` does the other one whole"
    )
    return chain_of(store, meant), "" if is_over(latest) else told


def left_open(
    store: Store, environment: str, *, but: Collection[str] = ()
) -> str | None:
    """Find the latest of recent runs of which something is open and not done since.

    None before a run of everything that ended well: what was open then is done, or the
    project has it no more. What was open of a window is not done by a run of another,
    and what is under way is not left.
    """
    done = last_success(store, environment)
    of_windows = unfinished_runs(store, environment)
    chains: dict[str, Chain] = {}
    for run in runs(store):
        if run.environment != environment or run.run in but:
            continue
        if run.run not in chains:
            chain = chain_of(store, run.run)
            chains |= dict.fromkeys(chain.runs, chain)
        done_since = {} if run.run in of_windows else done
        if _is_open_since(chains[run.run], run.started_at, done_since):
            return run.run
        chosen = any(run.request.get(name) for name in _CHOOSES)
        if run.status in ENDED_WELL and not chosen:
            break
    return None


def _is_open_since(chain: Chain, began: str, done: Mapping[str, datetime]) -> bool:
    if chain.status == "running":
        return False
    start = datetime.fromisoformat(began)
    return any(
        each.asset not in done or done[each.asset] < start
        for each in filter(is_open, chain.planned)
    )


def asked_again(
    store: Store, environment: str, asked: RunRequest
) -> tuple[RunRequest | None, str]:
    """Give the request of a retry, or None and why there is nothing to do.

    Raises ConfigError for a run that there is not, and for one of another environment,
    and Unavailable for one that is under way.
    """
    chain = chain_of(store, asked.retry)
    if chain.environment != environment:
        raise ConfigError(
            f"run {chain.last} was in the environment `{chain.environment}`",
            hint=f"`elt retry {chain.last}` finds it by itself",
        )
    if chain.status == "running":
        raise Unavailable(
            f"run {chain.last} is under way: nobody knows yet what it leaves",
            hint="Try again when it has ended",
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
    if is_over(chain):
        return None
    words = open_words(chain)
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


def planned_before(store: Store, request: RunRequest) -> frozenset[str]:
    """Give all that the runs planned which a retry goes on with: what was chosen."""
    if not request.only:
        return frozenset()
    return frozenset(each.asset for each in chain_of(store, request.retry).planned)


def _word(planned: PlannedAsset) -> str:
    word = planned.step if planned.unasked else planned.asset
    return f"{word}+" if planned.word in _OPENED_BY else word


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
