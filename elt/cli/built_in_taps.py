"""What `elt check` asks of the config of a tap that comes with elt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from elt.errors import ConfigError

if TYPE_CHECKING:
    from elt.project.locate import KeyPath
    from elt.project.settings import Project


def check_built_in(project: Project, tap: str, config: Mapping[str, Any]) -> None:
    """Raise ConfigError, with its line, for what the tap would not take."""
    import msgspec

    from elt.taps.events import settings as events
    from elt.taps.files import settings as files

    check = {"files": files.check, "events": events.check}.get(
        project.file.taps[tap].plugin or ""
    )
    if check is None:
        return
    try:
        check(msgspec.to_builtins(config))  # dates are texts when the tap reads them
    except ConfigError as error:
        where = _where(project, tap, error.what)
        raise ConfigError(error.what, where=where, hint=error.hint) from error


def _where(project: Project, tap: str, what: str) -> str:
    """Find the line of the key that a message names, else that of the config."""
    from elt.project.settings import place

    named = set(re.findall(r"`([^`]+)`", what))
    table: KeyPath = ("taps", tap, "config")
    tables = (("environments", project.environment, *table), table)
    found = [
        path
        for start in tables
        for path in project.lines
        if path[: len(start)] == start and named & set(path[len(start) :])
    ]
    best = max(found, key=lambda path: len(named & set(path)), default=table)
    return place(project.lines, table, best)
