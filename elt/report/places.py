"""Where assets are declared: a line of elt.toml, a file of the dbt project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from elt.errors import EltError
from elt.project.settings import Project
from elt.runner.assets import node_asset_id
from elt.transform.manifest import read_manifest
from elt.transform.setup import Setup

Place = tuple[str | None, int | None]
NOWHERE: Place = (None, None)

# How errors name a place: `elt.toml:14  [taps.crm]`, `models/orders.sql:3`.
_PLACE = re.compile(r"^\s*(?P<file>[^\s:][^:\n]*?\.\w+)(?::(?P<line>\d+))?(?:\s|$)")


class Places:
    """The places of one project; dbt's manifest is read when first needed."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def of(self, asset: str) -> Place:
        """Give file and line, as seen from the project's folder; None if unknown."""
        kind, _, name = asset.partition(":")
        match kind:
            case "stream":
                return self._in_elt_toml("taps", name.partition(".")[0])
            case "sync":
                return self._in_elt_toml("syncs", name)
            case _:
                return self._files_of_nodes.get(asset), None

    def _in_elt_toml(self, *path: str) -> Place:
        return place_of(self._project.where(*path))

    @cached_property
    def _files_of_nodes(self) -> Mapping[str, str]:
        folder = self._project.transform_dir
        if folder is None:
            return {}
        try:
            manifest = read_manifest(Setup(self._project).manifest_path)
        except EltError:
            return {}
        files = {
            node_asset_id(node): folder / node.path for node in manifest.nodes.values()
        }
        root = self._project.root
        return {
            asset: relative(path, root)
            for asset, path in files.items()
            if path.exists()
        }


def place_of(where: str) -> Place:
    """Read file and line from the place that an error names."""
    found = _PLACE.match(where)
    if found is None:
        return NOWHERE
    return found["file"], int(found["line"]) if found["line"] else None


def relative(path: Path, root: Path) -> str:
    """Give a path as seen from a folder, or as it is where it lies elsewhere."""
    path, root = path.resolve(), root.resolve()
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
