"""How often a step is tried, how long it may take, and when it has its turn.

The most particular word counts: the step's own table, then that of its kind, then
`[run]`. dbt has no table of its kind, because `[transform]` is the only one of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from elt.project.locate import dotted
from elt.project.settings import File, TransformTable
from elt.project.step_settings import KindTable
from elt.project.sync_settings import SyncTable
from elt.project.tap_settings import TapTable

# The tables that speak of a step by their names, the most particular first.
_Tables = Mapping[str, TapTable | SyncTable | TransformTable | KindTable]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLimits:
    """What one step may; it holds a place in each of its pools while it runs."""

    retries: int = 2
    retry_delay_seconds: float = 5.0
    timeout_seconds: float | None = None  # with its retries
    timeout_setting: str = ""  # the one that decided, for the message
    pools: tuple[str, ...] = ()
    priority: int = 0

    @property
    def out_of_time(self) -> str:
        """What is said where `timeout_seconds` are over."""
        setting = f" ({self.timeout_setting})" if self.timeout_setting else ""
        return f"the step took longer than {self.timeout_seconds:g} s{setting}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """What all steps together may."""

    jobs: int = 4
    pools: Mapping[str, int] = field(default_factory=dict)  # places by name
    timeout_seconds: float | None = None
    # What has not ended so long after it was asked to is given up.
    grace_seconds: float = 30.0

    @property
    def out_of_time(self) -> str:
        limit = f"{self.timeout_seconds:g} s (`timeout_seconds` in [run])"
        return f"the run took longer than {limit}"


def run_limits(file: File, *, jobs: int | None = None) -> RunLimits:
    """Give the limits of a run; `jobs` are those of the command line."""
    return RunLimits(
        jobs=jobs or file.run.jobs,
        pools=file.pools,
        timeout_seconds=file.run.timeout_seconds,
    )


def step_limits(file: File, step: str) -> StepLimits:
    """Give the limits of a step by its id: `tap:crm`, `sync:health`, `dbt:2`."""
    kind, _, name = step.partition(":")
    match kind:
        case "tap":
            tap = file.taps[name]
            of_tap: _Tables = {dotted(("taps", name)): tap, "run.taps": file.run.taps}
            return _limits(file, of_tap, pools=(tap.pool,), priority=tap.priority)
        case "sync":
            sync = file.syncs[name]
            of_sync: _Tables = {
                dotted(("syncs", name)): sync,
                "run.syncs": file.run.syncs,
            }
            pools = (sync.pool, file.destinations[sync.destination].pool)
            return _limits(file, of_sync, pools=pools, priority=sync.priority)
        case _:
            dbt = file.transform or TransformTable()
            return _limits(
                file, {"transform": dbt}, pools=(dbt.pool,), priority=dbt.priority
            )


def _limits(
    file: File,
    tables: _Tables,
    *,
    pools: tuple[str | None, ...],
    priority: int,
) -> StepLimits:
    told = list(tables.values())
    seconds, setting = _timeout(file, tables)
    return StepLimits(
        retries=next(
            (t.retries for t in told if t.retries is not None), file.run.retries
        ),
        retry_delay_seconds=next(
            (t.retry_delay_seconds for t in told if t.retry_delay_seconds is not None),
            file.run.retry_delay_seconds,
        ),
        timeout_seconds=seconds,
        timeout_setting=setting,
        pools=tuple(dict.fromkeys(filter(None, pools))),
        priority=priority,
    )


def _timeout(file: File, tables: _Tables) -> tuple[float | None, str]:
    for table, told in tables.items():
        if told.timeout_seconds is not None:
            return told.timeout_seconds, f"`timeout_seconds` in [{table}]"
    seconds = file.run.step_timeout_seconds
    return seconds, "" if seconds is None else "`step_timeout_seconds` in [run]"
