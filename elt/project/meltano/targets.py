"""Loaders as the warehouse or as `[targets]`; dbt as `[transform]`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from elt.project.meltano.plugins import Resolved
from elt.project.meltano.source import Plugin, Source
from elt.project.meltano.taps import Work, config_table, program_table

DEFAULT_PATH = "warehouse.duckdb"
_FILE_SETTINGS = ("filepath", "path", "database")
_OF_THE_TAP = ("MELTANO_EXTRACT", "MELTANO_LOAD__")


def is_duckdb(loader: Resolved) -> bool:
    names = [loader.name, loader.namespace, str(loader.told.get("pip_url") or "")]
    return any("duckdb" in name.lower() for name in names)


def loaders_of(source: Source) -> dict[str, list[str]]:
    """Say which loaders each extractor is run with, as jobs and schedules tell."""
    found: dict[str, list[str]] = {}
    for tap, loader in _pairs(source):
        loaders = found.setdefault(tap, [])
        if loader not in loaders:
            loaders.append(loader)
    return found


def tasks_of(job: Mapping[str, Any]) -> list[list[str]]:
    """Give the words of each task of a job."""
    tasks = job.get("tasks") or []
    entries = tasks if isinstance(tasks, list) else [tasks]
    return [
        each.split() if isinstance(each, str) else [str(word) for word in each]
        for each in entries
        if isinstance(each, str | list)
    ]


def duckdb_path(plugin: Resolved, work: Work) -> str | None:
    """Give the DuckDB file of a loader, or of dbt, if it says one."""
    path = next((plugin.config[s] for s in _FILE_SETTINGS if plugin.config.get(s)), "")
    text = work.variables.plain(str(path))
    if text.startswith(("md:", ":memory:")) or "$" in text:
        work.report.leave(
            f"{plugin.name}: the database `{text}`",
            f"elt loads into the file `{DEFAULT_PATH}`; see [warehouse]",
        )
        return None
    return work.move.path(text).removeprefix("./") or None


def target_table(loader: Resolved, work: Work) -> dict[str, Any]:
    table = program_table(loader, work)
    config = config_table(loader, work)
    return {**table, "config": config} if config else table


def needs_the_tap(loader: Resolved) -> bool:
    """Tell whether a loader's settings differ by the tap that it loads."""
    text = json.dumps(loader.config, default=str)
    return any(name in text for name in _OF_THE_TAP)


def schema_of(tap: Resolved, loader: Resolved | None, work: Work) -> str:
    """Say into which schema a tap loads: the name that dbt's sources know."""
    own = str(tap.own("load_schema") or "$MELTANO_EXTRACTOR_NAMESPACE")
    told = loader.config.get("default_target_schema") if loader else None
    text = work.variables.plain(str(told or own))
    return text if "$" not in text else tap.name.replace("-", "_")


def dbt_plugin(source: Source) -> Plugin | None:
    plugins = source.of_kind("utilities", "transformers")
    return next((p for p in plugins if p.name.split("-")[0] == "dbt"), None)


def transform_table(dbt: Resolved, work: Work) -> dict[str, Any] | None:
    """Say where the dbt project is, None where there is none."""
    config = dbt.config
    told = str(config.get("project_dir") or "transform")
    folder = work.variables.plain(told)
    if not (work.move.root / folder / "dbt_project.yml").is_file():
        return None
    table: dict[str, Any] = {"project_dir": _relative(folder, work)}
    schema = config.get("schema") or config.get("target_schema")
    if schema and "$" not in str(schema):
        table["schema"] = str(schema)
    return table


def _relative(folder: str, work: Work) -> str:
    path = Path(folder)
    here = path.is_absolute() or work.move.is_in_place
    text = str(path) if here else str(work.move.root / path)
    return text.removeprefix("./") or "."


def _pairs(source: Source) -> Iterator[tuple[str, str]]:
    extractors = {plugin.name for plugin in source.of_kind("extractors")}
    loaders = {plugin.name for plugin in source.of_kind("loaders")}
    for job in source.jobs:
        for words in tasks_of(job):
            yield from _pairs_of(words, extractors, loaders)
    for schedule in source.schedules:
        words = [str(schedule.get(key) or "") for key in ("extractor", "loader")]
        yield from _pairs_of(words, extractors, loaders)


def _pairs_of(
    words: list[str], extractors: set[str], loaders: set[str]
) -> Iterator[tuple[str, str]]:
    """Read a task: a loader takes what the extractor before it writes."""
    tap: str | None = None
    for word in words:
        if word in extractors:
            tap = word
        elif word in loaders and tap is not None:
            yield tap, word
            tap = None
