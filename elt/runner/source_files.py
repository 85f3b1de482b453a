"""What dbt is told of the tables that the taps load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from elt.errors import ConfigError
from elt.project.settings import Project
from elt.runner.discovery import stream_settings
from elt.runner.max_ages import max_age_of_stream
from elt.runner.stream_plans import stream_tables
from elt.singer.catalog import Stream, selected_streams
from elt.targets import columns as targets
from elt.targets.columns import table_name
from elt.transform.sources import Column, write_sources


def write_source_files(
    project: Project, catalogs: Mapping[str, Mapping[str, Any]]
) -> None:
    """Tell dbt of the tables that the taps load, before it looks for them."""
    transform = project.file.transform
    if transform is None or not transform.write_sources:
        return
    assert project.transform_dir is not None  # noqa: S101
    if not project.transform_dir.is_dir():
        raise ConfigError(
            "the dbt project does not exist",
            where=str(project.transform_dir),
            hint="Set `project_dir` in [transform], or run `dbt init` there",
        )
    for tap, catalog in catalogs.items():
        if project.file.taps[tap].target is not None:
            continue
        tables, max_ages = {}, {}
        for stream in selected_streams(catalog):
            own = stream_settings(project, tap, stream).table
            table = own or table_name(stream.name)
            max_age = max_age_of_stream(project, tap, (stream.id, stream.name))
            if max_age is not None:
                max_ages[table] = max_age
            for name, columns in stream_tables(project, tap, stream, table).items():
                tables[name] = _told(stream, columns)
        write_sources(
            project.transform_dir,
            tap,
            project.tap_schema(tap),
            tables,
            max_ages=max_ages,
        )


def _told(stream: Stream, columns: Iterable[targets.Column]) -> list[Column]:
    """Describe columns as the tap does; those that elt makes have no description."""
    properties = stream.schema.get("properties") or {}
    return [
        Column(column.name, column.type, _description(properties.get(column.property)))
        for column in columns
    ]


def _description(declared: object) -> str:
    match declared:
        case {"description": description}:
            return str(description)
        case _:
            return ""
