"""A loader fed by hand: what a tap would write, and what is in the tables then."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from elt.events import Event
from elt.targets.load import Loading
from elt.targets.tap_load import TapLoad
from elt.targets.writing.limits import Limits
from elt.targets.writing.modes import Mode
from elt.targets.writing.plans import StreamPlan
from elt.warehouse.duckdb import Warehouse


@dataclass
class Loader:
    """Feeds one stream `s` into `raw.s` and looks at what came of it."""

    folder: Path
    warehouse: Warehouse
    events: list[Event] = field(default_factory=list)
    # A load and what is asked after it share one opening, which costs 20 ms. The next
    # load finds the file closed.
    _open: ExitStack = field(default_factory=ExitStack)
    _cursor: DuckDBPyConnection | None = None

    def load(self, *messages, mode="append", key=(), ok=True, **about):
        loading = self.start(mode=mode, key=key, **about)
        self._cursor = self._open.enter_context(self.warehouse.session())
        loading.feed([line(message) for message in messages])
        if ok:
            loading.finish()
        else:
            loading.abandon()
        return loading.streams

    def start(
        self,
        *,
        mode="append",
        why="in this test",
        key=(),
        run="r1",
        limit=1000,
        percent=1.0,
        load=None,
        **about,
    ):
        self.close()
        plan = StreamPlan(
            stream="s",
            schema="raw",
            table="s",
            mode=Mode(mode, why),
            key=tuple(key),
            **about,
        )
        settings = TapLoad(
            step="tap:t",
            tap="t",
            environment="default",
            run_id=run,
            schema="raw",
            streams={"s": plan},
            spool=self.folder / "spool",
            limits=Limits(rejects=limit, percent=percent),
            **(load or {}),
        )
        return Loading(settings, self.warehouse, listen=self.events.append)

    def sql(self, text):
        if self._cursor is None:
            self._cursor = self._open.enter_context(self.warehouse.session())
        return self._cursor.execute(text).fetchall()

    def close(self):
        self._cursor = None
        self._open.close()

    def column(self, name, order="rowid"):
        rows = self.sql(f'SELECT "{name}" FROM raw.s ORDER BY {order}')
        return [value for (value,) in rows]

    def types(self):
        return {row[0]: row[1] for row in self.sql("DESCRIBE raw.s")}

    def rejects(self):
        return self.sql('SELECT "column", value, reason, record FROM _elt.rejects')

    def state(self):
        rows = self.sql("SELECT state FROM _elt.bookmarks")
        return json.loads(rows[0][0]) if rows else None


def line(message):
    """Write a message as a tap would; bytes are taken for a raw record."""
    if isinstance(message, bytes):
        return b'{"type":"RECORD","stream":"s","record":' + message + b"}"
    return json.dumps(message).encode()


def schema(stream="s", key=(), **properties):
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"properties": properties},
        "key_properties": list(key),
    }


def state(value):
    return {"type": "STATE", "value": value}


def new_loader(folder, empty):
    made = Loader(folder, Warehouse(folder / "w.duckdb"))
    shutil.copyfile(empty, made.warehouse.path)
    return made


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory):
    path = tmp_path_factory.mktemp("empty") / "w.duckdb"
    with Warehouse(path).session():
        return path


@pytest.fixture
def loader(tmp_path, empty_warehouse):
    made = new_loader(tmp_path, empty_warehouse)
    yield made
    made.close()
