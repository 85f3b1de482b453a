"""Whether the parsed manifest still tells what the dbt project's files say.

Parsing needs dbt, three seconds of import; comparing does not. Beside the manifest
lies a record of everything that parsing read. A file whose size and times are as
recorded is not read again (1,000 files: about 15 ms); any other is compared by its
content, so that a fresh checkout or a `touch` costs no parsing.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from msgspec import DecodeError, Struct, ValidationError, json

from elt.errors import ConfigError
from elt.project.atomic import make_private_folder
from elt.transform.yml import read_yml

FORMAT = 1
PROJECT_FILES = (
    "dbt_project.yml",
    "packages.yml",
    "dependencies.yml",
    "package-lock.yml",
    "selectors.yml",
    "catalogs.yml",
)
# dbt's own defaults for the folders that it parses.
PATHS = {
    "model-paths": ["models"],
    "seed-paths": ["seeds"],
    "test-paths": ["tests"],
    "analysis-paths": ["analyses"],
    "macro-paths": ["macros"],
    "snapshot-paths": ["snapshots"],
    "function-paths": ["functions"],
}
PACKAGES = "dbt_packages"

# A file written this shortly before it was recorded may be written again without a
# change of its times; it is read once more.
SETTLED_NS = 2_000_000_000
ENV_VAR = re.compile(rb"""env_var\(\s*['"]([A-Za-z_][A-Za-z0-9_]*)['"]""")

Stat = tuple[int, int, int]  # size, mtime_ns, ctime_ns


class Seen(Struct, frozen=True):
    """One file as it was when the project was parsed."""

    stat: Stat
    digest: str
    at_ns: int


class Fingerprint(Struct, frozen=True):
    """Everything that a manifest was parsed from."""

    identity: str
    roots: list[str]
    packages: list[str]
    files: dict[str, Seen]
    env: dict[str, str]
    format: int = FORMAT


def identity(settings: Mapping[str, Any]) -> str:
    """Sum up what is not a file: the profile, the vars, dbt's own version."""
    versions = [version("dbt-core"), version("dbt-duckdb")]
    return _digest(json.encode([versions, settings], order="sorted"))


def take(
    project_dir: Path, identity: str, *, environ: Mapping[str, str] = os.environ
) -> Fingerprint:
    """Read the whole project as it is now. Take it before parsing, not after."""
    roots = _roots(project_dir)
    names: set[str] = set()
    files = {}
    for path, stat in _files(project_dir, roots):
        content = Path(path).read_bytes()
        files[path] = Seen(stat, _digest(content), time.time_ns())
        names.update(name.decode() for name in ENV_VAR.findall(content))
    env = {name: _env_digest(environ, name) for name in sorted(names)}
    return Fingerprint(identity, roots, _packages(project_dir), files, env)


def store(fingerprint: Fingerprint, path: Path) -> None:
    make_private_folder(path.parent)
    aside = path.with_suffix(".new")
    aside.write_bytes(json.encode(fingerprint))
    aside.replace(path)


def matches(
    path: Path,
    project_dir: Path,
    identity: str,
    *,
    environ: Mapping[str, str] = os.environ,
) -> bool:
    """Say whether the project is as the fingerprint in this file found it."""
    try:
        old = json.decode(path.read_bytes(), type=Fingerprint)
    except (OSError, DecodeError, ValidationError):
        return False
    same = (
        old.format == FORMAT
        and old.identity == identity
        and old.packages == _packages(project_dir)
        and all(_env_digest(environ, name) == was for name, was in old.env.items())
    )
    return same and _same_files(path, old, project_dir)


def _same_files(path: Path, old: Fingerprint, project_dir: Path) -> bool:
    now = dict(_files(project_dir, old.roots))
    if now.keys() != old.files.keys():
        return False
    unsure = [name for name, stat in now.items() if not _settled(old.files[name], stat)]
    if not all(_file_digest(name) == old.files[name].digest for name in unsure):
        return False
    if unsure:
        at_ns = time.time_ns()
        read = {name: Seen(now[name], old.files[name].digest, at_ns) for name in unsure}
        store(_with_files(old, {**old.files, **read}), path)
    return True


def _with_files(old: Fingerprint, files: dict[str, Seen]) -> Fingerprint:
    return Fingerprint(old.identity, old.roots, old.packages, files, old.env)


def _settled(seen: Seen, stat: Stat) -> bool:
    return seen.stat == stat and seen.at_ns - max(stat[1:]) > SETTLED_NS


def _roots(project_dir: Path) -> list[str]:
    """List the folders that dbt parses, local packages among them."""
    try:
        project = read_yml(project_dir / "dbt_project.yml")
    except (OSError, ConfigError):
        return ["."]
    if not isinstance(project, dict):
        return ["."]
    named = [
        str(folder)
        for key, default in PATHS.items()
        for folder in _as_list(project.get(key, default))
    ]
    # A path written in Jinja is known to dbt alone: then everything is watched.
    roots = ["."] if any("{{" in folder for folder in named) else named
    return [*dict.fromkeys(roots), *_local_packages(project_dir)]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _packages(project_dir: Path) -> list[str]:
    try:
        return sorted(each.name for each in (project_dir / PACKAGES).iterdir())
    except OSError:
        return []


def _local_packages(project_dir: Path) -> Iterator[str]:
    """Give the folders behind `packages: - local: ...`, edited in place."""
    for name in _packages(project_dir):
        folder = project_dir / PACKAGES / name
        if folder.is_symlink():
            yield str(folder.resolve())


def _files(project_dir: Path, roots: Iterable[str]) -> Iterator[tuple[str, Stat]]:
    for name in PROJECT_FILES:
        path = project_dir / name
        if path.is_file():
            yield str(path), _stat(path.stat())
    for root in roots:
        yield from _walk(str(project_dir / root), _skipped(project_dir))


def _skipped(project_dir: Path) -> Callable[[str], bool]:
    """Leave out what dbt itself writes while it parses and builds."""
    written = {str(project_dir / name) for name in ("target", PACKAGES, "logs")}
    return lambda path: (
        path in written or os.path.basename(path) == "__pycache__"  # noqa: PTH119
    )


def _walk(folder: str, skip: Callable[[str], bool]) -> Iterator[tuple[str, Stat]]:
    # os.scandir with strings: four times as fast as Path.walk and Path.stat.
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or skip(entry.path):
            continue
        if entry.is_dir():
            yield from _walk(entry.path, skip)
        elif entry.is_file():  # neither a broken link nor a pipe
            yield entry.path, _stat(entry.stat())


def _stat(stat: os.stat_result) -> Stat:
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _file_digest(path: str) -> str:
    return _digest(Path(path).read_bytes())


def _env_digest(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    return "" if value is None else _digest(value.encode())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
