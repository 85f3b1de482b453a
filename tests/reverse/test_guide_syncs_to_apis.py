"""docs/guides/syncs-to-apis.md works as it stands: its TOML talks to real servers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from elt.plugins import find, load
from elt.reverse.destination import Sender, make_destination
from elt.reverse.rest.settings import CallTable, ErrorsTable, RestConfig, ResultsTable
from elt.reverse.rest.template import CALL_NAMES, ROW_NAMES
from elt.testing.destination_apis import (
    TOKEN,
    Api,
    Batch,
    BatchUpsert,
    Bulk,
    Crud,
    troubles,
)
from elt.testing.destination_rules import REFUSED, RULES, FarSide, example_route
from elt.testing.webhooks import Receiver

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "syncs-to-apis.md").read_text(
    "utf-8"
)
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
APIS: dict[str, Callable[[], Api]] = {
    "shop": Crud,
    "hubspot": BatchUpsert,
    "customerio": Batch,
    "search": partial(Bulk, authorization=f"ApiKey {TOKEN}"),
}
SECRETS = {"CIO_SITE_ID": "site"}


@dataclass
class World:
    destination: Sender
    api: Api
    receiver: Receiver

    @property
    def far(self) -> FarSide:
        return FarSide(
            rows=lambda: self.api.rows,
            secrets=[TOKEN],
            troubles=troubles(
                self.receiver, {"refuses a row": lambda: self.api.refuse.add(REFUSED)}
            ),
        )


def table(name):
    """Give the destination that the page declares under this name, as a table."""
    for block in BLOCKS:
        document = tomllib.loads(
            re.sub(r"\$\{env:(\w+)\}", lambda m: SECRETS.get(m[1], TOKEN), block)
        )
        if name in document.get("destinations", {}):
            return document["destinations"][name]
    raise AssertionError(name)


@contextmanager
def served(name, folder):
    api = APIS[name]()
    declared = table(name)
    with Receiver(api.answer) as receiver:
        config = declared["config"]
        here = receiver.origin + urlsplit(config["url"]).path
        # So that nothing waits: not what the page is about.
        config |= {"url": here, "timeout_seconds": 0.3, "requests_per_second": 1e6}
        kind = load(find("destination", declared["plugin"], folder))
        yield World(make_destination(kind, config, folder), api, receiver)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", APIS)
def test_the_destinations_of_the_page_keep_the_rules(name, rule, tmp_path):
    with served(name, tmp_path) as world:
        rule(world.destination, example_route("people"), world.far)


def test_a_batch_with_an_unknown_property_is_split_to_the_row(tmp_path):
    with served("hubspot", tmp_path) as world:
        rules = {rule.__name__: rule for rule in RULES}
        world.api.poison = {REFUSED}
        far = FarSide(
            rows=lambda: world.api.rows,
            troubles=troubles(world.receiver, {"refuses the batch": lambda: None}),
        )

        rules["the_bad_row_of_a_refused_batch_is_found"](
            world.destination, example_route("contacts"), far
        )


@pytest.mark.parametrize("name", APIS)
def test_the_destinations_of_the_page_are_found_reachable(name, tmp_path):
    with served(name, tmp_path) as world:
        world.destination.check()


def test_every_name_for_templates_is_on_the_page():
    for name in (*CALL_NAMES, *ROW_NAMES):
        assert f"`{{{name}}}`" in PAGE


def test_every_setting_is_on_the_page():
    for declared in (RestConfig, CallTable, ResultsTable, ErrorsTable):
        for name in declared.__struct_fields__:
            assert f"`{name}`" in PAGE, name


def test_a_mirror_of_a_model_goes_through_hubspots_batches(world, tmp_path):
    world.table |= {"mode": "mirror", "object": "contacts"}
    with served("hubspot", tmp_path) as far:
        world.destination = far.destination
        far.api.refuse = {"bob"}
        world.people(("ann", 1), ("bob", 2), ("zoe", 3))
        first = world.run()

        far.api.refuse = set()
        world.people(("ann", 10), ("bob", 2))
        second = world.run()

        assert (first.tally.accepted, first.tally.rejected) == (2, 1)
        assert (second.tally.accepted, second.tally.rejected) == (3, 0)
        assert far.api.rows == {
            "ann": {"email": "ann", "score": 10},
            "bob": {"email": "bob", "score": 2},
        }
        assert world.run().total == 0
    assert world.query(
        "SELECT key, receipt, message FROM _elt.sync_changes WHERE receipt = 'rejected'"
    ) == [("bob", "rejected", "not this one")]
