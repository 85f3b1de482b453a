"""Our loading without a project: messages come through a pipe, STATE goes out again.

Nothing is remembered between two runs but the tables themselves: the bookmark is the
business of whoever started the pipe, so a STATE is written as soon as what came before
it is durable, and never sooner.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from elt.errors import ConfigError, EltError
from elt.events import BookmarkCommitted, Event, LogLine, SchemaChanged
from elt.project.rules import why_not_schema
from elt.project.stream_settings import OnMissing
from elt.singer.private_files import pid_is_taken
from elt.targets.columns import table_name
from elt.targets.load import Loading
from elt.targets.metadata import Stamping
from elt.targets.tap_load import TapLoad
from elt.targets.writing.limits import Limits
from elt.targets.writing.modes import Mode
from elt.targets.writing.plans import StreamPlan
from elt.warehouse.duckdb import Warehouse

# What `_elt.rejects`, `_elt.loads` and `_elt.bookmarks` call a load that is no run.
PIPE = "pipe"
LoadMethod = Literal["append-only", "upsert", "overwrite"]
_SPOOL = ".elt-spool-"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The program's config; `elt.targets.singer_target` declares it for people."""

    path: str
    default_target_schema: str | None = None
    load_method: LoadMethod = "upsert"
    add_record_metadata: bool = False
    batch_size_rows: int | None = None
    batch_size_megabytes: float = 128.0
    batch_wait_limit_seconds: float = 15.0
    reject_limit: int = 0
    allow_shrink: bool = False
    hard_delete: bool = False
    process_activate_version_messages: bool = True
    memory_limit: str | None = None
    threads: int | None = None


def settings_of(config: dict[str, Any]) -> Settings:
    """Read a config. Raises ConfigError."""
    given = {name: value for name, value in config.items() if value is not None}
    try:
        settings = msgspec.convert(given, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"the config is not valid: {error}",
            hint="`elt-target-duckdb --about` lists the settings",
        ) from error
    if ":" in settings.path:
        raise ConfigError(
            f"`{settings.path}` is no path of a file",
            hint="`path` is a DuckDB file on this machine; it is made when it is new",
        )
    return settings


class PipeLoad:
    """One load from a pipe: `feed` it, then `finish`.

    `write_state` is given each STATE as the tap wrote it, in order, when all that came
    before it is committed, and is called in another thread. When `feed` raises, what
    the last STATE covers has been committed, and that STATE written.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        write_state: Callable[[str], object],
        say: Callable[[str, str], object],
    ) -> None:
        self._settings = settings
        self._write_state = write_state
        self._last_state = ""
        self._say = say
        self._places: dict[tuple[str, str], str] = {}
        self._stamping = Stamping() if settings.add_record_metadata else None
        path = Path(settings.path).expanduser()
        self._spool = _spool_beside(path)
        limits = {"memory_limit": settings.memory_limit, "threads": settings.threads}
        warehouse = Warehouse(
            path, settings={name: value for name, value in limits.items() if value}
        )
        self._loading = Loading(self._load(), warehouse, listen=self._hear)

    def feed(self, chunks: Iterable[list[bytes]]) -> None:
        try:
            for lines in chunks:
                full = [line for line in lines if line and not line.isspace()]
                stamped = self._stamping.stamped(full) if self._stamping else full
                self._loading.feed(stamped)
        except BaseException:
            self.abandon()
            raise

    def finish(self) -> None:
        """Commit the rest: the pipe is at its end, and nobody tells why.

        Raises the error of a stream that could not be loaded.
        """
        try:
            self._loading.finish()
            for stream in self._loading.streams.values():
                if stream.error is not None:
                    raise stream.error
        finally:
            shutil.rmtree(self._spool, ignore_errors=True)
        self._sum_up()

    def abandon(self) -> None:
        """Commit what the last STATE covers and drop the rest."""
        try:
            self._loading.abandon()
        finally:
            shutil.rmtree(self._spool, ignore_errors=True)

    def _load(self) -> TapLoad:
        settings = self._settings
        now = datetime.now(UTC)
        return TapLoad(
            step=PIPE,
            tap=PIPE,
            environment=PIPE,
            run_id=f"{now:%Y%m%dT%H%M%S}-{os.urandom(3).hex()}",
            schema="main",
            streams={},
            spool=self._spool,
            plan_for=self._plan_for,
            needs_properties=True,
            end_tells=False,
            knows_start=False,
            limits=Limits(rejects=settings.reject_limit, percent=100),
            commit_bytes=int(settings.batch_size_megabytes * 1_000_000),
            commit_seconds=settings.batch_wait_limit_seconds,
            commit_rows=settings.batch_size_rows,
            commit_first=True,
        )

    def _plan_for(self, stream: str, key: Sequence[str]) -> StreamPlan:
        method = self._settings.load_method
        schema, table = place_of(stream, self._settings.default_target_schema)
        why = why_not_schema(schema, self._settings.path)
        if why:
            raise ConfigError(
                f"the stream `{stream}` cannot be loaded into the schema `{schema}`,"
                f" {why}",
                hint="Set `default_target_schema` to another, or rename the file",
            )
        other = self._places.setdefault((schema, table), stream)
        if other != stream:
            raise ConfigError(
                f"the streams `{other}` and `{stream}` would both load the table"
                f" `{schema}.{table}`",
                hint="Rename one of them, with the tap's `stream_maps`",
            )
        return StreamPlan(
            stream=stream,
            schema=schema,
            table=table,
            mode=_mode(method, key),
            key=() if method == "append-only" else tuple(key),
            allow_shrink=self._settings.allow_shrink,
            on_missing=_on_missing(self._settings),
        )

    def _hear(self, event: Event) -> None:
        match event:
            case BookmarkCommitted(state=state) if state != self._last_state:
                self._last_state = state
                self._write_state(state)
            case SchemaChanged(table=table, column=column, change=change):
                self._say("info", f"{table}.{column}: {change}")
            case LogLine(level=level, text=text):
                self._say(level, text)
            case _:
                pass

    def _sum_up(self) -> None:
        for name, stream in self._loading.streams.items():
            table = f"{stream.plan.schema}.{stream.plan.table}"
            rejects = f", {stream.rejects:,} rejects" if stream.rejects else ""
            self._say("info", f"{name}: {stream.rows:,} rows into {table}{rejects}")
        for name, ending in self._loading.endings.told.items():
            if ending.why:
                self._say("warning", f"{name}: {ending.end}: {ending.why}")


def place_of(stream: str, default_schema: str | None) -> tuple[str, str]:
    """Give the schema and the table that a stream is loaded into.

    A default schema takes all streams, each under its whole name. Without one a name
    of two or three parts, as taps of databases give them (`public-users`,
    `shop-public-users`), says schema and table; any other goes to `main`.
    """
    if default_schema:
        return default_schema, table_name(stream)
    parts = stream.split("-")
    if len(parts) in (2, 3) and all(parts):
        return table_name(parts[-2]), table_name(parts[-1])
    return "main", table_name(stream)


def _mode(method: LoadMethod, key: Sequence[str]) -> Mode:
    if method == "overwrite":
        return Mode("overwrite", "load_method")
    if method == "upsert" and key:
        return Mode("upsert", "load_method")
    return Mode("append", "load_method" if method == "append-only" else "no key")


def _on_missing(settings: Settings) -> OnMissing:
    if not settings.process_activate_version_messages:
        return "keep"
    return "delete" if settings.hard_delete else "mark"


def _spool_beside(path: Path) -> Path:
    """Make a folder for records on their way, on the disk that will hold them."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path.parent)
        prefix = f"{_SPOOL}{os.getpid()}-"
        return Path(tempfile.mkdtemp(prefix=prefix, dir=path.parent))
    except OSError as error:
        raise EltError(
            f"nothing can be written beside the warehouse: {error.strerror}",
            where=str(path.parent),
        ) from error


def _sweep(folder: Path) -> None:
    """Delete what a killed load could not."""
    for left in folder.glob(f"{_SPOOL}*-*"):
        owner = left.name.removeprefix(_SPOOL).partition("-")[0]
        if owner.isdigit() and not pid_is_taken(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
