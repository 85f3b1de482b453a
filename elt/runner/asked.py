"""What a run is to do, as far as only the log knows: decided under the lock."""

from __future__ import annotations

from dataclasses import dataclass

from elt.errors import ConfigError
from elt.project.settings import Project
from elt.runner.backfill import what_is_left
from elt.runner.plan import RunRequest
from elt.runner.resume import asked_again
from elt.runner.since import since_last_success
from elt.runner.store.database import Store
from elt.runner.store.moments import Now, now_utc
from elt.runner.words import check_given


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`request` is None where there is nothing to do; then the only note says why."""

    request: RunRequest | None
    notes: tuple[str, ...] = ()


def asked_of(
    store: Store, project: Project, request: RunRequest, *, now: Now = now_utc
) -> Asked:
    """Complete a request that names another run, or a window by what has been done.

    Raises ConfigError where that cannot be.
    """
    if request.retry:
        found, why = asked_again(store, project.environment, request)
        return Asked(request=found, notes=(why,) if why else ())
    check_given(request.selection, request.exclude)
    if request.since and not request.since_last_success:
        raise ConfigError(
            "`--since` says where the first window begins",
            hint="Use it with `--since-last-success`; a span is read by `elt backfill`",
        )
    if request.since_last_success:
        found, notes = since_last_success(store, project, request, now=now)
        return Asked(request=found, notes=notes)
    if request.skip_done:
        found, why = what_is_left(store, project.environment, request)
        return Asked(request=found, notes=(why,) if why else ())
    return Asked(request=request)
