from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from elt.errors import EltError
from elt.transform.manifest import read_manifest


def node(unique_id: str, **more: Any) -> dict[str, Any]:
    kind, package, *rest = unique_id.split(".")
    name = rest[0]
    return {
        "unique_id": unique_id,
        "resource_type": kind,
        "name": name,
        "package_name": package,
        "fqn": [package, name],
        "schema": "main",
        "alias": name,
        "database": "w",
        "config": {"materialized": "table", "enabled": True},
        **more,
    }


def write_manifest(path: Path, *nodes: dict[str, Any], **more: Any) -> Path:
    by_id = {each["unique_id"]: each for each in nodes}
    path.write_text(json.dumps({"nodes": by_id, "sources": {}, **more}))
    return path


def test_a_test_keeps_all_its_parents(tmp_path: Path):
    parents = ["model.shop.a", "source.shop.raw.b"]
    path = write_manifest(
        tmp_path / "manifest.json",
        node("test.shop.relation", depends_on={"nodes": parents, "macros": ["m"]}),
    )

    [test] = read_manifest(path).nodes.values()

    assert (test.kind, test.depends_on, test.relation) == ("test", tuple(parents), None)


def test_an_ephemeral_model_has_no_relation(tmp_path: Path):
    path = write_manifest(
        tmp_path / "manifest.json",
        node("model.shop.a", config={"materialized": "ephemeral"}),
        node("model.shop.b", alias="other", schema="mart"),
    )

    nodes = read_manifest(path).nodes

    assert nodes["model.shop.a"].relation is None
    assert nodes["model.shop.b"].relation == ("mart", "other")


def test_analyses_and_hooks_are_not_nodes(tmp_path: Path):
    path = write_manifest(
        tmp_path / "manifest.json", node("analysis.shop.a"), node("operation.shop.b")
    )

    assert read_manifest(path).nodes == {}


def test_versions_and_packages_keep_names_apart(tmp_path: Path):
    path = write_manifest(
        tmp_path / "manifest.json",
        node("model.shop.dim.v1", version=1),
        node("model.shop.dim.v2", version=2),
        node("test.shop.same"),
        node("test.other.same"),
    )

    names = [each.name for each in read_manifest(path).nodes.values()]

    assert names == ["dim.v1", "dim.v2", "shop.same", "other.same"]


def test_exposures_and_severity_are_read(tmp_path: Path):
    exposure = {
        "unique_id": "exposure.shop.crm",
        "name": "crm",
        "type": "application",
        "depends_on": {"nodes": ["model.shop.a"]},
    }
    path = write_manifest(
        tmp_path / "manifest.json",
        node("test.shop.loose", config={"severity": "WARN", "tags": "nightly"}),
        exposures={exposure["unique_id"]: exposure},
    )

    manifest = read_manifest(path)

    assert manifest.exposures["exposure.shop.crm"].depends_on == ("model.shop.a",)
    assert manifest.nodes["test.shop.loose"].severity == "warn"
    assert manifest.nodes["test.shop.loose"].tags == ("nightly",)


def test_a_file_that_is_no_manifest_is_named(tmp_path: Path):
    (tmp_path / "manifest.json").write_text("{")

    with pytest.raises(EltError) as caught:
        read_manifest(tmp_path / "manifest.json")

    assert caught.value.where == str(tmp_path / "manifest.json")


def digests(path: Path, *nodes: dict[str, Any], **more: Any) -> list[str]:
    manifest = read_manifest(write_manifest(path / "manifest.json", *nodes, **more))
    return [each.digest for each in manifest.nodes.values()]


def settings(**more: Any) -> dict[str, Any]:
    return {"materialized": "table", "enabled": True, "tags": [], **more}


@pytest.mark.parametrize(
    "change",
    [
        {"checksum": {"name": "sha256", "checksum": "b"}},
        {"raw_code": "select 2"},
        {"alias": "other"},
        {"schema": "mart"},
        {"config": settings(materialized="view")},
        {"config": settings(unique_key="id")},
        {"test_metadata": {"name": "accepted_values", "kwargs": {"values": [1]}}},
        {"contract": {"enforced": True, "checksum": "c"}},
    ],
    ids=str,
)
def test_a_node_has_another_digest_when_something_of_it_changes(
    tmp_path: Path, change: dict[str, Any]
):
    (before,) = digests(tmp_path, node("model.shop.a", config=settings()))
    (after,) = digests(
        tmp_path, node("model.shop.a", **{"config": settings()} | change)
    )

    assert before != after


@pytest.mark.parametrize(
    "change",
    [
        {"description": "what it is"},
        {"config": settings(tags=["nightly"], meta={"owner": "ann"}, group="crm")},
        {"config": settings(something_new=None)},
        {"created_at": 2.0},
    ],
    ids=str,
)
def test_words_about_a_node_change_no_digest(tmp_path: Path, change: dict[str, Any]):
    (before,) = digests(tmp_path, node("model.shop.a", config=settings()))
    (after,) = digests(
        tmp_path, node("model.shop.a", **{"config": settings()} | change)
    )

    assert before == after


def macros(inner: str) -> dict[str, Any]:
    return {
        "macro.shop.cents": {
            "macro_sql": "{{ round() }}",
            "depends_on": {"macros": ["macro.shop.round"]},
        },
        "macro.shop.round": {
            "macro_sql": inner,
            "depends_on": {"macros": ["macro.shop.cents"]},
        },
        "macro.dbt.is_incremental": {"macro_sql": inner},
    }


def test_a_node_changes_with_the_projects_macros_behind_it(tmp_path: Path):
    nodes = [
        node("model.shop.uses", depends_on={"macros": ["macro.shop.cents"]}),
        node(
            "model.shop.plain",
            depends_on={"macros": ["macro.dbt.is_incremental", None]},
        ),
    ]

    uses, plain = digests(tmp_path, *nodes, macros=macros("a"))
    uses_later, plain_later = digests(tmp_path, *nodes, macros=macros("b"))

    assert uses != uses_later
    assert plain == plain_later


def test_owners_come_from_meta_and_from_groups(tmp_path: Path):
    group = {"name": "finance", "owner": {"name": "Fin", "email": "fin@acme.example"}}
    nameless = {"name": "web", "owner": {"email": ["a@acme.example", "b@acme.example"]}}
    path = write_manifest(
        tmp_path / "manifest.json",
        node("model.shop.grouped", config={"group": "finance"}),
        node("model.shop.nameless", config={"group": "web"}),
        node("model.shop.own", config={"group": "finance", "meta": {"owner": "ann"}}),
        node("model.shop.old", meta={"owner": ["ann", "bob"]}),
        node("model.shop.nobodys", config={"meta": {"owner": {"odd": 1}}}),
        node("test.shop.inherits_none", config={"group": "finance"}),
        groups={"group.shop.finance": group, "group.shop.web": nameless},
        metadata={"project_name": "shop"},
    )

    manifest = read_manifest(path)

    assert manifest.project == "shop"
    assert [(n.owner, n.owner_email) for n in manifest.nodes.values()] == [
        ("Fin", "fin@acme.example"),
        ("a@acme.example, b@acme.example", "a@acme.example, b@acme.example"),
        ("ann", ""),
        ("ann, bob", ""),
        ("", ""),
        ("", ""),
    ]


def test_a_config_that_is_none_is_told_as_the_manifests_fault(tmp_path: Path):
    write_manifest(tmp_path / "manifest.json", node("model.shop.a", config=[1]))

    with pytest.raises(EltError, match="manifest cannot be read"):
        read_manifest(tmp_path / "manifest.json")
