"""Files that nothing of the project needs any more: of killed runs, of what is gone.

All of it can be made again or was never finished. Whatever a person may want back, a
backup or the files before a restore, is no leftover.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from elt.project.load import load_project
from elt.project.settings import BASE_ENVIRONMENT, Project
from elt.runner.alone import journal_of
from elt.runner.upkeep.archive import PARTIAL
from elt.runner.upkeep.backup import FOLDER
from elt.runner.upkeep.compact import aside_of
from elt.runner.upkeep.disk import bytes_of
from elt.singer.packages import packages_of
from elt.singer.private_files import pid_is_taken

# What a run fills and empties; what lies there while none is under way was left.
_OF_RUNS = ("spool", "tmp", "syncs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A file or folder that can go, and why."""

    path: Path
    why: str
    bytes: int


def leftovers(project: Project) -> list[Leftover]:
    """Find what can go, biggest first. Only right while no run is under way."""
    found = [
        Leftover(path=path, why=why, bytes=bytes_of(path))
        for path, why in _found(project)
    ]
    return sorted(found, key=lambda each: (-each.bytes, each.path))


def remove(leftover: Leftover) -> None:
    if leftover.path.is_dir() and not leftover.path.is_symlink():
        shutil.rmtree(leftover.path, ignore_errors=True)
    else:
        leftover.path.unlink(missing_ok=True)


def _found(project: Project) -> Iterator[tuple[Path, str]]:
    private = project.private_dir
    for name in _OF_RUNS:
        for path in _inside(private / name):
            if bytes_of(path):  # a run may leave its empty folder
                yield path, "left by a run that was killed"
    for name in ("taps", "targets"):
        for path in _inside(private / name):
            if _of_dead_process(path.name.split("-")[1:2]):
                yield path, "left by a run that was killed"
    yield from _beside_the_warehouse(project)
    yield from _cut_short(project)
    yield from _catalogs(project)
    yield from _of_environments(project)


def _beside_the_warehouse(project: Project) -> Iterator[tuple[Path, str]]:
    path = project.warehouse_path.resolve()
    aside = aside_of(path)
    for each in (aside, aside.with_name(f"{aside.name}.wal")):
        if each.exists():
            yield each, "left by `elt compact`, which was killed"
    for folder in path.parent.glob(".elt-*"):
        if folder.is_dir() and (folder / path.name).exists():
            yield folder, "left by a run that was killed while it made the warehouse"


def _cut_short(project: Project) -> Iterator[tuple[Path, str]]:
    for path in (project.root / FOLDER).glob(f"*{PARTIAL}"):
        yield path, "left by `elt backup`, which was killed"
    if journal_of(project.private_dir).exists():
        return  # these are still needed
    warehouse = project.warehouse_path.resolve()
    for folder, stem in (
        (warehouse.parent, warehouse.stem),
        (project.private_dir, "elt"),
    ):
        for path in folder.glob(f"{stem}.restoring.*"):
            yield path, "left by `elt restore`, which was killed"


def _catalogs(project: Project) -> Iterator[tuple[Path, str]]:
    known = {
        f"{environment}.{tap}"
        for environment, laid_over in _environments(project)
        for tap in laid_over.file.taps
    }
    for path in _inside(project.private_dir / "catalogs"):
        ending = path.suffix.removeprefix(".")
        if ending.isdigit() and _of_dead_process([ending]):
            yield path, "left by a run that was killed"
        elif ending == "json" and path.stem not in known:
            yield path, "the catalog of a tap that elt.toml does not name"


def _of_environments(project: Project) -> Iterator[tuple[Path, str]]:
    laid_over = list(_environments(project))
    names = {name for name, _ in laid_over}
    for path in _inside(project.private_dir / "dbt"):
        if path.is_dir() and path.name not in names:
            yield path, "dbt's files of an environment that elt.toml does not name"
    used = {package.folder for _, each in laid_over for package in packages_of(each)}
    for path in _inside(project.private_dir / "environments"):
        if path.is_dir() and path not in used:
            yield path, "installed for a `package` that elt.toml does not name"


def _environments(project: Project) -> Iterator[tuple[str, Project]]:
    """Give the project as each of its environments sees it."""
    for name in (BASE_ENVIRONMENT, *project.file.environments):
        yield name, load_project(project.root, name)


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _of_dead_process(number: list[str]) -> bool:
    return bool(number) and number[0].isdigit() and not pid_is_taken(int(number[0]))
