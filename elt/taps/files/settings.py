"""What may stand in the files tap's config, and which files it names."""

from __future__ import annotations

import codecs
import difflib
import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from elt.errors import ConfigError

Format = Literal["csv", "jsonl", "parquet"]
Compression = Literal["none", "gzip", "zstd"]
_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_COMPRESSIONS: dict[str, Compression] = {
    ".gz": "gzip",
    ".zst": "zstd",
    ".zstd": "zstd",
}
# Python's names of encodings and DuckDB's for those that it reads itself.
_ENCODINGS = {"utf-8": "utf-8", "iso8859-1": "latin-1"}
_STREAM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["path"],
    "properties": {
        "name": {"type": "string", "description": "Name of the stream"},
        "path": {"type": "string", "description": "A file, a folder or a glob"},
        "format": {
            "type": "string",
            "enum": ["csv", "jsonl", "parquet"],
            "description": "Default: by the file's ending",
        },
        "compression": {
            "type": "string",
            "enum": ["none", "gzip", "zstd"],
            "description": "Default: by the file's ending",
        },
        "key": {
            "type": ["array", "string"],
            "items": {"type": "string"},
            "description": "Columns that a row is known by: one that comes again"
            " replaces the earlier. Without them rows are only added",
            "x-elt-ask": True,
        },
        "delimiter": {"type": "string", "description": "CSV: default, what it looks"},
        "quote": {"type": "string", "description": 'CSV: default `"`'},
        "escape": {"type": "string", "description": "CSV: default, the quote"},
        "header": {"type": "boolean", "description": "CSV: default true"},
        "encoding": {"type": "string", "description": "Default utf-8"},
        "skip_rows": {
            "type": "integer",
            "minimum": 0,
            "description": "CSV: lines before the header",
        },
        "null_values": {
            "type": "array",
            "items": {"type": "string"},
            "description": "CSV: texts that mean NULL; default, the empty one",
        },
        "columns": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "description": "Types in place of those found, as `decimal(18,2)`",
        },
        "missing_ok": {
            "type": "boolean",
            "description": "No file at all is no error",
        },
    },
}
_NAMED_SCHEMA = {
    **_STREAM_SCHEMA,
    "required": ["name", "path"],
}
CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["streams"],
    "properties": {
        "streams": {
            "description": "Each stream by a name of yours, which its table gets, with"
            " the `path` of its files; or a list of them",
            "anyOf": [
                {"type": "object", "additionalProperties": _STREAM_SCHEMA},
                {"type": "array", "items": _NAMED_SCHEMA},
            ],
        },
        "batch_config": {
            "type": ["object", "null"],
            "description": "Given by a target that reads files itself",
        },
    },
}


def check_names(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for a setting of a stream that there is not.

    Before the SDK looks: its message shows the whole config and not the mistake.
    """
    streams = config.get("streams")
    if not isinstance(streams, Mapping | list):
        return
    by_name = streams.items() if isinstance(streams, Mapping) else enumerate(streams, 1)
    known = list(_STREAM_SCHEMA["properties"])
    for name, table in by_name:
        for key in table if isinstance(table, Mapping) else ():
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                listed = ", ".join(f"`{one}`" for one in known)
                raise ConfigError(
                    f"stream `{name}`: unknown setting `{key}`",
                    hint=f"Did you mean `{close[0]}`?"
                    if close
                    else f"There is {listed}",
                )


def check(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for a mistake that shows without a look at the files."""
    streams = config.get("streams")
    if not isinstance(streams, Mapping | list):
        close = difflib.get_close_matches("streams", config, n=1)
        raise ConfigError(
            f"unknown setting `{close[0]}`" if close else "`streams` is missing",
            hint="Did you mean `streams`?"
            if close
            else 'For example `streams.orders.path = "orders/*.csv"`',
        )
    check_names(config)
    by_name = streams.items() if isinstance(streams, Mapping) else enumerate(streams, 1)
    needed = ("path",) if isinstance(streams, Mapping) else ("name", "path")
    for name, table in by_name:
        _check_table(name, table, needed)
    settings_of(config)


def _check_table(name: str | int, table: Any, needed: Sequence[str]) -> None:
    if not isinstance(table, Mapping):
        raise ConfigError(
            f"stream `{name}` is no table", hint='For example `path = "orders/*.csv"`'
        )
    for key in needed:
        if not table.get(key):
            raise ConfigError(
                f"stream `{name}`: `{key}` is missing",
                hint="Each stream needs it",
            )
    for key, declared in _STREAM_SCHEMA["properties"].items():
        choices = declared.get("enum")
        if choices and table.get(key, choices[0]) not in choices:
            raise ConfigError(
                f"stream `{name}`: `{key}` cannot be `{table[key]}`",
                hint="It is " + ", ".join(f'"{one}"' for one in choices),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """One stream of files, checked; None means: find out from the files."""

    name: str
    path: str
    format: Format | None = None
    compression: Compression | None = None
    key: tuple[str, ...] = ()
    delimiter: str | None = None
    quote: str = '"'
    escape: str | None = None
    header: bool = True
    encoding: str = "utf-8"
    skip_rows: int = 0
    null_values: tuple[str, ...] = ("",)
    columns: Mapping[str, str]
    missing_ok: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """A file of a stream; `name` is its path as rows carry it in `_file`.

    `encoding` is a word of DuckDB's, or what only a copy in UTF-8 helps with.
    """

    path: Path
    name: str
    format: Format
    compression: Compression
    encoding: str = "utf-8"


def settings_of(config: Mapping[str, Any]) -> list[StreamSettings]:
    """Read the checked config. Raises ConfigError when two streams share a name."""
    streams = config.get("streams") or {}
    if isinstance(streams, Mapping):
        tables = [{"name": name, **about} for name, about in streams.items()]
    else:
        tables = [dict(table) for table in streams]
    names = [table["name"] for table in tables]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(
            f"two streams are called `{twice[0]}`", hint="Rename one of them"
        )
    return [_settings(table) for table in tables]


def files_of(settings: StreamSettings, root: Path) -> list[File]:
    """List the stream's files in the order of their names.

    Raises ConfigError when there are none, or of more than one format.
    """
    paths = _paths(settings, root)
    if not paths and not settings.missing_ok:
        raise ConfigError(
            f"stream `{settings.name}`: no file matches `{settings.path}`",
            where=str(root),
            hint="A path is from the project; `missing_ok = true` allows for none",
        )
    files = [_file(settings, path, root) for path in paths]
    formats = sorted({file.format for file in files})
    if len(formats) > 1:
        raise ConfigError(
            f"stream `{settings.name}` has files of more than one format:"
            f" {', '.join(formats)}",
            where=settings.path,
            hint="Make a stream for each, with a narrower `path`",
        )
    return sorted(files, key=lambda file: file.name)


def _settings(table: Mapping[str, Any]) -> StreamSettings:
    encoding = table.get("encoding", "utf-8")
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ConfigError(
            f"stream `{table['name']}`: there is no encoding `{encoding}`",
            hint='Known are "utf-8", "latin-1", "cp1252", "utf-16" and more',
        ) from None
    key = table.get("key") or ()
    return StreamSettings(
        **{
            "columns": {},
            **table,
            "key": (key,) if isinstance(key, str) else tuple(key),
            "null_values": tuple(table.get("null_values", ("",))),
        }
    )


def _paths(settings: StreamSettings, root: Path) -> list[Path]:
    pattern = str(root / Path(settings.path).expanduser())
    if Path(pattern).is_dir():
        return [
            path
            for path in Path(pattern).rglob("*")
            if _is_visible(path, Path(pattern)) and _belongs(settings, path)
        ]
    found = [Path(pattern)]
    if not Path(pattern).exists():
        found = [Path(path) for path in glob.glob(pattern, recursive=True)]  # noqa: PTH207  hidden files stay hidden
    return [path for path in found if path.is_file()]


def _is_visible(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    return path.is_file() and not any(part.startswith((".", "_")) for part in parts)


def _belongs(settings: StreamSettings, path: Path) -> bool:
    found, _ = _by_ending(path)
    return found is not None and settings.format in (None, found)


def _by_ending(path: Path) -> tuple[Format | None, Compression]:
    ending = path.suffix.lower()
    compression = _COMPRESSIONS.get(ending, "none")
    if compression != "none":
        ending = Path(path.stem).suffix.lower()
    return _FORMATS.get(ending), compression


def _file(settings: StreamSettings, path: Path, root: Path) -> File:
    by_ending, compression = _by_ending(path)
    format_ = settings.format or by_ending
    if format_ is None:
        raise ConfigError(
            f"stream `{settings.name}`: the format of a file is not known",
            where=str(path),
            hint='Set `format` to "csv", "jsonl" or "parquet"',
        )
    return File(
        path,
        _name(path, root),
        format_,
        settings.compression or compression,
        _ENCODINGS.get(codecs.lookup(settings.encoding).name, settings.encoding),
    )


def _name(path: Path, root: Path) -> str:
    inside = os.path.commonpath([path, root]) == str(root)
    name = (path.relative_to(root) if inside else path).as_posix()
    # A name that is no UTF-8 can stand neither in a column nor in a bookmark.
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def spread(files: Sequence[File], count: int) -> list[File]:
    """Choose some files, always the first and the last, evenly between."""
    if len(files) <= count:
        return list(files)
    step = (len(files) - 1) / (count - 1)
    return [files[round(i * step)] for i in range(count)]
