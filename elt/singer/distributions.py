"""What an environment holds, read from its files: versions, programs, origins."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from elt.singer.requirements import (
    Requirement,
    Spec,
    normal,
    plain_repository,
    without_passwords,
)

_INSTALLERS_OWN = frozenset({"pip"})
# singer-python gives every tap both flags; which one a tap reads, its code says.
_READS = r"\b\w*(?:args|opts|options|arguments)\.{}\b|--{}\b"
_READS_CATALOG = re.compile(_READS.format("catalog", "catalog"), re.IGNORECASE)
_READS_PROPERTIES = re.compile(_READS.format("properties", "properties"), re.IGNORECASE)


def read_distributions(home: Path) -> list[Distribution]:
    """List what is installed in an environment, by name."""
    folders = {path.resolve() for path in home.glob("lib*/python*/site-packages")}
    found = distributions(path=[str(folder) for folder in folders])
    return sorted(found, key=name_of)


def name_of(distribution: Distribution) -> str:
    return normal(distribution.metadata["Name"] or "")


def main_distribution(
    spec: Spec, installed: Sequence[Distribution]
) -> Distribution | None:
    """Find what the first requirement of a package brought."""
    first = spec.requirements[0]
    if first.name:
        return next((each for each in installed if name_of(each) == first.name), None)
    direct = [each for each in installed if origin_of(each)]
    ours = [each for each in direct if _is_from(first, origin_of(each))]
    return next(iter(ours or direct), None)


def programs_of(distribution: Distribution, home: Path) -> list[str]:
    """Name the programs that a distribution brought and that are there."""
    names = {point.name for point in distribution.entry_points.select(group=_SCRIPTS)}
    files = distribution.files or ()
    names |= {file.name for file in files if file.parent.name == "bin"}
    return sorted(name for name in names if (home / "bin" / name).is_file())


def pin_of(distribution: Distribution, spec: Spec) -> str | None:
    """Pin a distribution as a lock does; None for what a version does not tell apart.

    A repository is pinned where the package names it: for what others depend on, no
    installer takes another address than theirs.
    """
    name, origin = name_of(distribution), origin_of(distribution)
    if name in _INSTALLERS_OWN:
        return None
    if not origin:
        return f"{name}=={distribution.version}"
    repository = plain_repository(str(origin.get("url", "")))
    commit = origin.get("vcs_info", {}).get("commit_id")
    if commit and any(each.repository == repository for each in spec.requirements):
        return f"{name} @ git+{repository}@{commit}"
    return None


def remark_of(distribution: Distribution, root: Path) -> str | None:
    """Say where a distribution without a pin is from."""
    url = str(origin_of(distribution).get("url", ""))
    if not url:
        return None
    if url.startswith("file://"):
        url = os.path.relpath(_path_of(url), root)
    from_ = without_passwords(url)
    return f"{name_of(distribution)} {distribution.version} from {from_}"


def catalog_flag_of(distribution: Distribution) -> str | None:
    """Give `--properties` for a tap whose code reads nothing else; None if unsure.

    The help of such a tap may show `--catalog` beside it, and may need a config.
    """
    files = distribution.files or ()
    paths = [Path(file.locate()) for file in files if file.suffix == ".py"]
    code = "\n".join(
        path.read_text("utf-8", errors="replace") for path in paths if path.is_file()
    )
    old = _READS_PROPERTIES.search(code) and not _READS_CATALOG.search(code)
    return "--properties" if old else None


def origin_of(distribution: Distribution) -> dict[str, Any]:
    """Give `direct_url.json` (PEP 610); empty for what came from an index."""
    text = distribution.read_text("direct_url.json")
    try:
        origin = json.loads(text) if text else {}
    except ValueError:
        return {}
    return origin if isinstance(origin, dict) else {}


def _is_from(requirement: Requirement, origin: dict[str, Any]) -> bool:
    url = str(origin.get("url", ""))
    if requirement.path is not None:
        return url.startswith("file://") and _path_of(url) == requirement.path.resolve()
    if requirement.repository:
        return plain_repository(url) == requirement.repository
    return url.partition("#")[0] in requirement.text


def _path_of(url: str) -> Path:
    return Path(unquote(urlsplit(url).path)).resolve()


_SCRIPTS = "console_scripts"
