"""What taps answered last when they were asked for their catalogs.

Asking costs the start of a program, and for many taps calls to their API. What a tap
of our own kinds answered stands until its settings, its code or its files change,
unless it says that its source changes it; such a tap and a foreign program are asked
again by every run.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from elt.plugins import find
from elt.project.atomic import make_private_folder
from elt.project.settings import Project
from elt.singer.catalog import CHANGES
from elt.singer.installed import versions_of
from elt.singer.packages import package_of

_FILES = ("path", "schemas", "tracking_plan")  # settings that name files


class CatalogMemory:
    """What a tap answered last, read once, and whether that stands."""

    def __init__(self, project: Project, tap: str) -> None:
        self._project = project
        self._tap = tap
        name = f"{project.environment}.{tap}.json"
        self._path = project.private_dir / "catalogs" / name
        self._found = _read(self._path)

    @property
    def last(self) -> dict[str, Any] | None:
        """What the tap answered last, even if its settings have changed since."""
        return self._found.get("catalog")

    @cached_property
    def current(self) -> dict[str, Any] | None:
        """What it answered with the settings, the code and the files of now."""
        known = self._found.get("identity")
        return self.last if known == identity_of(self._project, self._tap) else None

    @property
    def answers_alike(self) -> bool:
        """Whether the same settings, code and files always give the same catalog.

        As far as is known: a tap tells with its catalog that this is not so.
        """
        is_ours = self._project.file.taps[self._tap].plugin is not None
        return is_ours and not (self.last or {}).get(CHANGES)

    def keep(self, catalog: Mapping[str, Any]) -> None:
        """Remember an answer for the next time.

        Asking may have installed a package: another version, another catalog.
        """
        identity = identity_of(self._project, self._tap)
        make_private_folder(self._path.parent)
        aside = self._path.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps({"identity": identity, "catalog": catalog}))
        aside.replace(self._path)


def identity_of(project: Project, tap: str) -> str:
    """Sum up what a tap's catalog depends on."""
    table = project.file.taps[tap]
    digest = hashlib.sha256(msgspec.json.encode(table, order="deterministic"))
    if table.plugin is not None:
        plugin = find("tap", table.plugin, project.root)
        digest.update(f"{plugin.target} {plugin.where}".encode())
        code = Path(plugin.target.rpartition(":")[0] or plugin.target)
        if plugin.origin == "project":
            digest.update(_content(code))
    package = package_of(project, "tap", tap)
    if package is not None:
        digest.update(repr(versions_of(package)).encode())
    for path in sorted(_files(project.root, table.config)):
        digest.update(_stat(path))
    return digest.hexdigest()


def _content(code: Path) -> bytes:
    path = code if code.suffix == ".py" else code.with_suffix(".py")
    return path.read_bytes() if path.is_file() else b""


def _files(root: Path, config: Mapping[str, Any]) -> Iterator[Path]:
    """Find the files that settings name, however deep in them they stand."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _files(root, value)
        elif isinstance(value, list):
            for entry in value:
                if isinstance(entry, Mapping):
                    yield from _files(root, entry)
        elif key in _FILES and isinstance(value, str):
            yield from _matches(root, value)


def _matches(root: Path, pattern: str) -> Iterator[Path]:
    # Not Path.glob: a pattern may be absolute and then has no root to start from.
    for name in glob.glob(str(root / pattern), recursive=True):  # noqa: PTH207
        path = Path(name)
        yield from path.rglob("*") if path.is_dir() else (path,)


def _stat(path: Path) -> bytes:
    name = os.fsencode(path)
    try:
        seen = path.stat()
    except OSError:  # gone since it was listed, or a link to nowhere
        return name
    return name + f" {seen.st_size} {seen.st_mtime_ns}".encode()


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
