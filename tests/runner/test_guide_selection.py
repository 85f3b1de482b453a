"""docs/guides/selection.md: each word of its table chooses what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from elt.project.load import load_project
from elt.project.settings import Project
from elt.runner.graph import Asset, Graph
from elt.runner.methods import METHODS
from elt.runner.selection import select
from elt.runner.words import parts, split

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "selection.md").read_text(
    "utf-8"
)
TABLE = re.findall(r"^\| (`.+?) \| .+? \| (.*?)\s?\|$", PAGE, re.MULTILINE)
TOML = "\n".join(re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))


def node(name: str, *upstream: str, folder: str = "staging", **detail: object) -> Asset:
    told = {
        "fqn": ("acme", folder, name),
        "path": f"models/{folder}/{name}.sql",
        "project_dir": "transform",
        **detail,
    }
    kind = "test" if name.startswith("unique") else "model"
    return Asset(f"{kind}:{name}", kind, name, upstream, detail=told)


def stream(name: str) -> Asset:
    detail = {"tap": "crm", "sources": (f"raw_crm.{name}",)}
    tags = ("sales",)
    return Asset(f"stream:crm.{name}", "stream", f"crm.{name}", (), tags, detail, "ann")


STAGING = ("model:stg_contacts", "model:stg_deals", "model:stg_visits")
GRAPH = Graph(
    [
        stream("contacts"),
        stream("deals"),
        node("stg_contacts", "stream:crm.contacts"),
        node("stg_deals", "stream:crm.deals"),
        node("stg_visits", reads=("web.visits",)),
        node("customers", *STAGING, folder="marts"),
        node("unique_customers_id", "model:customers", folder="marts"),
        Asset(
            "sync:health",
            "sync",
            "health",
            ("model:customers", "test:unique_customers_id"),
            ("sales",),
        ),
    ]
)


def shown(asset: str) -> str:
    return asset if asset.startswith("sync:") else GRAPH[asset].name


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a project with every table that the guide shows."""
    (tmp_path / "elt.toml").write_text(f'[project]\nname = "acme"\n{TOML}')
    return load_project(tmp_path)


@pytest.mark.parametrize(
    ("written", "here"), [(written, here) for written, here in TABLE if here]
)
def test_each_word_chooses_what_the_table_says(
    project: Project, written: str, here: str
):
    word = re.findall(r"`(.+?)`", written)[0]
    everything = {shown(asset) for asset in GRAPH.order}
    named = set(re.findall(r"`(.+?)`", here))

    found = select(GRAPH, word, named=project.file.selections)

    wholes = {"everything": everything, "all but": everything - named}
    expected = next((w for k, w in wholes.items() if here.startswith(k)), named)
    assert {shown(asset) for asset in found} == expected


def test_the_table_has_every_method_and_no_other():
    told = [word for row, _ in TABLE for word in re.findall(r"`(.+?)`", row)]
    full = [word for word in told if not word.endswith(":")]
    read = [part for word in split(full) for part in parts(word)]
    bare = {word.rstrip(":") for word in told if word.endswith(":")}

    assert {part.method for part in read} | bare == {*METHODS, None}


def test_the_owners_and_tags_of_the_guide_are_settings(project: Project):
    deals = project.file.taps["crm"].streams["deals"]

    assert (deals.owner, deals.tags) == ("bob", ["slow"])
