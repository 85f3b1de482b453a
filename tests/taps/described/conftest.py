from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from taps.described.anything import Anything

from elt.taps.described.tap import DescribedTap
from elt.testing.apis.serving import served


@dataclass
class Told:
    """What a tap wrote in one run."""

    messages: list[dict[str, Any]]
    text: bytes = b""
    error: Any = None
    log: str = ""

    def rows(self, stream="orders"):
        return [
            m["record"]
            for m in self.messages
            if m["type"] == "RECORD" and m["stream"] == stream
        ]

    def ids(self, stream="orders"):
        return [row["id"] for row in self.rows(stream)]

    def ends(self):
        return {m["stream"]: m["elt"] for m in self.messages if "elt" in m}

    @property
    def state(self):
        return [m["value"] for m in self.messages if m["type"] == "STATE"][-1]

    @property
    def marks(self):
        """The bookmark of each STATE, in their order."""
        values = [m["value"] for m in self.messages if m["type"] == "STATE"]
        found = [v["bookmarks"]["orders"].get("replication_key_value") for v in values]
        return [mark for mark in found if mark is not None]

    def mark(self, stream="orders"):
        return self.state["bookmarks"][stream].get("replication_key_value")


@dataclass
class Reader:
    """The rest tap over an API, in this process."""

    origin: str
    capsysbinary: Any
    config: dict[str, Any] = field(default_factory=dict)

    def tap(self, streams, *, catalog=None, state=None, **config):
        given = {
            "base_url": f"{self.origin}/v1",
            "streams": streams,
            "tries": 1,
            **self.config,
            **config,
        }
        return DescribedTap(
            config=given, catalog=catalog, state=state, parse_env_config=False
        )

    def columns(self, streams, **config):
        """Discover; give each stream's columns."""
        tap = self.tap(streams, **config)
        catalog = tap.catalog_dict
        tap.api.close()
        return {
            entry["tap_stream_id"]: entry["schema"]["properties"]
            for entry in catalog["streams"]
        }

    def __call__(self, *, state=None, fails=None, looks=False, config=None, **streams):
        """Read streams; `fails` is the error that it must end with.

        Their columns are given, but where it `looks` for them.
        """
        catalog = None if looks else bare_catalog(streams)
        error = None
        if fails is None:
            tap = self.tap(streams, catalog=catalog, state=state, **(config or {}))
            tap.sync_all()
        else:
            with pytest.raises(fails) as caught:
                self.tap(
                    streams, catalog=catalog, state=state, **(config or {})
                ).sync_all()
            error = caught.value
        text = self.capsysbinary.readouterr().out
        return Told([json.loads(line) for line in text.splitlines()], text, error)


def bare_catalog(streams):
    def entry(name, table):
        key = table.get("key") or []
        names = [key] if isinstance(key, str) else key
        cursor = table.get("cursor") or {}
        field = cursor if isinstance(cursor, str) else cursor.get("field")
        known = {n: {"type": ["string", "integer"]} for n in [*names, field] if n}
        method = {"replication_method": "INCREMENTAL", "replication_key": field}
        return {
            **(method if field else {}),
            "tap_stream_id": name,
            "stream": name,
            "key_properties": names,
            "schema": {"type": "object", "properties": known},
            "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
        }

    return {"streams": [entry(*each) for each in streams.items()]}


@pytest.fixture
def api():
    return Anything()


@pytest.fixture
def read(api, capsysbinary):
    with served(api) as listening:
        yield Reader(listening.origin, capsysbinary)
