"""The result document of a run, written from the run log.

The log has what a process that was killed can no longer tell. What only the process
knew, the exit code and the classes of errors, it adds when it ends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import msgspec

from elt.errors import ConfigErrors, EltError, Interrupted, name_of
from elt.events import RunStatus, Status
from elt.project.settings import BASE_ENVIRONMENT, Project
from elt.report.places import NOWHERE, Places
from elt.report.result import (
    AssetResult,
    Failure,
    Result,
    RunWindow,
    StateChange,
    StepResult,
    as_json,
)
from elt.runner import attempt
from elt.runner.result import RunResult
from elt.runner.store import asset_log, history, state
from elt.runner.store.database import Store
from elt.runner.upkeep.retention import RUNS

FILE = "result.json"

_FINE = ("done", "planned", "skipped")
# What a status says of the error where nobody kept the error itself.
_IMPLIED = {"failed": "EltError", "stopped": "Guarded", "interrupted": "Interrupted"}

Scrub = Callable[[str], str]


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How the process ended that did the run; empty for one that was killed."""

    exit_code: int | None = None
    result: RunResult | None = None
    error: BaseException | None = None
    scrub: Scrub = _as_it_is

    @cached_property
    def known(self) -> Mapping[str, attempt.AssetResult]:
        results = self.result.results if self.result else ()
        return {each.asset: each for each in results}


def recorded(
    store: Store, project: Project, run: str = "last", ending: Ending | None = None
) -> Result:
    """Write the document of a run that is in the log. Raises ConfigError otherwise."""
    ending = ending or Ending()
    detail = history.run_detail(store, run)
    summary, request = detail.summary, dict(detail.summary.request)
    moved = {f"tap:{each.tap}": each for each in state.moved(store, summary.run)}
    ended = ending.result  # the log may have failed at the very end
    statuses = asset_log.asset_statuses(store, summary.environment)
    owners = {each.asset: each.owner for each in statuses}
    told = _Told(_by_step(detail.results), ending, Places(project), owners)
    return Result(
        version=1,
        run=summary.run,
        retry_of=summary.retry_of,
        project=project.name,
        environment=summary.environment,
        status=_status_of(summary.status, ending),
        exit_code=ending.exit_code,
        started_at=summary.started_at,
        ended_at=summary.ended_at,
        seconds=round(summary.seconds or 0.0, 3),
        message=ended.message if ended else summary.message,
        selection=list(request.get("selection", ())),
        exclude=list(request.get("exclude", ())),
        options=request,
        window=_window(summary),
        errors=_failures(ending),
        steps=[
            told.step(row, _state(moved.get(row.step), ending.scrub))
            for row in detail.steps
        ],
    )


def unrecorded(
    ending: Ending,
    *,
    project: Project | None = None,
    request: Mapping[str, Any] | None = None,
) -> Result:
    """Write the document where no run began, or the log cannot be read."""
    options = dict(request or {})
    ended = ending.result
    return Result(
        version=1,
        run=ended.run if ended else "",
        retry_of=options.get("retry") or None,
        project=project.name if project else "",
        environment=project.environment if project else BASE_ENVIRONMENT,
        status=ended.status if ended else _status(ending.error),
        exit_code=ending.exit_code,
        started_at=None,
        ended_at=None,
        seconds=round(ended.seconds, 3) if ended else 0.0,
        message=ended.message if ended else "",
        selection=list(options.get("selection", ())),
        exclude=list(options.get("exclude", ())),
        options=options,
        errors=_failures(ending),
        steps=[],
    )


def save(result: Result, private_dir: Path) -> Path:
    """Keep the document beside the run log, until retention takes the run."""
    path = private_dir / RUNS / result.run / FILE
    path.parent.mkdir(parents=True, exist_ok=True)  # in a folder that is private
    path.touch(mode=0o600)
    path.write_text(as_json(result), encoding="utf-8")
    return path


def saved(private_dir: Path, run: str) -> Result | None:
    """Give the document that a run left; None where it left none that is sound."""
    with suppress(OSError, msgspec.DecodeError):
        text = (private_dir / RUNS / run / FILE).read_bytes()
        return msgspec.json.decode(text, type=Result)
    return None


@dataclass(frozen=True, slots=True)
class _Told:
    """What the log and the process say of the steps of one run."""

    results: Mapping[str, list[history.ResultRow]]  # by step
    ending: Ending
    places: Places
    owners: Mapping[str, str]  # as of each asset's last result

    def step(self, row: history.StepRow, moved: StateChange | None) -> StepResult:
        assets = [self.asset(result) for result in self.results.get(row.step, ())]
        return StepResult(
            step=row.step,
            kind=row.kind,
            status=_known(row.status),
            reason=row.reason,
            attempts=row.attempts,
            started_at=row.started_at,
            ended_at=row.ended_at,
            seconds=None if row.seconds is None else round(row.seconds, 3),
            error=_error_of_step(row.status, assets),
            message=row.message,
            hint=row.hint,
            assets=assets,
            state=moved,
        )

    def asset(self, row: history.ResultRow) -> AssetResult:
        hint, error = self._hint_and_error(row.asset)
        status = _known(row.status) or "interrupted"
        file, line = NOWHERE if status in _FINE else self.places.of(row.asset)
        return AssetResult(
            asset=row.asset,
            kind=row.asset.partition(":")[0],
            owner=self.owners.get(row.asset, ""),
            status=status,
            rows=row.rows,
            rejects=row.rejects,
            seconds=round(row.seconds, 3),
            error=error or _IMPLIED.get(status, ""),
            message=row.message,
            hint=hint,
            file=file,
            line=line,
        )

    def _hint_and_error(self, asset: str) -> tuple[str, str]:
        known = self.ending.known.get(asset)
        return (known.hint, known.error) if known else ("", "")


def _window(summary: history.RunSummary) -> RunWindow | None:
    found = summary.window
    return RunWindow(start=found.start, end=found.end) if found else None


def _by_step(
    results: Iterable[history.ResultRow],
) -> Mapping[str, list[history.ResultRow]]:
    found: dict[str, list[history.ResultRow]] = {}
    for result in results:
        found.setdefault(result.step, []).append(result)
    return found


def _error_of_step(status: str | None, assets: Iterable[AssetResult]) -> str:
    names = (asset.error for asset in assets if asset.status == status)
    return next((name for name in names if name), _IMPLIED.get(status or "", ""))


def _known(status: str | None) -> Status | None:
    found: Status | None = next((s for s in get_args(Status) if s == status), None)
    return found


def _status_of(logged: RunStatus, ending: Ending) -> RunStatus:
    """Take the run's own word; the log may have failed at its very end."""
    if ending.result is not None:
        return ending.result.status
    if ending.error is not None and logged == "running":
        return _status(ending.error)
    return logged


def _status(error: BaseException | None) -> RunStatus:
    stopped = isinstance(error, KeyboardInterrupt | Interrupted)
    return "interrupted" if stopped else "failed"


def _failures(ending: Ending) -> list[Failure]:
    error = ending.error
    errors = error.errors if isinstance(error, ConfigErrors) else (error,)
    return [_failure(each, ending.scrub) for each in errors if each is not None]


def _failure(error: BaseException, scrub: Scrub) -> Failure:
    match error:
        case EltError(what=what, where=where, hint=hint):
            pass
        case KeyboardInterrupt():
            told = "stopped at once by a second signal"
            return Failure(error="Interrupted", message=told, where="", hint="")
        case _:
            what, where, hint = f"{name_of(error)}: {error}", "", ""
    return Failure(
        error=name_of(error),
        message=scrub(what),
        where=scrub(where or ""),
        hint=scrub(hint or ""),
    )


def _state(moved: state.Moved | None, scrub: Scrub) -> StateChange | None:
    if moved is None:
        return None
    before = moved.state_before
    return StateChange(
        tap=moved.tap,
        version_before=moved.version_before,
        version=moved.version,
        before=None if before is None else _scrubbed(json.loads(before), scrub),
        after=_scrubbed(json.loads(moved.state), scrub),
    )


def _scrubbed(value: Any, scrub: Scrub) -> Any:
    """Strike secrets out of a state's texts: a document may become an artifact."""
    match value:
        case str():
            return scrub(value)
        case dict():
            return {scrub(key): _scrubbed(below, scrub) for key, below in value.items()}
        case list():
            return [_scrubbed(below, scrub) for below in value]
        case _:
            return value
