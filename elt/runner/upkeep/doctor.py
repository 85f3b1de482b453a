"""A look at everything that a run will need, also where much of it is broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from elt.errors import ConfigError, ConfigErrors, EltError
from elt.project.load import find_root, load_project
from elt.project.secrets import Secrets
from elt.runner.upkeep.checks import (
    credentials,
    dbt_project,
    folders,
    installation,
    litter,
    programs,
    run_log,
    warehouse_file,
)
from elt.runner.upkeep.finding import Finding, Subject

Look = Callable[[Subject], Iterator[Finding]]

FILE_AREA = "elt.toml"

_LOOKS: tuple[tuple[str, Look], ...] = (
    (folders.AREA, folders.look),
    (credentials.AREA, credentials.look),
    (programs.AREA, programs.look),
    (dbt_project.AREA, dbt_project.look),
    (run_log.AREA, run_log.look),
    (warehouse_file.AREA, warehouse_file.look),
    (litter.AREA, litter.look),
)


def examine(
    folder: Path | None, environment: str | None = None, *, deep: bool = False
) -> Iterator[Finding]:
    """Give what was found, area by area; raises nothing.

    What is broken in one area keeps no other from being looked at. Nothing is changed
    and no network is used. `deep` also reads every table and imports dbt.
    """
    yield from _guarded(installation.AREA, installation.look, Subject(deep=deep))
    subject = Subject(deep=deep)
    for found in _read(folder, environment, deep=deep):
        if isinstance(found, Subject):
            subject = found
        else:
            yield found
    for area, look in _LOOKS:
        yield from _guarded(area, look, subject)


def _read(
    folder: Path | None, environment: str | None, *, deep: bool
) -> Iterator[Finding | Subject]:
    """Read elt.toml as far as that goes; the subject is what it came to."""
    try:
        root = find_root(folder or Path.cwd())
    except (EltError, OSError) as error:
        yield from _told(error)
        return
    try:
        project = load_project(root, environment)
    except (EltError, OSError) as error:
        yield from _told(error)
        yield Finding(
            "note",
            FILE_AREA,
            "secrets, plugins, dbt and the warehouse are looked at when it is right",
        )
        yield Subject(root=root, deep=deep)
        return
    named = f"project {project.name}, environment {project.environment}"
    yield Finding("ok", FILE_AREA, named)
    try:
        secrets = Secrets(root)
    except (EltError, OSError) as error:
        yield from _told(error, area=credentials.AREA)
        yield Subject(root=root, project=project, deep=deep)
        return
    yield Subject(root=root, project=project, secrets=secrets, deep=deep)


def _told(error: Exception, *, area: str = FILE_AREA) -> Iterator[Finding]:
    if not isinstance(error, EltError):
        yield Finding("problem", area, str(error))
        return
    errors = error.errors if isinstance(error, ConfigErrors) else (error,)
    for each in errors:
        yield Finding("problem", area, each.what, each.where or "", each.hint or "")


def _guarded(area: str, look: Look, subject: Subject) -> Iterator[Finding]:
    """Look, and make a finding even of what the look itself stumbles over."""
    scrub = subject.secrets.scrub if subject.secrets else str
    try:
        for found in look(subject):
            yield Finding(
                found.level,
                found.area,
                scrub(found.what),
                scrub(found.where),
                scrub(found.fix),
            )
    except ConfigError as error:
        yield from _told(error, area=area)
    except Exception as error:  # noqa: BLE001  whatever is broken, the rest is told
        yield Finding(
            "problem",
            area,
            f"could not be looked at: {scrub(str(error)) or type(error).__name__}",
            fix="If nothing else is wrong there, it is a bug of elt: please report it",
        )
