"""dbt: whether its project is there, what it will need, and whether it was read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from elt.errors import EltError
from elt.runner.upkeep.finding import Finding, Subject
from elt.transform.manifest import read_manifest
from elt.transform.profile import profile_name
from elt.transform.setup import Setup

AREA = "dbt"
_PACKAGES = ("packages.yml", "dependencies.yml")
_IMPORT_TIMEOUT_SECONDS = 60.0


def look(subject: Subject) -> Iterator[Finding]:
    project = subject.project
    if project is None or project.file.transform is None:
        return
    yield from _adapter(deep=subject.deep)
    try:
        profile = profile_name(project)
    except EltError as error:
        yield Finding(
            "problem",
            AREA,
            error.what,
            f"{error.where}\n{project.where('transform')}",
            error.hint or "",
        )
        return
    setup = Setup(project)
    folder = setup.project_dir
    if _needs_packages(folder):
        yield Finding(
            "note",
            AREA,
            "its packages are not installed; the next run does that, with a network",
            str(folder),
            "elt dbt deps",
        )
    yield from _manifest(setup, profile)


def _adapter(*, deep: bool) -> Iterator[Finding]:
    try:
        version("dbt-duckdb")
    except PackageNotFoundError:
        return  # told with the installation
    if not deep:
        return
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import dbt.cli.main, dbt.adapters.duckdb"],
        capture_output=True,
        text=True,
        check=False,
        timeout=_IMPORT_TIMEOUT_SECONDS,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
        yield Finding(
            "problem",
            AREA,
            f"dbt cannot be imported: {said}",
            fix="pip install --force-reinstall dbt-core dbt-duckdb",
        )
    else:
        yield Finding("ok", AREA, f"dbt-duckdb {version('dbt-duckdb')} can be imported")


def _needs_packages(folder: Path) -> bool:
    asked = any("packages:" in _text(folder / name) for name in _PACKAGES)
    return asked and not (folder / "dbt_packages").is_dir()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _manifest(setup: Setup, profile: str) -> Iterator[Finding]:
    folder = setup.project_dir
    if not setup.manifest_path.exists():
        yield Finding(
            "note", AREA, "its project was never parsed here", str(folder), "elt check"
        )
        return
    try:
        manifest = read_manifest(setup.manifest_path)
    except EltError as error:
        yield Finding(
            "warning", AREA, error.what, error.where or "", f"rm {setup.manifest_path}"
        )
        return
    if not setup.is_fresh():
        yield Finding(
            "note",
            AREA,
            "its project changed since it was parsed; the next run parses it",
            str(folder),
            "elt check",
        )
        return
    models = sum(node.kind == "model" for node in manifest.nodes.values())
    counted = f"{models} model{'s' * (models != 1)}"
    yield Finding("ok", AREA, f"profile `{profile}`, {counted}, parsed")
