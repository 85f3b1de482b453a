"""Every destination keeps to the same rules, ours and a stranger's alike."""

from __future__ import annotations

import contextlib

import pytest

from elt.errors import ConfigError
from elt.reverse.destination import (
    Receipt,
    Traits,
    destination,
    make_destination,
)
from elt.reverse.destinations.file import FileDestination
from elt.reverse.destinations.webhook import WebhookDestination
from elt.testing.destination_rules import RULES, BrokenRule, example_route
from elt.testing.destinations import Memory, MemoryFile
from elt.testing.webhooks import Receiver


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


@contextlib.contextmanager
def webhook():
    with Receiver() as receiver:
        yield make_destination(WebhookDestination, {"url": receiver.url}, None)


def file(folder, name, **config):
    made = make_destination(FileDestination, {"path": "out", **config}, folder)
    return contextlib.nullcontext(made), name


def made(kind, folder):
    match kind:
        case "webhook":
            return webhook(), "contacts"
        case "memory":
            return contextlib.nullcontext(Memory()), "contacts"
        case "memory file":
            return contextlib.nullcontext(MemoryFile()), "contacts"
        case "stranger":
            return contextlib.nullcontext(make_destination(Stranger, {}, folder)), "x"
        case "full csv" | "full jsonl" | "full parquet":
            return file(folder, f"people.{kind.split()[1]}")
        case _:
            return file(folder, f"people.{kind.split()[1]}", content="changes")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "kind",
    [
        *("memory", "memory file", "stranger", "webhook"),
        *(f"{c} {f}" for c in ("full", "delta") for f in ("csv", "jsonl", "parquet")),
    ],
)
def test_a_destination_keeps_the_rules(kind, rule, tmp_path):
    made_destination, name = made(kind, tmp_path)

    with made_destination as it:
        rule(it, example_route(name))


class Forgetful(Stranger):
    def send(self, route, changes):
        return super().send(route, changes)[1:]


class Careless(MemoryFile):
    def write(self, route, changes, rows):
        with contextlib.suppress(Exception):
            return super().write(route, changes, rows)
        return "written"


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (Forgetful({}, None), "every_change_is_answered_once"),
        (Careless(), "a_writer_lets_errors_through"),
        (Memory(traits=Traits(batch_size=0)), "traits_are_sensible"),
    ],
)
def test_the_rules_find_a_destination_that_breaks_them(broken, rule):
    (check,) = [each for each in RULES if each.__name__ == rule]

    with pytest.raises(BrokenRule):
        check(broken, example_route())


def test_a_class_that_is_no_destination_is_refused(tmp_path):
    class Nothing:
        def __init__(self, config, root):
            """Take what every destination takes."""

    with pytest.raises(ConfigError, match="`Nothing` is not a destination"):
        make_destination(Nothing, {}, tmp_path)


def test_a_plugin_is_named_by_its_decorator():
    assert Stranger.__elt_destination__ == "stranger"
