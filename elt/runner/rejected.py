"""Rejects, looked at and loaded again: which are meant, and what stands in the way."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elt.errors import ConfigError, EltError
from elt.events import Listener, ignore
from elt.project.nearest import did_you_mean
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.alone import alone
from elt.runner.assets import stream_asset_id
from elt.runner.discovery import catalog_of, stream_settings
from elt.runner.remembered import Remembered, remembered
from elt.runner.store.asset_log import note_change
from elt.runner.store.database import Store, open_store
from elt.runner.store.history import new_run_id
from elt.runner.stream_plans import stream_plan
from elt.singer.catalog import Stream, selected_streams
from elt.targets.retry import Retried, Retry, retry
from elt.targets.writing.declared import declared_columns, ignored
from elt.targets.writing.evolve import place_of, tables_in
from elt.targets.writing.modes import Mode, decide
from elt.targets.writing.plans import Stamp
from elt.targets.writing.stale import RETRY
from elt.warehouse.bookmarks import last_modes
from elt.warehouse.duckdb import Warehouse, warehouse_of
from elt.warehouse.rejects import Reject, Wanted, count_rejects, delete_rejects, rejects

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Streams = dict[tuple[str, str], list[Reject]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one stream's rejects; `held` says why they were not tried."""

    tap: str
    stream: str
    rejects: int
    retried: Retried = field(default_factory=Retried)
    held: str | None = None


@contextmanager
def looked_at(
    project: Project, secrets: Secrets
) -> Iterator[DuckDBPyConnection | None]:
    """Lend a connection that reads rejects; None while there is no warehouse."""
    warehouse = warehouse_of(project, secrets)
    if not warehouse.exists():
        yield None
        return
    with warehouse.reader(migrated=True) as cursor:
        yield cursor


def check_names(
    project: Project, cursor: DuckDBPyConnection | None, wanted: Wanted
) -> None:
    """Raise ConfigError for a tap, stream or id that there are no rejects of."""
    rows = _rejected_streams(cursor, project.environment) if cursor else []
    taps = {tap for tap, _ in rows} | project.file.taps.keys()
    if wanted.tap is not None and wanted.tap not in taps:
        raise ConfigError(
            f"there is no tap `{wanted.tap}`", hint=did_you_mean(wanted.tap, taps)
        )
    streams = {stream for _, stream in rows}
    if wanted.stream is not None and wanted.stream not in streams:
        raise ConfigError(
            f"there are no rejects of a stream `{wanted.stream}`",
            hint=did_you_mean(wanted.stream, streams),
        )
    for id_ in wanted.ids:
        one = Wanted(ids=(id_,))
        if cursor is None or not count_rejects(cursor, project.environment, one):
            raise ConfigError(
                f"there is no reject {id_}",
                hint="`elt rejects list --all` shows them with their ids",
            )


def retry_rejects(
    project: Project,
    secrets: Secrets,
    wanted: Wanted,
    *,
    listen: Listener = ignore,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[Answer]:
    """Load rejects again, as their streams are now; all that fit, or none.

    Raises Held while a run is under way.
    """
    warehouse = warehouse_of(project, secrets)
    run = RETRY + new_run_id()
    with alone(project, run), open_store(project.private_dir) as store:
        streams = _streams(project, warehouse, wanted)
        if not streams:
            return []
        catalogs = _catalogs(project, secrets, {tap for tap, _ in streams}, listen)
        with (
            tempfile.TemporaryDirectory(prefix="elt-") as folder,
            warehouse.writer() as cursor,
        ):
            work = _Work(project, secrets, cursor, catalogs, run, now(), Path(folder))
            answers = [
                work.answer(tap, stream, found)
                for (tap, stream), found in streams.items()
            ]
            # Before the commit: a kill behind it must not leave stale tests in force.
            work.note_changes(store, answers)
    return answers


def drop_rejects(project: Project, secrets: Secrets, ids: Sequence[int]) -> None:
    """Delete rejects for good. Raises Held while a run is under way."""
    with (
        alone(project, "elt rejects drop"),
        warehouse_of(project, secrets).writer() as cursor,
    ):
        delete_rejects(cursor, ids)


@dataclass(frozen=True, slots=True)
class _Work:
    """One retry: its transaction, and what the taps say of their streams now."""

    project: Project
    secrets: Secrets
    cursor: DuckDBPyConnection
    catalogs: Mapping[str, dict[str, Any] | EltError]
    run: str
    at: datetime
    folder: Path

    def answer(self, tap: str, stream: str, found: Sequence[Reject]) -> Answer:
        known = remembered(self.cursor, self.project.environment, tap)
        held = self._held(tap, stream, known)
        if isinstance(held, str):
            return Answer(tap=tap, stream=stream, rejects=len(found), held=held)
        retried = self._retry(tap, held, known, found)
        return Answer(tap=tap, stream=stream, rejects=len(found), retried=retried)

    def note_changes(self, store: Store, answers: Sequence[Answer]) -> None:
        """See that tests of what has new rows now do not count any more."""
        for answer in answers:
            if answer.retried.loaded:
                asset = stream_asset_id(answer.tap, answer.stream)
                note_change(store, self.project.environment, asset, at=self.at)

    def _held(self, tap: str, stream: str, known: Remembered) -> Stream | str:
        """Give the stream as it is now, or why its rejects must wait."""
        catalog = self.catalogs[tap]
        if isinstance(catalog, EltError):
            return catalog.what
        streams = {s.id: s for s in selected_streams(catalog)}
        if stream not in streams:
            return "the tap has no such stream any more, or it is not selected"
        if stream not in known.loaded:
            return "it has no table in this warehouse"
        if stream in known.broken:
            return f"{known.broken[stream]}: the next run reads it in full"
        last = last_modes(self.cursor, self.project.environment, tap).get(stream)
        if last == "upsert" and not streams[stream].key_properties:
            return (
                "only the tap knows its key; name it in elt.toml:"
                f" [taps.{tap}.streams.{stream}] key = [...]"
            )
        return streams[stream]

    def _retry(
        self, tap: str, stream: Stream, known: Remembered, found: Sequence[Reject]
    ) -> Retried:
        loaded = known.loaded[stream.id]
        place = place_of(loaded.schema, loaded.table)
        properties = stream.schema.get("properties") or {}
        plan = stream_plan(
            self.project,
            tap,
            stream,
            mode=_mode(self.project, tap, stream),
            place=(loaded.schema, loaded.table),
            secrets=self.secrets,
        )
        wanted = Retry(
            plan=plan,
            columns=tuple(
                column
                for column in declared_columns(stream.schema, plan)
                if column.property in stream.columns
            ),
            ignored=(
                *(name for name in properties if name not in stream.columns),
                *ignored(plan),
            ),
            reads_again=stream.replication_method in ("INCREMENTAL", "LOG_BASED"),
            found=tables_in(self.cursor, {loaded.schema})[place],
            rejects=found,
            folder=self.folder,
        )
        stamp = Stamp(
            run_id=self.run,
            environment=self.project.environment,
            tap=tap,
            started_at=self.at,
            at=self.at,
        )
        return retry(self.cursor, wanted, stamp)


def _rejected_streams(
    cursor: DuckDBPyConnection, environment: str
) -> list[tuple[str, str]]:
    return cursor.execute(
        "SELECT DISTINCT tap, stream FROM _elt.rejects WHERE environment = ?",
        [environment],
    ).fetchall()


def _mode(project: Project, tap: str, stream: Stream) -> Mode:
    """Say how a row comes into a table that is there already."""
    mode = decide(
        key=stream.key_properties,
        replication_method=stream.replication_method,
        table=stream_settings(project, tap, stream),
    )
    if mode.name != "overwrite":
        return mode
    return Mode("upsert" if stream.key_properties else "append", "it is added")


def _streams(project: Project, warehouse: Warehouse, wanted: Wanted) -> Streams:
    if not warehouse.exists():
        return {}
    with warehouse.reader(migrated=True) as cursor:
        found = rejects(cursor, project.environment, wanted)
    by_stream = attrgetter("tap", "stream")
    return {
        place: list(each)
        for place, each in groupby(sorted(found, key=by_stream), by_stream)
    }


def _catalogs(
    project: Project, secrets: Secrets, taps: set[str], listen: Listener
) -> dict[str, dict[str, Any] | EltError]:
    """Ask the taps what their streams are now; where one is silent, what it said."""
    found: dict[str, dict[str, Any] | EltError] = {}
    for tap in taps:
        if tap not in project.file.taps:
            found[tap] = EltError(f"tap `{tap}` is not in elt.toml any more")
            continue
        if project.file.taps[tap].target is not None:
            found[tap] = EltError(f"tap `{tap}` loads into another target now")
            continue
        try:
            found[tap] = catalog_of(project, tap, secrets, preview=False, listen=listen)
        except EltError as error:
            found[tap] = error
    return found
