from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from elt.project.load import load_project
from elt.runner.fingerprints import fingerprints
from elt.transform.manifest import Manifest, Node

TOML = """
[project]
name = "acme"
[taps.crm]
plugin = "files"
tags = ["sales"]
[taps.crm.config]
token = "${env:TOKEN}"
[taps.crm.streams.deals]
key = ["id"]
[transform]
[destinations.out]
plugin = "file"
[syncs.health]
model = "customers"
destination = "out"
object = "health.csv"
key = "id"
"""
ALL = {
    "stream:crm.deals",
    "stream:crm.people",
    "model:customers",
    "model:inside",
    "sync:health",
}


def stream(name: str, **columns: str) -> dict[str, Any]:
    return {
        "tap_stream_id": name,
        "stream": name,
        "key_properties": ["id"],
        "schema": {"properties": {key: {"type": t} for key, t in columns.items()}},
        "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
    }


def node(name: str, *depends_on: str, **changes: Any) -> Node:
    values: dict[str, Any] = {
        "unique_id": f"model.acme.{name}",
        "kind": "model",
        "name": name,
        "fqn": ("acme", name),
        "database": "warehouse",
        "schema": "main",
        "identifier": name,
        "depends_on": depends_on,
        "tags": (),
        "severity": "error",
        "path": f"models/{name}.sql",
        "package": "acme",
        "materialized": "table",
        "digest": name,
    }
    return Node(**values | changes)


CATALOGS = {"crm": {"streams": [stream("deals", id="integer"), stream("people")]}}
INSIDE = node("inside", materialized="ephemeral")
CUSTOMERS = node("customers", INSIDE.unique_id)
Made = Callable[..., dict[str, str]]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Sum up the project, with these changes to its file and what it is made of."""

    def sum_up(
        *changes: tuple[str, str],
        catalogs: Any = CATALOGS,
        nodes: tuple[Node, ...] = (INSIDE, CUSTOMERS),
    ) -> dict[str, str]:
        text = TOML
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "elt.toml").write_text(text)
        by_id = {each.unique_id: each for each in nodes}
        return fingerprints(load_project(tmp_path), catalogs, Manifest(nodes=by_id))

    return sum_up


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {asset for asset in before if before[asset] != after.get(asset)}


def test_everything_has_a_fingerprint_that_stays(made: Made):
    assert made().keys() == ALL
    assert made() == made()


@pytest.mark.parametrize(
    ("old", "new", "assets"),
    [
        ('plugin = "files"', 'plugin = "events"', "stream:crm.deals stream:crm.people"),
        ("env:TOKEN", "env:OTHER", "stream:crm.deals stream:crm.people"),
        ('key = ["id"]', 'key = ["id", "at"]', "stream:crm.deals"),
        ('"health.csv"', '"sick.csv"', "sync:health"),
        (
            'plugin = "file"\n',
            'plugin = "file"\nconfig = { path = "x" }\n',
            "sync:health",
        ),
        ('tags = ["sales"]', 'owner = "ann"\nreject_limit = 3', ""),
        ('object = "health.csv"', 'object = "health.csv"\ntags = ["x"]', ""),
        ('tags = ["sales"]', 'max_age = "26h"', ""),
        ('key = ["id"]', 'key = ["id"]\nmax_age = "1h"', ""),
        (
            'object = "health.csv"',
            'object = "health.csv"\nmax_age = "2d"\non_stale = "stop"',
            "",
        ),
        ('plugin = "file"\n', 'plugin = "file"\nsend_in = ["default"]\n', ""),
        ('key = ["id"]', 'key = ["id"]\nnested = "json"', ""),  # as by default
    ],
)
def test_what_changes_of_the_file_changes_what_it_is_about(
    made: Made, old: str, new: str, assets: str
):
    assert changed(made(), made((old, new))) == set(assets.split())


def test_a_stream_changes_with_its_schema(made: Made):
    other = {"crm": {"streams": [stream("deals", id="string"), stream("people")]}}

    assert changed(made(), made(catalogs=other)) == {"stream:crm.deals"}


def test_a_stream_that_is_not_selected_any_more_changes_no_other(made: Made):
    fewer = {"crm": {"streams": [stream("deals", id="integer")]}}
    selecting = ('tags = ["sales"]', 'select = ["deals"]')

    after = made(selecting, catalogs=fewer)

    assert changed(made(), after) == {"stream:crm.people"}
    assert "stream:crm.people" not in after


def test_a_model_changes_with_what_dbt_writes_into_it(made: Made):
    inside = replace(INSIDE, digest="other")

    assert changed(made(), made(nodes=(inside, CUSTOMERS))) == {
        "model:inside",
        "model:customers",
    }


def test_a_model_does_not_change_with_a_table_that_it_reads(made: Made):
    table = replace(INSIDE, materialized="table")
    other = replace(table, digest="other")

    before, after = made(nodes=(table, CUSTOMERS)), made(nodes=(other, CUSTOMERS))

    assert changed(before, after) == {"model:inside"}
