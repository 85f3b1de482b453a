"""What a whole run, and the plan before it, make of selections, owners and tags."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.runner.shop import ELT_TOML, Shop, make_shop

TOML = (
    ELT_TOML
    + """
owner = "ann"
tags = ["sales"]
[taps.shop.streams.log]
owner = "bob"
tags = ["slow"]
[selections.quick]
select = "tap:shop"
exclude = "tag:slow"
"""
)
NOTHING = "nothing to do: the selection chooses nothing at this moment\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = make_shop(tmp_path / "shop", TOML)
    made.rows(keyed=[(1, 1, "a")], log=[(1, 1, "a")], whole=[(1, 1, "a")])
    return made


def planned(shop: Shop, *words: str) -> list[str]:
    steps = shop.elt("plan", *words, "--json").json["steps"]
    return [asset.rpartition(".")[2] for step in steps for asset in step["assets"]]


def test_what_was_loaded_is_modified_only_when_its_table_in_the_file_is(shop: Shop):
    before = planned(shop, "state:modified")
    shop.run()
    after = planned(shop, "state:modified")
    toml = shop.path / "elt.toml"
    toml.write_text(toml.read_text().replace('owner = "bob"', 'table = "logs"'))

    assert before == ["keyed", "log", "whole"]
    assert after == []
    assert planned(shop, "state:modified") == ["log"]
    assert planned(shop, "state:new") == []


def test_a_run_with_nothing_to_do_says_so_and_is_done(shop: Shop):
    shop.run()

    run = shop.run("state:modified", "result:failed+")
    plan = shop.elt("plan", "source_status:fresher,tag:sales", "state:new")
    (last, _) = shop.elt("runs", "--json").json

    assert (run.out, run.err.splitlines(keepends=True)[-1]) == ("", NOTHING)
    assert (plan.out, plan.err) == ("", NOTHING)
    assert (last["status"], last["message"]) == ("done", NOTHING.strip())


def test_what_failed_is_chosen_by_its_result(shop: Shop):
    tap = shop.path / "tap.py"
    code = tap.read_text()
    broken = code.replace(
        "for name, about in kind.items():\n    if",
        'if "x": raise SystemExit(9)\nfor name, about in kind.items():\n    if',
    )
    tap.write_text(broken)
    shop.run("selector:quick", code=1)
    tap.write_text(code)

    assert planned(shop, "result:failed") == ["keyed", "whole"]
    assert planned(shop, "result:error", "--exclude", "*.whole") == ["keyed"]

    shop.run("result:failed")

    assert planned(shop, "result:failed") == []
    assert planned(shop, "state:new") == ["log"]


def test_owners_and_tags_are_told_in_plan_status_and_failures(shop: Shop):
    tap = shop.path / "tap.py"
    failing = tap.read_text().replace(
        "since = ", 'if name == "log": raise SystemExit(9)\n    since = '
    )
    tap.write_text(failing)

    (step,) = shop.elt("plan", "--json").json["steps"]
    told = {a["id"]: (a["owner"], a["tags"]) for a in step["planned"]}
    run = shop.elt("run", "--json", code=1)
    status = {
        a["asset"]: (a["owner"], a["tags"]) for a in shop.elt("status", "--json").json
    }

    assert told == {
        "stream:shop.keyed": ("ann", ["sales"]),
        "stream:shop.log": ("bob", ["sales", "slow"]),
        "stream:shop.whole": ("ann", ["sales"]),
    }
    assert status == told
    (step,) = json.loads(run.out)["steps"]
    assert {a["asset"]: a["owner"] for a in step["assets"]} == {
        asset: owner for asset, (owner, _) in told.items()
    }
    assert "owner: " in run.err
    assert "bob" in run.err.split("owner: ")[1].splitlines()[0]
    assert "sales, slow" in shop.elt("status").out


def test_a_name_that_nothing_has_is_an_error_with_the_nearest(shop: Shop):
    done = shop.elt("run", "selector:quik", code=2)

    assert "there is no selection `quik` in elt.toml" in done.err
    assert "Did you mean `quick`?" in done.err
