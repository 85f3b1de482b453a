"""What `elt check` asks of the config of a tap that comes with elt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from elt.errors import ConfigError, ConfigErrors

if TYPE_CHECKING:
    from elt.plugins import Plugin
    from elt.project.locate import KeyPath
    from elt.project.settings import Project
    from elt.taps.rest.tap import RestTap


def check_built_in(project: Project, tap: str, config: Mapping[str, Any]) -> None:
    """Raise ConfigError, with its line, for what the tap would not take."""
    import msgspec

    from elt.plugins import find

    plugin = find("tap", project.file.taps[tap].plugin or "", project.root)
    check = _check_of(plugin) if plugin.origin == "built in" else None
    if check is None:
        return
    try:
        check(msgspec.to_builtins(config))  # dates are texts when the tap reads them
    except ConfigErrors as errors:
        placed = [_placed(project, tap, error) for error in errors.errors]
        raise ConfigErrors(placed) from errors
    except ConfigError as error:
        raise _placed(project, tap, error) from error


def flaw_of(project: Project, tap: str) -> ConfigError | None:
    """Give what a tap would not take of its config, where its secrets are known."""
    from elt.project.secrets import Secrets

    table, secrets = project.file.taps[tap], Secrets(project.root)
    if table.plugin is None:
        return None
    try:
        config = secrets.resolve(table.config, project.where("taps", tap))
    except ConfigError:
        return None
    try:
        with secrets.kept_out_of_errors():
            check_built_in(project, tap, config)
    except ConfigError as error:
        return error
    return None


def _check_of(plugin: Plugin) -> Callable[[Mapping[str, Any]], None] | None:
    match plugin.name:
        case "events":
            from elt.taps.events.settings import check

            return check
        case "files":
            from elt.taps.files.settings import check as check_files

            return check_files
        case "github" | "hubspot" | "recurly" | "rest" | "stripe":
            return _tap_of_api(plugin.target).check
        case _:
            return None


def _tap_of_api(target: str) -> type[RestTap]:
    from pkgutil import resolve_name

    found: type[RestTap] = resolve_name(target)
    return found


def _placed(project: Project, tap: str, error: ConfigError) -> ConfigError:
    where = _where(project, tap, error.what)
    return ConfigError(error.what, where=where, hint=error.hint)


def _where(project: Project, tap: str, what: str) -> str:
    """Find the line of the key that a message names, else that of the config."""
    from elt.project.settings import place

    quoted = re.findall(r"`([^`]+)`", what)
    named = {*quoted, *(part for text in quoted for part in text.split("."))}
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
