"""What elt tells dbt: loaded tables as sources, syncs as exposures.

Both are files in the dbt project, so that plain `dbt` knows them too. They are written
only when they would change: each change costs a parse.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from elt.errors import ConfigError
from elt.project.atomic import make_folder, write_whole
from elt.project.sync_settings import SyncTable
from elt.transform.yml import read_yml, yml_text

FOLDER = "_elt_sources"
LOADED_AT = "_elt_loaded_at"
HEADER = (
    "# Written by elt after a load; edits are lost. `write_sources = false` under\n"
)
HEADER += "# [transform] in elt.toml stops it.\n"

TableName = tuple[str, str]  # schema and table, case folded


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a loaded table, as DuckDB has it."""

    name: str
    type: str
    description: str = ""


def write_sources(
    project_dir: Path,
    tap: str,
    schema: str,
    tables: Mapping[str, Sequence[Column]],
    *,
    max_ages: Mapping[str, float] | None = None,
) -> Path | None:
    """Write `models/_elt_sources/<tap>.yml`: one source, named as the schema.

    Tables that the user's own files declare are left out, and the file goes when
    none is left. `max_ages` are seconds, by table, for `dbt source freshness`. Gives
    the path if the file changed.
    """
    path = _folder(project_dir) / f"{tap}.yml"
    declared = set(_declared(project_dir, path))
    ours = {
        table: columns
        for table, columns in sorted(tables.items())
        if (schema.casefold(), table.casefold()) not in declared
    }
    if not ours:
        return _remove(path)
    source = {
        "name": schema,
        "description": f"Loaded by elt from the tap `{tap}`.",
        "schema": schema,
        "tables": [
            _table(table, columns, (max_ages or {}).get(table))
            for table, columns in ours.items()
        ],
    }
    return _write(path, {"version": 2, "sources": [source]})


def write_exposures(
    project_dir: Path, syncs: Mapping[str, SyncTable], models: Collection[str]
) -> Path | None:
    """Write `models/_elt_sources/_syncs.yml`: each sync as an exposure of its model.

    A sync of something that is not among `models` is left out: dbt would refuse the
    project. Gives the path if the file changed.
    """
    path = _folder(project_dir) / "_syncs.yml"
    exposures = [
        _exposure(name, sync)
        for name, sync in sorted(syncs.items())
        if sync.model in models
    ]
    if not exposures:
        return _remove(path)
    return _write(path, {"version": 2, "exposures": exposures})


def source_names(project_dir: Path) -> list[str]:
    """Give all sources that the project declares, as `source.table`."""
    return [
        f"{source.get('name')}.{table.get('name')}"
        for content in _files_of_sources(project_dir)
        for source in _list(content, "sources")
        for table in _list(source, "tables")
    ]


def is_written_by_elt(path: str) -> bool:
    """Say whether a file of the dbt project, as a manifest names it, is one of ours."""
    return FOLDER in PurePosixPath(path).parts


def _table(
    table: str, columns: Sequence[Column], max_age_seconds: float | None
) -> dict[str, Any]:
    described = [
        {"name": column.name, "data_type": column.type}
        | ({"description": column.description} if column.description else {})
        for column in columns
    ]
    config = {} if max_age_seconds is None else {"config": _fresh(max_age_seconds)}
    return {"name": table, **config, "columns": described}


def _fresh(max_age_seconds: float) -> dict[str, Any]:
    """Say to dbt how old rows may be; dbt knows no seconds and no fractions."""
    count, period = math.ceil(max_age_seconds / 60), "minute"
    for size, longer in ((1440, "day"), (60, "hour")):
        if count % size == 0:
            count, period = count // size, longer
            break
    after = {"count": count, "period": period}
    return {"loaded_at_field": LOADED_AT, "freshness": {"error_after": after}}


def _exposure(name: str, sync: SyncTable) -> dict[str, Any]:
    place = f"`{sync.object}` in `{sync.destination}`"
    return {
        "name": "".join(each if each.isalnum() else "_" for each in name),
        "label": name,
        "type": "application",
        "description": f"elt sends it to {place}, mode `{sync.mode}`.",
        "depends_on": [f"ref('{sync.model}')"],
        "owner": {"name": "elt"},
    }


def _declared(project_dir: Path, own: Path) -> Iterator[TableName]:
    """Find the tables that other files of the project declare as sources."""
    for content in _files_of_sources(project_dir, but=own):
        yield from _declared_in(content)


def _files_of_sources(project_dir: Path, but: Path | None = None) -> Iterator[Any]:
    for folder in model_folders(project_dir):
        for path in sorted(folder.rglob("*.y*ml")):
            if path == but or b"sources:" not in path.read_bytes():
                continue
            with suppress(ConfigError):  # dbt will say so, and better
                yield read_yml(path)


def _declared_in(content: Any) -> Iterator[TableName]:
    for source in _list(content, "sources"):
        schema = str(source.get("schema") or source.get("name"))
        for table in _list(source, "tables"):
            name = table.get("identifier") or table.get("name")
            yield schema.casefold(), str(name).casefold()
            # The name counts too: dbt refuses two sources of one name.
            yield str(source.get("name")).casefold(), str(table.get("name")).casefold()


def _list(content: Any, key: str) -> list[dict[str, Any]]:
    values = content.get(key) if isinstance(content, dict) else None
    return [each for each in values or () if isinstance(each, dict)]


def _folder(project_dir: Path) -> Path:
    return model_folders(project_dir)[0] / FOLDER


def model_folders(project_dir: Path) -> list[Path]:
    """Give the folders that dbt looks for models in, the first one for new files."""
    project = read_yml(project_dir / "dbt_project.yml")
    named = project.get("model-paths") if isinstance(project, dict) else None
    return [project_dir / str(folder) for folder in named or ["models"]]


def _write(path: Path, content: dict[str, Any]) -> Path | None:
    text = HEADER + yml_text(content)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return None
    make_folder(path.parent)
    write_whole(path, text)
    return path


def _remove(path: Path) -> Path | None:
    if not path.exists():
        return None
    path.unlink()
    return path
