"""Samples of our own, and the events tap over a folder of them, in this process."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from elt.taps.events.atomic import COLUMNS
from elt.taps.events.tap import EventsTap

WEB_PAGE = "iglu:com.snowplowanalytics.snowplow/web_page/jsonschema/1-0-0"
THING = "iglu:com.acme/thing/jsonschema/1-0-0"
THING_SCHEMA = {
    "$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/"
    "jsonschema/1-0-0#",
    "self": {
        "vendor": "com.acme",
        "name": "thing",
        "format": "jsonschema",
        "version": "1-0-0",
    },
    "type": "object",
    "properties": {
        "thingId": {"type": "integer", "minimum": 0},
        "seenAt": {"type": "string", "format": "date-time"},
    },
    "required": ["thingId"],
}


def track(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "messageId": f"m-{number}",
        "type": "track",
        "event": "Order Completed",
        "anonymousId": "a-1",
        "properties": {"total": 9.9},
        "originalTimestamp": "2026-01-01T10:00:00.000Z",
        "sentAt": "2026-01-01T10:00:01.000Z",
        "receivedAt": f"2026-03-01T09:{number:02}:00.000Z",
        **changes,
    }


def contexts(*entities: Any) -> dict[str, Any]:
    listed = [{"schema": schema, "data": data} for schema, data in entities]
    schema = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0"
    return {"schema": schema, "data": listed}


def unstruct(schema: str, data: Any) -> dict[str, Any]:
    outer = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"
    return {"schema": outer, "data": {"schema": schema, "data": data}}


def tsv(number: int = 1, **changes: Any) -> str:
    """Write an enriched event; values that are no text are written as JSON."""
    values = {
        "app_id": "shop",
        "platform": "web",
        "collector_tstamp": f"2026-03-01 09:{number:02}:00.000",
        "event": "page_view",
        "event_id": f"00000000-0000-4000-8000-{number:012}",
        "v_tracker": "js-3.0.0",
        "v_collector": "ssc-2.0.0",
        "v_etl": "enrich-4.0.0",
        "event_fingerprint": f"fp-{number}",
        **changes,
    }
    fields = (values.get(name, "") for name in COLUMNS)
    return "\t".join(f if isinstance(f, str) else json.dumps(f) for f in fields)


def payload(*events: Any, **beside: Any) -> dict[str, Any]:
    schema = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
    return {"schema": schema, "data": list(events), **beside}


def sent(number: int = 1, **changes: str) -> dict[str, str]:
    return {
        "e": "pv",
        "p": "web",
        "tv": "js-3.0.0",
        "eid": f"00000000-0000-4000-8000-{number:012}",
        "url": "https://shop.example.com/",
        **changes,
    }


@pytest.fixture
def samples() -> SimpleNamespace:
    """Give the makers of samples above."""
    return SimpleNamespace(**globals())


@dataclass
class Synced:
    """What the tap wrote in one run."""

    messages: list[dict[str, Any]]

    def rows(self, stream: str = "events") -> list[dict[str, Any]]:
        return [
            m["record"]
            for m in self.messages
            if m["type"] == "RECORD" and m["stream"] == stream
        ]

    @property
    def streams(self) -> dict[str, int]:
        """Count the rows of each stream that has any."""
        counts: dict[str, int] = {}
        for message in self.messages:
            if message["type"] == "RECORD":
                counts[message["stream"]] = counts.get(message["stream"], 0) + 1
        return counts

    @property
    def state(self) -> dict[str, Any]:
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        return states[-1]


@dataclass
class Folder:
    """A folder of events, and the tap over it."""

    path: Path
    capsys: pytest.CaptureFixture[str]

    def write(self, name: str, *lines: Any, content: bytes | None = None) -> Path:
        """Write lines, each ended; what is no text as JSON."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = [one if isinstance(one, str) else json.dumps(one) for one in lines]
        whole = "".join(f"{text}\n" for text in texts).encode()
        path.write_bytes(whole if content is None else content)
        return path

    def schema(self, uri: str, schema: Any) -> Path:
        return self.write("schemas/" + uri.removeprefix("iglu:"), schema)

    def tap(self, format: str, **given: Any) -> EventsTap:  # noqa: A002
        state, catalog = given.pop("state", None), given.pop("catalog", None)
        config = {"path": "in/", "format": format, **given}
        return EventsTap(config=config, state=deepcopy(state), catalog=catalog)

    def catalog(self, format: str, **given: Any) -> dict[str, Any]:  # noqa: A002
        return self.tap(format, **given).catalog_dict

    def sync(self, format: str, **given: Any) -> Synced:  # noqa: A002
        tap = self.tap(format, **given)
        self.capsys.readouterr()
        tap.sync_all()
        lines = self.capsys.readouterr().out.splitlines()
        return Synced([json.loads(line) for line in lines])


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys) -> Iterator[Folder]:
    monkeypatch.chdir(tmp_path)
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield Folder(tmp_path, capsys)
    for number, handler in before.items():  # singer-sdk takes them over
        signal.signal(number, handler)
