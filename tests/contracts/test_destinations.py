"""Every destination keeps to the same rules, ours and a stranger's alike."""

from __future__ import annotations

import json
from contextlib import contextmanager, nullcontext
from decimal import Decimal
from functools import partial

import pytest

from elt.errors import ConfigError
from elt.reverse.destination import (
    Receipt,
    Traits,
    destination,
    make_destination,
)
from elt.reverse.destinations.file import FileDestination
from elt.reverse.destinations.rest import RestDestination
from elt.reverse.destinations.webhook import WebhookDestination
from elt.reverse.payload import payload
from elt.testing.destination_apis import TOKEN, Crud, troubles
from elt.testing.destination_rules import REFUSED, RULES, FarSide, example_route
from elt.testing.destinations import Memory, MemoryFile
from elt.testing.webhooks import Answer, Receiver


@destination("stranger")
class Stranger:
    """The least that a destination can be."""

    def __init__(self, config, root):
        del config, root
        self.traits = Traits(batch_size=2, modes=frozenset(("upsert", "mirror")))

    def check(self):
        pass

    def send(self, route, changes):
        del route
        return [Receipt(change.key, "accepted") for change in changes]


@contextmanager
def stranger(folder):
    yield make_destination(Stranger, {}, folder), example_route("x"), FarSide()


@contextmanager
def memory(folder):
    del folder
    made = Memory(traits=Traits(is_local=True, batch_size=20))

    def silent():
        made.silent = {"ann", "bob", REFUSED, "zoe"}

    begins = {
        "refuses a row": partial(made.refuse.add, REFUSED),
        "refuses the batch": partial(made.poison.add, REFUSED),
        "refuses us": partial(setattr, made, "bad_credentials", True),
        "is down": partial(setattr, made, "down", 1),
        "loses the answer": silent,
    }
    far = FarSide(
        rows=lambda: dict(made.rows),
        troubles={name: partial(begun, begin) for name, begin in begins.items()},
    )
    yield made, example_route("people"), far


def begun(begin):
    begin()
    return nullcontext()


@contextmanager
def memory_file(folder):
    del folder
    made = MemoryFile(wants_rows=True)

    def rows():
        texts = made.writes[-1][1] if made.writes else []
        return {row["id"]: row for row in map(payload, texts)}

    fails = partial(begun, partial(setattr, made, "fails", True))
    yield made, example_route(), FarSide(rows=rows, troubles={"is down": fails})


@contextmanager
def file(name, folder, **config):
    made = make_destination(FileDestination, {"path": "out", **config}, folder)
    path = folder / "out" / name

    def rows():
        lines = path.read_text("utf-8").split("\n")[:-1] if path.exists() else []
        return {row["id"]: row for row in map(payload, lines)}

    readable = name.endswith("jsonl") and not config
    yield made, example_route(name), FarSide(rows=rows if readable else None)


@contextmanager
def webhook(folder):
    rows, refuse = {}, set()

    def take(request):
        body = json.loads(request.body, parse_float=Decimal)
        results = [_taken(rows, refuse, body["mode"], c) for c in body["changes"]]
        return Answer(200, json.dumps({"results": results}))

    with Receiver(take) as receiver:
        config = {
            "url": f"{receiver.url}/{TOKEN}",
            "headers": {"X-Token": TOKEN},
            "timeout_seconds": 0.3,
        }
        made = make_destination(WebhookDestination, config, folder)
        more = {"refuses a row": partial(refuse.add, REFUSED)}
        far = FarSide(
            rows=lambda: dict(rows), secrets=[TOKEN], troubles=troubles(receiver, more)
        )
        yield made, example_route("people"), far


def _taken(rows, refuse, mode, change):
    """Do what a receiver of webhooks does that knows all modes."""
    key, there = change["key"], change["key"] in rows
    refused = key in refuse or {"update": not there, "insert": there}.get(mode, False)
    if refused:
        return {"key": key, "status": "rejected", "message": "not this one"}
    if change["op"] == "removed":
        rows.pop(key, None)
    else:
        rows[key] = change["payload"]
    return {"key": key, "status": "accepted"}


@contextmanager
def rest(folder, **config):
    """Serve an API that writes by key; calls for many are in the guide's tests."""
    api = Crud(own_ids=False)
    with Receiver(api.answer) as receiver:
        calls = {
            "url": receiver.origin,
            "auth": {"type": "bearer", "token": TOKEN},
            "timeout_seconds": 0.3,
            "upsert": {"method": "PUT", "path": "/people/{key}"},
            "changed": {"method": "PATCH", "path": "/people/{key}"},
            "added": {"method": "POST", "path": "/people"},
            "removed": {"method": "DELETE", "path": "/people/{key}"},
        }
        made = make_destination(RestDestination, calls | config, folder)
        far = FarSide(
            rows=lambda: dict(api.rows),
            secrets=[TOKEN],
            troubles=troubles(
                receiver, {"refuses a row": partial(api.refuse.add, REFUSED)}
            ),
        )
        yield made, example_route("people"), far


KINDS = {
    "memory": memory,
    "memory file": memory_file,
    "stranger": stranger,
    "webhook": webhook,
    "rest": rest,
    "rest side by side": partial(rest, concurrency=4),
    "rest in small batches": partial(rest, batch_size=3, requests_per_second=2000),
    **{f"full {form}": partial(file, f"p.{form}") for form in ("csv", "jsonl")},
    "full parquet": partial(file, "p.parquet"),
    **{
        f"changes {form}": partial(file, f"p.{form}", content="changes")
        for form in ("csv", "jsonl", "parquet")
    },
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_destination_keeps_the_rules(kind, rule, tmp_path):
    with KINDS[kind](tmp_path) as (made, route, far):
        rule(made, route, far)


def test_a_class_that_is_no_destination_is_refused(tmp_path):
    class Nothing:
        def __init__(self, config, root):
            """Take what every destination takes."""

    with pytest.raises(ConfigError, match="`Nothing` is not a destination"):
        make_destination(Nothing, {}, tmp_path)


def test_a_plugin_is_named_by_its_decorator():
    assert Stranger.__elt_destination__ == "stranger"
