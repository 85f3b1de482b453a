"""What of a project is a package: of which kind, asked for how, kept where."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from elt.errors import ConfigError
from elt.project.settings import Project
from elt.singer.locks import Lock, read_lock
from elt.singer.requirements import Spec, parse_spec

Kind = Literal["tap", "target"]
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A tap's or target's `package`, and where things of it lie.

    `folder` takes its environments, `lock` is the committed file with its versions.
    """

    kind: Kind
    name: str
    spec: Spec
    executable: str | None
    root: Path
    where: str
    folder: Path
    lock: Path
    asked_python: str | None = None  # a version, or the path of an interpreter

    @property
    def python(self) -> str:
        """The Python that it is made for, as people and locks name it."""
        return self.asked_python or PYTHON_VERSION

    @property
    def shown_lock(self) -> str:
        return str(self.lock.relative_to(self.root))

    def lock_in_force(self) -> Lock | None:
        """Read the lock; None where it is of another `package`, or not there."""
        lock = read_lock(self.lock)
        return lock if lock and lock.spec == self.spec.text else None


def package_of(project: Project, kind: Kind, name: str) -> Package | None:
    """Give the package of a tap or target; None where it has none.

    Raises ConfigError for a `package` that cannot be one.
    """
    group: Literal["taps", "targets"] = "taps" if kind == "tap" else "targets"
    table = getattr(project.file, group)[name]
    if table.package is None:
        return None
    where = project.where(group, name)
    try:
        spec = parse_spec(table.package, project.root)
    except ConfigError as error:
        raise ConfigError(error.what, where=where, hint=error.hint) from None
    laid_over = ("environments", project.environment, group, name, "package")
    suffix = f".{project.environment}" if laid_over in project.lines else ""
    return Package(
        kind=kind,
        name=name,
        spec=spec,
        executable=table.executable,
        root=project.root,
        where=where,
        folder=project.private_dir
        / "environments"
        / f"{spec.label}-{_key(spec, table.python)}",
        asked_python=table.python,
        lock=project.root / "locks" / f"{kind}.{name}{suffix}.txt",
    )


def packages_of(project: Project) -> list[Package]:
    """List the packages of all taps, then of all targets."""
    named: list[tuple[Kind, str]] = [("tap", name) for name in project.file.taps]
    named += [("target", name) for name in project.file.targets]
    found = (package_of(project, kind, name) for kind, name in named)
    return [package for package in found if package is not None]


def _key(spec: Spec, python: str | None) -> str:
    # Of the system too: several of them may see the folder of one project.
    machine = f"{sys.platform} {os.uname().machine} {sys.implementation.name}"
    text = f"{spec.text}\0{python or PYTHON_VERSION}\0{machine}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]
