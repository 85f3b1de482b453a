"""What is decided about a Meltano project before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elt.project.meltano import targets
from elt.project.meltano.plugins import resolve
from elt.project.meltano.report import Move, Report
from elt.project.meltano.runs import Job, jobs_of
from elt.project.meltano.source import Plugin, Source
from elt.project.meltano.taps import plain_name

Tables = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is decided once, for all environments."""

    source: Source
    move: Move
    report: Report
    jobs: list[Job]
    taps: Mapping[str, str]  # elt's names by Meltano's
    loaders: Mapping[str, str | None]  # of taps; None is the warehouse
    missing: set[str]  # variables that are set nowhere
    short: set[str]  # secrets of `.env` that elt refuses

    @property
    def has_warehouse(self) -> bool:
        """Whether any tap loads into it."""
        return not self.taps or any(self.loaders.get(tap) is None for tap in self.taps)


def decide(source: Source, into: Path, *, to_warehouse: bool) -> Plan:
    report = Report()
    names = _names(source.of_kind("extractors"))
    for problem in source.problems:
        report.leave(problem)
    return Plan(
        source=source,
        move=Move(source.root, into),
        report=report,
        jobs=jobs_of(source),
        taps=names,
        loaders={} if to_warehouse else _loaders(source, names, report),
        missing=set(),
        short=set(),
    )


def _names(plugins: list[Plugin]) -> dict[str, str]:
    names: dict[str, str] = {}
    for plugin in plugins:
        name = plain_name(plugin.name)
        taken = {each.lower() for each in names.values()}
        names[plugin.name] = name if name.lower() not in taken else f"{name}-2"
    return names


def _loaders(
    source: Source, taps: Mapping[str, str], report: Report
) -> dict[str, str | None]:
    """Decide where each tap loads: into the warehouse, or by a target as before."""
    told = targets.loaders_of(source)
    plugins = {plugin.name: plugin for plugin in source.of_kind("loaders")}
    alone = [*plugins] if len(plugins) == 1 else []
    found: dict[str, str | None] = {}
    for tap in taps:
        loaders = told.get(tap) or alone
        if len(loaders) > 1:
            report.leave(
                f"{tap}: the loaders {', '.join(loaders[1:])}",
                "A tap of elt loads into one place; add a second tap for another",
            )
        first = plugins.get(loaders[0]) if loaders else None
        is_ours = first is None or targets.is_duckdb(resolve(source, first, None))
        found[tap] = None if is_ours or first is None else first.name
    return found
