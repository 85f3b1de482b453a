"""What may stand in the events tap's config, and the files that it names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from elt.errors import ConfigError
from elt.taps.events.moments import moment
from elt.taps.files.settings import Compression, File, StreamSettings, files_of

Name = Literal["segment", "snowplow_json", "snowplow_tsv"]
CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["path", "format"],
    "properties": {
        "path": {"type": "string", "description": "A file, a folder or a glob"},
        "format": {
            "type": "string",
            "enum": ["segment", "snowplow_json", "snowplow_tsv"],
            "description": "How the events are written",
        },
        "compression": {
            "type": "string",
            "enum": ["none", "gzip", "zstd"],
            "description": "Default: by each file's ending",
        },
        "schemas": {
            "type": "string",
            "description": "Snowplow: a folder of your JSON schemas, as in Iglu",
        },
        "tracking_plan": {
            "type": "string",
            "description": "Segment: JSON schemas of properties, by event",
        },
        "unknown_schemas": {
            "type": "string",
            "enum": ["accept", "bad"],
            "description": "What data without a schema of yours is; default accept",
        },
        "contexts": {
            "type": "string",
            "enum": ["json", "tables"],
            "description": "Snowplow: where entities go; default json",
        },
        "split": {
            "type": "boolean",
            "description": "Segment: a table for each kind of event; default false",
        },
        "tables": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Streams that are always in the catalog",
        },
        "start_date": {
            "type": "string",
            "description": "Leave out what the collector had before",
        },
        "lookback_days": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "Leave out what the collector had longer ago",
        },
        "missing_ok": {
            "type": "boolean",
            "description": "No file at all is no error",
        },
        "batch_config": {
            "type": ["object", "null"],
            "description": "Given by a target that can take rows of a file away",
        },
    },
}
_FORMATS = CONFIG_SCHEMA["properties"]["format"]["enum"]
_FOR_FORMAT = {
    "schemas": ("snowplow_json", "snowplow_tsv"),
    "contexts": ("snowplow_json", "snowplow_tsv"),
    "tracking_plan": ("segment",),
    "split": ("segment",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The tap's config, checked; paths are absolute."""

    path: str
    format: Name
    compression: Compression | None = None
    schemas: Path | None = None
    tracking_plan: Path | None = None
    only_known: bool = False
    tables: bool = False
    split: bool = False
    pinned: tuple[str, ...] = ()
    since: datetime | None = None
    missing_ok: bool = False

    @property
    def layout(self) -> str:
        """Sum up which streams events are spread over."""
        return f"{self.format} {'tables' if self.tables or self.split else 'together'}"


def check(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for the mistakes that the SDK would tell less clearly."""
    known = list(CONFIG_SCHEMA["properties"])
    for key in config:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            listed = ", ".join(f"`{one}`" for one in known)
            hint = f"Did you mean `{close[0]}`?" if close else f"There is {listed}"
            raise ConfigError(f"unknown setting `{key}`", hint=hint)
    for key in CONFIG_SCHEMA["required"]:
        if not config.get(key):
            raise ConfigError(
                f"`{key}` is missing",
                hint=f"For example `{_EXAMPLES[key]}`",
            )
    _check_choices(config)
    for key, formats in _FOR_FORMAT.items():
        if config.get(key) and config["format"] not in formats:
            raise ConfigError(
                f'`{key}` is not for `format = "{config["format"]}"`',
                hint=f"It is for {' and '.join(formats)}",
            )
    if config.get("start_date") is not None:
        _start(config["start_date"])


_EXAMPLES = {"path": 'path = "events/**/*.gz"', "format": 'format = "segment"'}


def _check_choices(config: Mapping[str, Any]) -> None:
    for key, declared in CONFIG_SCHEMA["properties"].items():
        choices = declared.get("enum")
        if choices and key in config and config[key] not in choices:
            close = difflib.get_close_matches(str(config[key]), choices, n=1)
            listed = ", ".join(f'"{one}"' for one in choices)
            raise ConfigError(
                f"`{key}` cannot be `{config[key]}`",
                hint=f'Did you mean "{close[0]}"?' if close else f"It is {listed}",
            )


def settings_of(
    config: Mapping[str, Any], root: Path, *, now: datetime | None = None
) -> Settings:
    """Read the checked config; relative paths are from `root`."""
    return Settings(
        path=config["path"],
        format=config["format"],
        compression=config.get("compression"),
        schemas=_path(config.get("schemas"), root),
        tracking_plan=_path(config.get("tracking_plan"), root),
        only_known=config.get("unknown_schemas") == "bad",
        tables=config.get("contexts") == "tables",
        split=bool(config.get("split")),
        pinned=tuple(config.get("tables") or ()),
        since=_since(config, now or datetime.now(UTC)),
        missing_ok=bool(config.get("missing_ok")),
    )


def event_files(settings: Settings, root: Path) -> list[File]:
    """List the files in the order of their names, whatever their endings are.

    Names that begin with `.` or `_`, as `_SUCCESS`, are no events. Raises ConfigError
    when there is none.
    """
    path = root / Path(settings.path).expanduser()
    folder = path.is_dir()
    found = files_of(
        StreamSettings(
            name="events",
            path=str(path / "**" / "*") if folder else settings.path,
            format="jsonl",  # one record a line, which is what matters here
            compression=settings.compression,
            columns={},
            missing_ok=settings.missing_ok,
        ),
        root,
    )
    if not folder:
        return found
    return [
        file
        for file in found
        if not any(part.startswith("_") for part in file.path.relative_to(path).parts)
    ]


def _path(text: str | None, root: Path) -> Path | None:
    return root / Path(text).expanduser() if text else None


def _since(config: Mapping[str, Any], now: datetime) -> datetime | None:
    starts = []
    if config.get("start_date") is not None:
        starts.append(_start(config["start_date"]))
    if config.get("lookback_days"):
        starts.append(now - timedelta(days=config["lookback_days"]))
    return max(starts, default=None)


def _start(text: str) -> datetime:
    day = f"{text}T00:00:00Z" if len(text) == len("2026-01-31") else text
    found = moment(day)
    if found is None:
        raise ConfigError(
            f"`start_date` is no date: `{text}`",
            hint="Write it as 2026-01-31 or 2026-01-31T09:00:00Z",
        )
    return found
