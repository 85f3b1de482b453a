"""Jobs as tags of taps; schedules as lines for cron."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elt.project.meltano.report import Report
from elt.project.meltano.source import Source
from elt.project.meltano.targets import tasks_of

_NOT_REPEATED = frozenset({"@once", "@manual", "@none", "None", ""})


@dataclass(frozen=True, slots=True)
class Job:
    """`taps` are extractors by Meltano's names; `others` are neither taps nor dbt."""

    name: str
    taps: tuple[str, ...]
    has_dbt: bool
    others: tuple[str, ...]

    @property
    def tag(self) -> str:
        return re.sub(r"[^A-Za-z0-9_-]+", "-", self.name).strip("-") or "job"

    @property
    def selection(self) -> str:
        return f"tag:{self.tag}" + ("+" if self.has_dbt else "")


def jobs_of(source: Source) -> list[Job]:
    return [_job(source, str(job["name"]), tasks_of(job)) for job in source.jobs]


def say_schedules(
    source: Source, jobs: list[Job], names: Mapping[str, str], into: Path
) -> Report:
    """Write a line for cron for each schedule; `names` are those of taps in elt."""
    report = Report()
    for schedule in source.schedules:
        selection = _selection(schedule, jobs, names)
        interval = str(schedule.get("interval") or schedule.get("cron") or "")
        if selection is None:
            report.leave(f"schedule `{schedule['name']}`", "Its job is not known")
        elif interval in _NOT_REPEATED:
            report.leave(
                f"schedule `{schedule['name']}`, which runs {interval or 'never'}",
                f"By hand: `elt run {selection}`",
            )
        else:
            folder = shlex.quote(str(into))
            words = ["elt run", selection, *environment_of(source)]
            command = " ".join(word for word in words if word)
            report.schedules.append(f"{interval}  cd {folder} && {command}")
    return report


def environment_of(source: Source) -> list[str]:
    """Give the option by which elt runs as Meltano does without one."""
    default = source.default_environment
    return [f"--env {default}"] if default in source.environments else []


def _selection(
    schedule: Mapping[str, Any], jobs: list[Job], names: Mapping[str, str]
) -> str | None:
    job = schedule.get("job")
    if job:
        found = next((each for each in jobs if each.name == job), None)
        if found is None:
            return None
        # A job without taps is dbt, or something that elt does not run.
        return found.selection if found.taps else ("" if found.has_dbt else None)
    tap = names.get(str(schedule.get("extractor") or ""))
    plus = "+" if str(schedule.get("transform") or "skip") != "skip" else ""
    return f"tap:{tap}{plus}" if tap else None


def _job(source: Source, name: str, tasks: list[list[str]]) -> Job:
    words = [word for task in tasks for word in task]
    extractors = {plugin.name for plugin in source.of_kind("extractors")}
    loaders = {plugin.name for plugin in source.of_kind("loaders")}
    is_dbt = [word.split(":")[0].split("-")[0] == "dbt" for word in words]
    taps = tuple(dict.fromkeys(word for word in words if word in extractors))
    others = tuple(
        word
        for word, dbt in zip(words, is_dbt, strict=True)
        if not dbt and word not in extractors | loaders
    )
    return Job(name, taps, any(is_dbt), others)
