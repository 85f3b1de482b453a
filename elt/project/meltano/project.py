"""A Meltano project as one elt.toml, with a report of what became of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elt.project.load import check_text
from elt.project.locate import KeyPath
from elt.project.meltano import targets
from elt.project.meltano.plan import Plan, Tables, decide
from elt.project.meltano.plugins import Resolved, resolve
from elt.project.meltano.report import Report
from elt.project.meltano.source import Source
from elt.project.meltano.taps import (
    Work,
    config_table,
    plain_name,
    program_table,
    say_what_is_left,
    selection,
    stream_tables,
)
from elt.project.meltano.telling import say
from elt.project.meltano.variables import Variables, variable_of
from elt.project.toml_text import table_text

_HEADER = """\
# Taken over from meltano.yml by `elt import meltano`. After a change: `elt check`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """`taps` are elt's names by Meltano's; `missing` are variables that nobody set.

    `continued` are taps whose rows stay where they are, so that their state counts.
    """

    text: str
    report: Report
    taps: Mapping[str, str]
    continued: frozenset[str]
    missing: frozenset[str]


def import_project(source: Source, into: Path, *, to_warehouse: bool) -> Imported:
    """Write the elt.toml of a Meltano project, as text.

    With `to_warehouse`, all taps load into DuckDB, whatever loaders they had. Raises
    ConfigErrors when what comes out is no elt.toml.
    """
    plan = decide(source, into, to_warehouse=to_warehouse)
    base = _tables(plan, None)
    overlays = {name: _tables(plan, name) for name in source.environments}
    text = _text(plan, base, overlays)
    check_text(text, is_written=False)
    say(plan, base)
    return Imported(
        text=text,
        report=plan.report,
        taps=plan.taps,
        continued=_continued(plan, base),
        missing=frozenset(plan.missing - plan.report.secrets.keys()),
    )


def _continued(plan: Plan, base: Tables) -> frozenset[str]:
    is_there = (plan.move.into / base["warehouse"]["path"]).exists()
    taps = base.get("taps", {}).items()
    return frozenset(name for name, table in taps if is_there or "target" in table)


def _tables(plan: Plan, environment: str | None) -> Tables:
    """Write all tables as they are in one environment."""
    work = _work(plan, environment)
    tables: Tables = {"warehouse": _warehouse(plan, work), "taps": {}, "targets": {}}
    for plugin in plan.source.of_kind("extractors"):
        tap = resolve(plan.source, plugin, environment)
        loader = _loader(plan, plugin.name, environment)
        inner = _with_variables(work, _of_tap(tap, work, loader))
        tables["taps"][plan.taps[plugin.name]] = _tap(plan, tap, loader, inner)
        if loader is not None:
            name = _target_name(plan, loader, plugin.name)
            table = targets.target_table(loader, inner)
            tables["targets"].setdefault(name, table)
    dbt = targets.dbt_plugin(plan.source)
    if dbt is not None and plan.has_warehouse:
        table_of_dbt = targets.transform_table(
            resolve(plan.source, dbt, environment), work
        )
        tables |= {"transform": table_of_dbt} if table_of_dbt else {}
    return {key: value for key, value in tables.items() if value}


def _tap(plan: Plan, tap: Resolved, loader: Resolved | None, work: Work) -> Tables:
    table: Tables = program_table(tap, work)
    if loader is not None:
        table["target"] = _target_name(plan, loader, tap.name)
    table["select"] = selection(tap)
    if loader is None:
        ours = _duckdb_loader(plan, work.environment)
        schema = targets.schema_of(tap, ours, work)
        table["schema"] = schema
    table["tags"] = [job.tag for job in plan.jobs if tap.name in job.taps]
    table["config"] = config_table(tap, work)
    table["streams"] = stream_tables(tap, work)
    say_what_is_left(tap, plan.report)
    return {key: value for key, value in table.items() if value not in ([], {})}


def _loader(plan: Plan, tap: str, environment: str | None) -> Resolved | None:
    name = plan.loaders.get(tap)
    if name is None:
        return None
    return resolve(plan.source, plan.source.plugins["loaders", name], environment)


def _target_name(plan: Plan, loader: Resolved, tap: str) -> str:
    """Name a target; one whose settings speak of the tap is there for each tap."""
    name = plain_name(loader.name)
    users = [each for each, used in plan.loaders.items() if used == loader.name]
    if len(users) > 1 and targets.needs_the_tap(loader):
        return f"{name}-{plan.taps[tap]}"
    return name


def _duckdb_loader(plan: Plan, environment: str | None) -> Resolved | None:
    loaders = (
        resolve(plan.source, plugin, environment)
        for plugin in plan.source.of_kind("loaders")
    )
    return next((each for each in loaders if targets.is_duckdb(each)), None)


def _warehouse(plan: Plan, work: Work) -> Tables:
    """Say where the DuckDB file is: the loader knows, else dbt."""
    dbt = targets.dbt_plugin(plan.source)
    plugins = [_duckdb_loader(plan, work.environment)]
    if dbt is not None and "duckdb" in dbt.name:
        plugins.append(resolve(plan.source, dbt, work.environment))
    for plugin in plugins:
        path = targets.duckdb_path(plugin, work) if plugin else None
        if path:
            return {"path": path}
    return {"path": targets.DEFAULT_PATH}


def _work(plan: Plan, environment: str | None) -> Work:
    source = plan.source
    env = dict(source.env) | _env_of(source.environments.get(environment or "", {}))
    root = "." if plan.move.is_in_place else str(source.root)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    known = {
        "MELTANO_PROJECT_ROOT": root,
        "MELTANO_SYS_DIR_ROOT": f"{root}/.meltano",
        "MELTANO__PYTHON_VERSION": python,
        "MELTANO_ENVIRONMENT": environment or source.default_environment,
    }
    variables = Variables(known | env, source.dotenv, plan.missing, plan.short)
    prefixes = {variable_of(name) for _, name in source.plugins}
    return Work(
        move=plan.move,
        report=plan.report,
        variables=variables,
        prefixes=frozenset(prefixes),
        environment=environment,
    )


def _env_of(overlay: Mapping[str, Any]) -> dict[str, str]:
    env = overlay.get("env") or {}
    return {str(key): str(value) for key, value in env.items() if value is not None}


def _of_tap(tap: Resolved, work: Work, loader: Resolved | None) -> dict[str, str]:
    """Give the variables that Meltano sets for a tap and for what loads it."""
    known = {
        **_env_of(tap.told),
        "MELTANO_EXTRACTOR_NAME": tap.name,
        "MELTANO_EXTRACTOR_NAMESPACE": tap.namespace,
    }
    schema = str(tap.own("load_schema") or tap.namespace)
    known["MELTANO_EXTRACT__LOAD_SCHEMA"] = work.variables.plain(schema)
    if loader is not None:
        known["MELTANO_LOADER_NAME"] = loader.name
        known["MELTANO_LOADER_NAMESPACE"] = loader.namespace
    return known


def _with_variables(work: Work, known: Mapping[str, str]) -> Work:
    old = work.variables
    variables = replace(old, known={**old.known, **known})
    return replace(work, variables=variables)


def _text(plan: Plan, base: Tables, overlays: Mapping[str, Tables]) -> str:
    name = plan.move.into.name or "project"
    parts = [_HEADER, table_text(["project"], {"name": name})]
    for path, table, above in _parts(plan, base):
        parts.append(table_text([str(p) for p in path], table, above=above))
    for environment, tables in overlays.items():
        difference = _difference(tables, base)
        parts.append(
            table_text(
                ["environments", environment],
                difference,
                above={} if difference else {(): "As without an environment"},
            )
        )
    return "\n".join(parts)


def _parts(
    plan: Plan, base: Tables
) -> Iterator[tuple[KeyPath, Tables, dict[tuple[str, ...], str]]]:
    by_name = {ours: theirs for theirs, ours in plan.taps.items()}
    yield ("warehouse",), base["warehouse"], {}
    for name, table in base.get("taps", {}).items():
        yield ("taps", name), table, {(): f"{by_name[name]} of meltano.yml"}
    for name, table in base.get("targets", {}).items():
        above = "Without `target` in its table, a tap loads into the warehouse"
        yield ("targets", name), table, {(): above}
    if "transform" in base:
        yield ("transform",), base["transform"], {}


def _difference(tables: Tables, base: Tables) -> Tables:
    """Give what an environment has and the base has not."""
    found: Tables = {}
    for key, value in tables.items():
        old = base.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            inner = _difference(value, old)
            if inner:
                found[key] = inner
        elif value != old:
            found[key] = value
    return found
