"""Taps, targets and destinations: whether what the file names can be started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from elt.errors import ConfigError, EltError
from elt.plugins import Plugin, find, plugins
from elt.project.settings import Project
from elt.runner.upkeep.finding import Finding, Subject
from elt.singer.installed import Missing
from elt.singer.installed import look as environment_of
from elt.singer.packages import package_of
from elt.singer.programs import find_executable, program_in

AREA = "plugins"


def look(subject: Subject) -> Iterator[Finding]:
    project = subject.project
    if project is None:
        return
    known = _known(project.root)
    if isinstance(known, Finding):
        yield known
        return
    found = [*_taps(project), *_targets(project), *_destinations(project)]
    yield from found
    if not found:
        file = project.file
        names = [*file.taps, *file.targets, *file.destinations]
        yield Finding("ok", AREA, f"all there: {', '.join(names) or 'none is named'}")


def _known(root: Path) -> list[Plugin] | Finding:
    """List the plugins, or tell of the file that keeps all of them from being read."""
    try:
        return plugins(root)
    except ConfigError as error:
        where, hint = error.where or "", error.hint or ""
        return Finding("problem", AREA, error.what, where, hint)


def _taps(project: Project) -> Iterator[Finding]:
    for name, table in project.file.taps.items():
        if table.package is not None:
            yield from _package(project, "tap", name)
        elif table.executable is not None:
            yield from _executable(project, "tap", name, table.executable)
        else:
            where = project.where("taps", name)
            yield from _plugin(project, "tap", table.plugin or "", where)


def _targets(project: Project) -> Iterator[Finding]:
    for name, table in project.file.targets.items():
        if table.package is not None:
            yield from _package(project, "target", name)
        else:
            yield from _executable(project, "target", name, table.executable or "")


def _destinations(project: Project) -> Iterator[Finding]:
    for name, table in project.file.destinations.items():
        where = project.where("destinations", name)
        yield from _plugin(project, "destination", table.plugin, where)


def _plugin(
    project: Project, kind: Literal["tap", "destination"], name: str, where: str
) -> Iterator[Finding]:
    try:
        find(kind, name, project.root)
    except ConfigError as error:
        yield Finding("problem", AREA, error.what, where, error.hint or "")


def _executable(
    project: Project, kind: Literal["tap", "target"], name: str, program: str
) -> Iterator[Finding]:
    try:
        find_executable(kind, program, project.root)
    except ConfigError as error:
        where = project.where(f"{kind}s", name)
        yield Finding("problem", AREA, error.what, where, error.hint or "")


def _package(
    project: Project, kind: Literal["tap", "target"], name: str
) -> Iterator[Finding]:
    """Look at a package's environment; nothing is installed."""
    where = project.where(f"{kind}s", name)
    try:
        package = package_of(project, kind, name)
        assert package is not None  # noqa: S101  the table names one
        found = environment_of(package)
        if isinstance(found, Missing):
            yield Finding(
                "note" if found.is_new else "warning",
                AREA,
                f"the environment of {kind} `{name}` has to be installed"
                f"{'' if found.is_new else f' again: {found.reason}'}; the next run"
                " does that, with a network",
                where,
                f"elt install {name}",
            )
            return
        program_in(package, found)
    except EltError as error:
        yield Finding("problem", AREA, error.what, where, error.hint or "")
