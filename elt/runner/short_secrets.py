"""Secrets with which nothing may run, told before anything does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from elt.errors import ConfigError, ConfigErrors
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.plan import Step


def refuse_short_secrets(
    project: Project, steps: Iterable[Step], secrets: Secrets
) -> None:
    """Raise ConfigError where a secret that a step needs is too short.

    One that is not set fails its step alone: another machine may have it.
    """
    errors: dict[str, ConfigError] = {}
    for step in steps:
        for path, config in _configs(project, step):
            for error in secrets.too_short(config, project.where(*path, "config")):
                errors.setdefault(str(error), error)
    found = [*errors.values()]
    if found:
        raise found[0] if len(found) == 1 else ConfigErrors(found)


def _configs(project: Project, step: Step) -> Iterator[tuple[tuple[str, str], Any]]:
    file, (kind, _, name) = project.file, step.id.partition(":")
    if kind == "tap":
        tap = file.taps[name]
        yield ("taps", name), tap.config
        if tap.target is not None:
            yield ("targets", tap.target), file.targets[tap.target].config
    elif kind == "sync":
        destination = file.syncs[name].destination
        yield ("destinations", destination), file.destinations[destination].config
