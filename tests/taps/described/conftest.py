from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from taps.described.anything import Anything
from taps.told import Told

from elt.taps.described.tap import DescribedTap
from elt.testing.apis.serving import served


class OrdersTold(Told):
    usual = "orders"

    @property
    def marks(self):
        """The bookmark of each STATE, in their order."""
        found = [s["bookmarks"]["orders"] for s in self.states]
        marks = [bookmark.get("replication_key_value") for bookmark in found]
        return [mark for mark in marks if mark is not None]


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
        return OrdersTold(self.capsysbinary.readouterr().out, error)


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
