"""What a shell may complete: names of this project, read without running anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from elt.cli.completed_words import (
    asked_of_log,
    assets_that_ran,
    selection_words,
)

if TYPE_CHECKING:
    from elt.project.settings import Project

Names = Callable[["Project"], Iterable[str]]


def selections(context: typer.Context, incomplete: str) -> list[str]:
    """Complete a word of a selection; what stands before a name in it stays."""
    before = re.match(r"(?:.*,)?(?:@|\d*\+)?", incomplete)
    start = before[0] if before else ""
    return [start + name for name in _known(context, selection_words)]


def steps(context: typer.Context) -> list[str]:
    """Complete steps and assets, as plans call them."""
    return _known(context, lambda project: {"dbt", *_assets(project)})


def assets(context: typer.Context) -> list[str]:
    """Complete what a run has had a result for."""
    return _known(context, _ran)


def runs(context: typer.Context) -> list[str]:
    return _known(context, _latest_runs)


def taps(context: typer.Context) -> list[str]:
    return _known(context, lambda project: project.file.taps)


def syncs(context: typer.Context) -> list[str]:
    return _known(context, lambda project: project.file.syncs)


def packages(context: typer.Context) -> list[str]:
    """Complete taps and targets that have a `package`."""

    def names(project: Project) -> set[str]:
        taps, targets = project.file.taps, project.file.targets
        found = {name for name, tap in taps.items() if tap.package}
        return found | {name for name, target in targets.items() if target.package}

    return _known(context, names)


def environments(context: typer.Context) -> list[str]:
    return _known(context, lambda project: project.file.environments)


def _known(context: typer.Context, names: Names) -> list[str]:
    from elt.project.load import load_project

    folder = context.find_root().params.get("project")
    try:
        return sorted(names(load_project(Path(folder) if folder else None)))
    except Exception:  # noqa: BLE001  a shell that completes must not see errors
        return []


def _ran(project: Project) -> list[str]:
    return [each.asset for each in assets_that_ran(project)]


def _latest_runs(project: Project) -> list[str]:
    from elt.runner.store.history import runs

    return [each.run for each in asked_of_log(project, runs)]


def _assets(project: Project) -> set[str]:
    """Give taps and syncs, and the models that have been built so far."""
    found = {f"tap:{tap}" for tap in project.file.taps}
    found |= {f"sync:{sync}" for sync in project.file.syncs}
    models = (asset for asset in _ran(project) if asset.startswith("model:"))
    return found | {model.removeprefix("model:") for model in models}
