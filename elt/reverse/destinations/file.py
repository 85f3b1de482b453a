"""Files in a folder: CSV, JSON lines or Parquet; the whole model or what changed.

A file is written aside, made durable and renamed into place, its manifest last: who
sees a manifest with the file's hash sees a whole file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal

import duckdb
import msgspec

from elt.errors import ConfigError
from elt.project.sync_settings import SyncMode
from elt.reverse.destination import (
    Change,
    Column,
    Removed,
    Route,
    Traits,
    change_name,
    read_config,
)
from elt.reverse.payload import members
from elt.warehouse.dialect import literal, quote

Format = Literal["csv", "jsonl", "parquet"]
EXTENSIONS: dict[str, Format] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
FULL_MODES: frozenset[SyncMode] = frozenset(("upsert", "mirror"))
DELTA_MODES: frozenset[SyncMode] = frozenset(("upsert", "insert", "mirror", "append"))
OPERATION = Column(name="_op", type="VARCHAR")
LONGEST_ROW_BYTES = 256 * 1024 * 1024


class FileConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a file destination."""

    path: str  # a folder, from the project's own
    # `full`: the file is the model, replaced when something changed.
    # `changes`: one file a run, with a column `_op`: added, changed, removed.
    content: Literal["full", "changes"] = "full"
    format: Format | None = None  # where the extension does not tell


class FileDestination:
    """Writes a sync's `object`, a file name, under a folder."""

    def __init__(self, config: Mapping[str, Any], root: Path) -> None:
        self._config = read_config(FileConfig, config)
        self._folder = root / self._config.path
        self._is_full = self._config.content == "full"
        self.traits = Traits(
            modes=FULL_MODES if self._is_full else DELTA_MODES,
            is_local=True,
            wants_rows=self._is_full,
            delivery="all or nothing; after a crash the same file is written again",
        )

    def check(self) -> None:
        if self._folder.exists() and not os.access(self._folder, os.W_OK):
            raise ConfigError(
                "the folder cannot be written to",
                where=str(self._folder),
                hint="Choose another `path`, or let the user that runs elt write there",
            )

    def check_route(self, route: Route) -> None:
        self._path(route)
        self._format(route)

    def write(
        self, route: Route, changes: Iterator[Change], rows: Iterator[str]
    ) -> str:
        path = self._path(route)
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = route.columns if self._is_full else (OPERATION, *route.columns)
        texts = rows if self._is_full else (_delta(c, route.key) for c in changes)
        counted = _Counted(texts)
        aside = path.with_name(f".{path.name}.{os.getpid()}.aside")
        try:
            _write(aside, columns, counted, form=self._format(route))
            digest = _make_durable(aside)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        _write_manifest(path, route, rows=counted.rows, sha256=digest)
        return f"{counted.rows:,} rows in {path.relative_to(self._folder)}"

    def is_gone(self, route: Route) -> bool:
        """Miss the one file that is the model; deltas are for others to take away."""
        is_one = self._is_full and "{run}" not in route.object
        return is_one and not self._path(route).exists()

    def _path(self, route: Route) -> Path:
        """Name the file: `{run}` stands for the run, and is added to a delta's name."""
        name = Path(route.object)
        if not self._is_full and "{run}" not in route.object:
            name = name.with_name(f"{name.stem}.{{run}}{name.suffix}")
        path = self._folder / str(name).replace("{run}", route.run_id)
        if not path.resolve().is_relative_to(self._folder.resolve()):
            raise ConfigError(
                f"`{route.object}` lies outside the destination's folder",
                where=f"[syncs.{route.sync}] object",
                hint="Write `object` as a name in that folder, without `..`",
            )
        return path

    def _format(self, route: Route) -> Format:
        form = self._config.format or EXTENSIONS.get(Path(route.object).suffix.lower())
        if form is None:
            raise ConfigError(
                f"the name `{route.object}` does not tell the file's format",
                where=f"[syncs.{route.sync}] object",
                hint="End it in .csv, .jsonl or .parquet, or set `format` in the"
                " destination's config",
            )
        return form


class _Counted:
    """Texts that are counted while they go by."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = texts
        self.rows = 0

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            self.rows += 1
            yield text


def _delta(change: Change, key: str) -> str:
    """Put the operation before a payload; a removed row's payload is its last one."""
    text = change.old_text if isinstance(change, Removed) else change.text
    if text is None:
        text = json.dumps({key: change.key}, ensure_ascii=False)
    return f'{{"{OPERATION.name}":"{change_name(change)}",{text[1:]}'


def _write(
    path: Path, columns: tuple[Column, ...], texts: Iterable[str], *, form: Format
) -> None:
    match form:
        case "jsonl":
            with path.open("w", encoding="utf-8", newline="") as file:
                file.writelines(f"{text}\n" for text in texts)
        case "csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                file.write(",".join(_quoted(column.name) for column in columns) + "\n")
                _write_csv(file, columns, texts)
        case "parquet":
            _write_parquet(path, columns, texts)


def _write_csv(
    file: IO[str], columns: tuple[Column, ...], texts: Iterable[str]
) -> None:
    for text in texts:
        row = members(text)
        file.write(",".join(_cell(row.get(c.name, "null")) for c in columns) + "\n")


def _cell(value: str) -> str:
    """Write NULL as nothing and every text in quotes, so that "" is not NULL."""
    bare = _bare(value)
    if bare is None:
        return ""
    return _quoted(bare) if value[0] in '"[{' else bare


def _bare(value: str) -> str | None:
    """Take a field's canonical JSON out of its quotes."""
    if value == "null":
        return None
    return str(json.loads(value)) if value.startswith('"') else value


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _write_parquet(
    path: Path, columns: tuple[Column, ...], texts: Iterable[str]
) -> None:
    """Write text first and let DuckDB cast it, each column to the model's own type."""
    aside = path.with_suffix(".texts")
    names = ", ".join(f"c{n}: 'VARCHAR'" for n in range(len(columns)))
    casts = ", ".join(
        f"{_cast(f'c{n}', column.type)} AS {quote(column.name)}"
        for n, column in enumerate(columns)
    )
    writer = duckdb.connect()
    try:
        with aside.open("wb") as file:
            file.writelines(_line(columns, members(text)) for text in texts)
        writer.execute(
            f"""
            COPY (
                SELECT {casts}
                FROM read_ndjson(
                    {literal(str(aside))}, columns = {{{names}}},
                    maximum_object_size = {LONGEST_ROW_BYTES}
                )
            )
            TO {literal(str(path))} (FORMAT parquet)
            """
        )
    finally:
        writer.close()
        aside.unlink(missing_ok=True)


def _line(columns: tuple[Column, ...], row: Mapping[str, str]) -> bytes:
    # Every value as a JSON string: DuckDB takes JSON's numbers through a double.
    values = (_bare(row.get(column.name, "null")) for column in columns)
    return msgspec.json.encode({f"c{n}": v for n, v in enumerate(values)}) + b"\n"


def _cast(name: str, type_: str) -> str:
    """Cast to the model's type, or to the nearest that Parquet holds without loss."""
    if type_ == "BLOB":
        return f"from_base64({name})"
    if type_ in {"HUGEINT", "UHUGEINT"}:
        return f"{name}::DECIMAL(38, 0)"  # as HUGEINT it becomes a double
    if type_.endswith("]") or type_.startswith(("STRUCT", "MAP")):
        return f"{name}::JSON"
    if type_ in {'"NULL"', "BIGNUM"}:
        return name
    return f"{name}::{type_}"


def _make_durable(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        os.fsync(file.fileno())
    return digest.hexdigest()


def _write_manifest(path: Path, route: Route, *, rows: int, sha256: str) -> None:
    manifest = {
        "file": path.name,
        "rows": rows,
        "sha256": sha256,
        "sync": route.sync,
        "run_id": route.run_id,
        "columns": [column.name for column in route.columns],
    }
    place = path.with_name(f"{path.name}.manifest.json")
    aside = place.with_name(f".{place.name}.{os.getpid()}.aside")
    aside.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    _make_durable(aside)
    aside.replace(place)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the renames durable too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
