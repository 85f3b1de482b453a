"""What there is to look at after a run, worst first: for those who come to it later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from elt.report import figures
from elt.report.alike import common_words, group_name, together
from elt.report.places import place_of
from elt.report.result import AssetResult, Failure, Result, StepResult

WORST_FIRST = ("failed", "stopped", "interrupted", "warned")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing to look at; `file` is as seen from the project's folder."""

    name: str
    status: str
    message: str
    hint: str = ""
    file: str | None = None
    line: int | None = None


def troubles(result: Result) -> list[Trouble]:
    """Give what kept the run from beginning first, then assets by how they ended."""
    found = [each for step in result.steps for each in _of_step(step)]
    found.sort(key=lambda trouble: WORST_FIRST.index(trouble.status))
    return [*map(_of_failure, result.errors), *found]


def _of_failure(failure: Failure) -> Trouble:
    file, line = place_of(failure.where)
    message = f"{failure.message}\n{failure.where}".strip()
    return Trouble(
        name="elt run",
        status="failed",
        message=message,
        hint=failure.hint,
        file=file,
        line=line,
    )


def _of_step(step: StepResult) -> Iterator[Trouble]:
    assets = [asset for asset in step.assets if asset.status in WORST_FIRST]
    alike = {(asset.status, asset.message) for asset in assets}
    of_tests = any(asset.kind == "test" for asset in assets)
    if len(assets) > 1 and not of_tests and alike == {(step.status, step.message)}:
        # One cause: a tap that failed has not failed fifty times. Tests that say the
        # same say it of different rows.
        first = assets[0]
        yield _trouble(step.step, first, step.hint or first.hint)
        return
    for group in together(assets):
        first = group[0]
        same = step.hint if first.message == step.message else ""
        found = _trouble(group_name(group), first, first.hint or same)
        yield replace(found, message=common_words(group) or found.message)


def _trouble(name: str, asset: AssetResult, hint: str) -> Trouble:
    rejects = figures.counted(asset.rejects, "reject") if asset.rejects else ""
    return Trouble(
        name=name,
        status=asset.status,
        message=asset.message or rejects,
        hint=hint,
        file=asset.file,
        line=asset.line,
    )
