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
