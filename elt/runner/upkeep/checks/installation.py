"""elt itself: versions, and packages that do not go together."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version

from elt.runner.store.database import OLDEST_SQLITE
from elt.runner.upkeep.finding import Finding, Subject

AREA = "installation"
_OURS = "elt-toolkit"
_SHOWN = ("duckdb", "dbt-core", "dbt-duckdb", "singer-sdk")


def look(_subject: Subject) -> Iterator[Finding]:
    python = platform.python_version()
    versions = [f"elt {version(_OURS)}", f"Python {python}"]
    versions += [f"{name} {found}" for name in _SHOWN if (found := _version(name))]
    wanted = distribution(_OURS).metadata["Requires-Python"]
    if not _allows(wanted, python):
        yield Finding(
            "problem",
            AREA,
            f"this is Python {python}, and elt needs {wanted}",
            fix="Install elt into an environment of a supported Python",
        )
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        yield Finding(
            "problem",
            AREA,
            f"this Python has SQLite {sqlite3.sqlite_version}; elt needs 3.37 or newer",
            fix="Use a Python from python.org, uv or your system's newer release",
        )
    conflicts = list(_conflicts())
    yield from conflicts
    if not conflicts:
        yield Finding("ok", AREA, ", ".join(versions))


def _conflicts() -> Iterator[Finding]:
    """Follow what elt needs, and what that needs, and compare with what is there."""
    from packaging.requirements import Requirement  # noqa: PLC0415  dbt brings it

    seen: set[tuple[str, str]] = set()
    waiting = [(_OURS, "")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for text in distribution(name).requires or ():
            needed = Requirement(text)
            if needed.marker and not needed.marker.evaluate({"extra": extra}):
                continue
            found = _version(needed.name)
            if found is None or not needed.specifier.contains(found, prereleases=True):
                yield _conflict(name, needed.name, str(needed.specifier), found)
            if found is not None:
                waiting += [(needed.name, each) for each in ("", *needed.extras)]


def _conflict(by: str, name: str, wanted: str, found: str | None) -> Finding:
    state = f"is {found}" if found else "is not installed"
    needs = f"needs {wanted}" if wanted else "needs it"
    return Finding(
        "problem",
        AREA,
        f"`{name}` {state}, and {by} {needs}",
        fix=f'pip install "{name}{wanted}"',
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _allows(wanted: str | None, python: str) -> bool:
    from packaging.specifiers import SpecifierSet  # noqa: PLC0415

    return SpecifierSet(wanted or "").contains(python, prereleases=True)
