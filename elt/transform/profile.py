"""The profile with which dbt opens our warehouse, written from `[warehouse]`."""

from __future__ import annotations

import os
from ast import literal_eval
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elt.errors import ConfigError
from elt.project.atomic import make_private_folder
from elt.project.settings import Project
from elt.transform.yml import read_yml, yml_text

PROFILES = "profiles.yml"

# Dates are cut where loads and syncs cut them, on every machine.
SETTINGS = {"TimeZone": "UTC"}


def write_profile(folder: Path, project: Project, duckdb: Mapping[str, Any]) -> str:
    """Write `profiles.yml` for this environment; give the profile's name.

    `duckdb` is `[warehouse.dbt]` with its secrets resolved; so only the owner may
    read the file. dbt's target has the environment's name.
    """
    name = profile_name(project)
    profile = {
        name: {
            "target": project.environment,
            "outputs": {project.environment: output(project, duckdb)},
        }
    }
    text = yml_text(as_text(profile))
    _write_private(folder / PROFILES, f"# Written by elt from elt.toml.\n{text}")
    return name


def output(project: Project, duckdb: Mapping[str, Any]) -> dict[str, Any]:
    """Give one target of the profile, in dbt-duckdb's words."""
    transform = project.file.transform
    optional = {key: value for key, value in duckdb.items() if value}
    return {
        "type": "duckdb",
        "path": str(project.warehouse_path.absolute()),
        "schema": "main" if transform is None else transform.schema,
        "threads": 1 if transform is None else transform.threads,
        **optional,
        "settings": SETTINGS | dict(duckdb.get("settings") or {}),
    }


def profile_name(project: Project) -> str:
    """Read which profile the dbt project asks for.

    Raises ConfigError when the folder is no dbt project.
    """
    assert project.transform_dir is not None  # noqa: S101  there is a `[transform]`
    path = project.transform_dir / "dbt_project.yml"
    try:
        declared = read_yml(path)
    except OSError as error:
        raise ConfigError(
            "there is no dbt project",
            where=str(path),
            hint="Set `project_dir` under `[transform]` to the folder that has one",
        ) from error
    name = declared.get("profile") if isinstance(declared, dict) else None
    return name if isinstance(name, str) and "{{" not in name else "elt"


def as_text(value: Any) -> Any:
    """Keep dbt from reading text as Jinja, or as a number: it renders profiles."""
    match value:
        case dict():
            return {key: as_text(inner) for key, inner in value.items()}
        case list():
            return [as_text(inner) for inner in value]
        case str() if "{" in value or _is_python(value):
            return "{{ " + repr(value) + " | as_text }}"
        case _:
            return value


def _is_python(text: str) -> bool:
    try:
        literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _write_private(path: Path, text: str) -> None:
    make_private_folder(path.parent)
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    opened = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        file.write(text)
    aside.replace(path)
