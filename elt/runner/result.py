"""How a run ended, in words and as an exit code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from elt.events import RunStatus
from elt.runner.attempt import AssetResult, Stop
from elt.runner.plan import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended; `run` is empty where none began."""

    run: str
    status: RunStatus
    exit_code: int
    seconds: float = 0.0
    steps: tuple[Step, ...] = ()
    results: tuple[AssetResult, ...] = ()
    message: str = ""
    owners: Mapping[str, str] = field(default_factory=dict)  # of assets that have one
    gave_way: bool = False  # to another run, as `--on-overlap skip` says
    left_out: tuple[str, ...] = ()  # syncs, by a backfill
    signal: int | None = None  # that asked it to stop, though all may have ended


def run_status(results: Iterable[AssetResult], stop: Stop) -> RunStatus:
    """Sum up a run; what was skipped for nothing else a person's word held back."""
    found = {result.status for result in results}
    left_off = bool(found & {"interrupted", "skipped"})
    if stop.is_set() and not stop.timed_out and left_off:
        return "interrupted"
    if "failed" in found or (stop.timed_out and left_off):
        return "failed"
    if "stopped" in found:
        return "stopped"
    if "interrupted" in found:
        return "interrupted"
    if "skipped" in found:
        return "stopped"
    return "warned" if "warned" in found else "done"


def exit_code(status: RunStatus, *, strict: bool = False, signal: int = 2) -> int:
    """Tell the shell how a run ended; a failure counts more than a guard."""
    match status:
        case "done":
            return 0
        case "warned":
            return 3 if strict else 0
        case "stopped":
            return 3
        case "interrupted":
            return 128 + signal
        case _:
            return 1
