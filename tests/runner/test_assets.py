from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from elt.errors import ConfigError
from elt.project.load import load_project
from elt.project.settings import Project
from elt.runner.assets import build_graph
from elt.transform.manifest import Manifest, Node, Source

TOML = """
[project]
name = "acme"

[taps.crm]
plugin = "files"
tags = ["sales"]
[taps.crm.streams.Deals]
table = "all_deals"

[taps.billing]
plugin = "files"

[transform]

[destinations.out]
plugin = "file"

[syncs.health]
model = "customers"
destination = "out"
object = "health.csv"
key = "id"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_of(tmp_path, TOML)


def project_of(folder: Path, text: str) -> Project:
    (folder / "elt.toml").write_text(text)
    return load_project(folder)


def catalog(*streams: str) -> dict[str, Any]:
    return {
        "streams": [
            {
                "tap_stream_id": name,
                "stream": name,
                "schema": {"properties": {"id": {"type": "integer"}}},
                "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
            }
            for name in streams
        ]
    }


def node(kind: str, name: str, *depends_on: str, **changes: Any) -> Node:
    values: dict[str, Any] = {
        "unique_id": f"{kind}.acme.{name}",
        "kind": kind,
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
        "materialized": "test" if kind == "test" else "table",
    }
    return Node(**values | changes)


def source(name: str, schema: str, identifier: str) -> Source:
    return Source(
        unique_id=f"source.acme.{name}",
        name=name,
        database="warehouse",
        schema=schema,
        identifier=identifier,
    )


def manifest(*parts: Node | Source) -> Manifest:
    return Manifest(
        nodes={part.unique_id: part for part in parts if isinstance(part, Node)},
        sources={part.unique_id: part for part in parts if isinstance(part, Source)},
    )


CATALOGS = {"crm": catalog("Deals", "Contact List"), "billing": catalog("invoices")}
EPHEMERAL = {"materialized": "ephemeral"}
MANIFEST = manifest(
    source("deals", "RAW_crm", "All_Deals"),
    source("contacts", "raw_crm", "contact_list"),
    source("elsewhere", "public", "visits"),
    node("model", "stg", "source.acme.deals", "source.acme.elsewhere"),
    node("model", "tmp", "model.acme.stg", "source.acme.contacts", **EPHEMERAL),
    node("model", "customers", "model.acme.tmp", "model.acme.stg"),
    node("test", "unique_id", "model.acme.customers"),
    node("test", "looks_odd", "model.acme.customers", severity="warn"),
    node("test", "unit", "model.acme.customers", is_unit_test=True),
)


def test_streams_models_tests_and_syncs_hang_together(project: Project):
    graph = build_graph(project, CATALOGS, MANIFEST)

    assert {asset.id: asset.upstream for asset in graph} == {
        "stream:crm.Deals": (),
        "stream:crm.Contact List": (),
        "stream:billing.invoices": (),
        "model:stg": ("stream:crm.Deals",),
        "model:customers": ("model:stg", "stream:crm.Contact List"),
        "test:unique_id": ("model:customers",),
        "test:looks_odd": ("model:customers",),
        "test:unit": ("model:customers",),
        "sync:health": ("model:customers", "test:unique_id"),
    }


def test_a_test_under_a_model_holds_back_the_syncs_of_that_model_only(
    project: Project,
):
    both = ("model.acme.customers", "model.acme.orders")
    parts = manifest(
        node("model", "customers"),
        node("model", "orders"),
        node("test", "known_customer", *both, attached="model.acme.orders"),
        node("test", "totals_agree", *both),
    )

    sync = build_graph(project, {}, parts)["sync:health"]

    assert sync.upstream == ("model:customers", "test:totals_agree")


def test_a_stream_knows_its_table(project: Project):
    deals = build_graph(project, CATALOGS, MANIFEST)["stream:crm.Deals"]

    assert deals.detail["schema"] == "raw_crm"
    assert deals.detail["table"] == "all_deals"
    assert deals.tags == ("sales",)


def test_a_tap_that_did_not_answer_has_the_streams_that_dbt_reads(project: Project):
    graph = build_graph(project, {"billing": CATALOGS["billing"]}, MANIFEST)

    assert graph["model:stg"].upstream == ("stream:crm.Deals",)
    assert graph["model:customers"].upstream == ("model:stg", "stream:crm.contact_list")


def test_a_tap_nobody_knows_anything_of_is_one_asset(project: Project):
    graph = build_graph(project, {"crm": CATALOGS["crm"]}, MANIFEST)

    assert "stream:billing.*" in graph


def test_two_streams_must_not_load_one_table(project: Project):
    catalogs = CATALOGS | {"crm": catalog("contact list", "Contact-List")}

    with pytest.raises(
        ConfigError, match=r"both load the table `raw_crm.contact_list`"
    ):
        build_graph(project, catalogs, MANIFEST)


def test_a_sync_of_an_unknown_model_names_the_nearest(project: Project):
    with pytest.raises(ConfigError, match="which does not exist") as raised:
        build_graph(project, CATALOGS, manifest(node("model", "customer")))

    assert raised.value.hint == "Did you mean `customer`?"
    assert "[syncs.health]" in (raised.value.where or "")


def test_models_of_two_packages_may_share_a_name(project: Project):
    parts = manifest(
        node("model", "customers"),
        node("model", "acme.orders"),
        node("model", "shop.orders", unique_id="model.shop.orders"),
    )

    graph = build_graph(project, {}, parts)

    assert "model:acme.orders" in graph
    assert "model:shop.orders" in graph


def test_sources_are_names_of_streams_or_of_what_somebody_else_loads(
    project: Project,
):
    graph = build_graph(project, CATALOGS, MANIFEST)

    sources = {asset.id: asset.detail.get("sources") for asset in graph}
    assert sources["stream:crm.Deals"] == ("deals",)
    assert sources["stream:crm.Contact List"] == ("contacts",)
    assert sources["stream:billing.invoices"] == ()
    reads = {asset.id: asset.detail.get("reads") for asset in graph}
    assert reads["model:stg"] == ("elsewhere",)
    assert reads["model:customers"] == ()


def test_who_reads_an_outside_table_through_an_ephemeral_model_reads_it(
    project: Project,
):
    parts = manifest(
        source("elsewhere", "public", "visits"),
        node("model", "tmp", "source.acme.elsewhere", **EPHEMERAL),
        node("model", "customers", "model.acme.tmp"),
    )

    graph = build_graph(project, CATALOGS, parts)

    assert graph["model:customers"].detail["reads"] == ("elsewhere",)


def test_owners_and_tags_are_the_streams_own_or_its_taps(tmp_path: Path):
    text = TOML.replace('tags = ["sales"]', 'tags = ["sales"]\nowner = "ann"')
    text = text.replace(
        'table = "all_deals"', 'owner = "bob"\ntags = ["slow", "sales"]'
    )
    text = text.replace('key = "id"', 'key = "id"\nowner = "cy"')
    parts = manifest(node("model", "customers", owner="Fin", owner_email="f@x.example"))

    graph = build_graph(project_of(tmp_path, text), CATALOGS, parts)

    told = {a.id: (a.owner, a.tags) for a in graph if a.owner}
    assert told == {
        "stream:crm.Deals": ("bob", ("sales", "slow")),
        "stream:crm.Contact List": ("ann", ("sales",)),
        "model:customers": ("Fin", ()),
        "sync:health": ("cy", ()),
    }


def test_a_package_of_dbt_lies_in_its_folder(project: Project):
    nodes = {
        each.unique_id: each
        for each in (
            node("model", "customers"),
            node("model", "theirs", unique_id="model.web.theirs", package="web"),
        )
    }

    graph = build_graph(project, {}, Manifest(nodes=nodes, project="acme"))

    assert graph["model:customers"].detail["path"] == "models/customers.sql"
    assert graph["model:theirs"].detail["path"] == "dbt_packages/web/models/theirs.sql"
