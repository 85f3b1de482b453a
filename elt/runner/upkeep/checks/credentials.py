"""Secrets: what is referred to and not there, and who else can read what is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from elt.errors import ConfigError, ConfigErrors
from elt.project.settings import Project
from elt.runner.upkeep.finding import Finding, Subject

AREA = "secrets"
_FILE = re.compile(r"(?<!\$)\$\{file:([^{}]+)\}")
_ANY = re.compile(r"(?<!\$)\$\{(?:env|file):")
_FOR_OTHERS = 0o077


def look(subject: Subject) -> Iterator[Finding]:
    project, secrets = subject.project, subject.secrets
    if project is None or secrets is None:
        return
    referred = 0
    missing = 0
    for where, config in _configs(project):
        referred += sum(len(_ANY.findall(text)) for text in _texts(config))
        yield from _readable_by_others(project.root, where, config)
        try:
            secrets.resolve(config, where)
        except ConfigError as error:
            for each in error.errors if isinstance(error, ConfigErrors) else (error,):
                missing += 1
                yield Finding("problem", AREA, each.what, where, each.hint or "")
    if not missing:
        many = "1 is" if referred == 1 else f"{referred or 'none'} are"
        yield Finding("ok", AREA, f"{many} referred to, and none is missing")


def _configs(project: Project) -> Iterator[tuple[str, Mapping[str, Any]]]:
    file = project.file
    groups: dict[str, Mapping[str, Any]] = {
        "taps": file.taps,
        "targets": file.targets,
        "destinations": file.destinations,
    }
    for group, declared in groups.items():
        for name, table in declared.items():
            yield project.where(group, name, "config"), table.config
    for name, tap in file.taps.items():
        if tap.hash_salt is not None:
            yield project.where("taps", name), {"hash_salt": tap.hash_salt}
    dbt = file.warehouse.dbt
    named = {each: getattr(dbt, each) for each in dbt.__struct_fields__}
    yield project.where("warehouse", "dbt"), named


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for below in value.values():
                yield from _texts(below)
        case list() | tuple():
            for below in value:
                yield from _texts(below)
        case _:
            pass


def _readable_by_others(
    root: Path, where: str, config: Mapping[str, Any]
) -> Iterator[Finding]:
    for text in _texts(config):
        for name in _FILE.findall(text):
            path = root / Path(name).expanduser()
            if path.is_file() and path.stat().st_mode & _FOR_OTHERS:
                yield Finding(
                    "warning",
                    AREA,
                    f"the secret's file `{name}` can be read by other users of this"
                    " machine",
                    where,
                    f"chmod 600 {path}",
                )
