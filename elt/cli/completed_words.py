"""The words of selections that a shell may complete, as far as they are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from elt.errors import EltError

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.runner.store.asset_log import AssetStatus
    from elt.runner.store.database import Store
    from elt.transform.manifest import Manifest

Found = TypeVar("Found")


def selection_words(project: Project) -> set[str]:
    """Give what elt.toml names, what ran here, and what dbt found when it last ran."""
    return {
        *_of_methods(),
        *_of_file(project),
        *_of_store(project),
        *_of_manifest(project),
    }


def _of_methods() -> Iterator[str]:
    from elt.runner.methods import BY_FACTS, RESOURCE_TYPES

    yield from (f"resource_type:{kind}" for kind in RESOURCE_TYPES)
    for method, values in BY_FACTS.items():
        yield from (f"{method}:{value}" for value in values)


def _of_file(project: Project) -> Iterator[str]:
    file = project.file
    yield from (f"tap:{name}" for name in file.taps)
    yield from (f"sync:{name}" for name in file.syncs)
    yield from (f"selector:{name}" for name in file.selections)
    for sync in file.syncs.values():
        yield from _whose(sync.owner, sync.tags)
    for tap in file.taps.values():
        yield from _whose(tap.owner, tap.tags)
        for stream in tap.streams.values():
            yield from _whose(stream.owner, stream.tags)


def _of_store(project: Project) -> Iterator[str]:
    for asset in assets_that_ran(project):
        kind, _, name = asset.asset.partition(":")
        if kind == "model":
            yield name
        elif kind == "stream":
            yield asset.asset
        yield from _whose(asset.owner, asset.tags)


def assets_that_ran(project: Project) -> list[AssetStatus]:
    from elt.runner.store.asset_log import asset_statuses

    return asked_of_log(
        project, lambda store: asset_statuses(store, project.environment)
    )


def asked_of_log(project: Project, ask: Callable[[Store], list[Found]]) -> list[Found]:
    """Ask the run log, and make none where there is none: a person only typed."""
    from elt.runner.store.database import open_store

    if not (project.private_dir / "elt.db").exists():
        return []
    with open_store(project.private_dir) as store:
        return ask(store)


def _of_manifest(project: Project) -> Iterator[str]:
    if project.file.transform is None:
        return
    manifest = _manifest(project)
    yield from (f"source:{source.name}" for source in manifest.sources.values())
    folder = PurePosixPath(project.file.transform.project_dir)
    for node in manifest.nodes.values():
        if node.package in {manifest.project, ""}:
            path = folder / node.path
            yield from (f"path:{each}" for each in (path, path.parent))


def _manifest(project: Project) -> Manifest:
    from elt.transform.manifest import Manifest, read_manifest
    from elt.transform.setup import Setup

    with suppress(EltError):  # dbt has not read its project yet
        return read_manifest(Setup(project).manifest_path)
    return Manifest()


def _whose(owner: str, tags: Iterable[str]) -> Iterator[str]:
    names = [f"owner:{owner}"] if owner else []
    for name in (*names, *(f"tag:{tag}" for tag in tags)):
        yield re.sub(r"[\s,+]", "?", name)  # they would end the word
