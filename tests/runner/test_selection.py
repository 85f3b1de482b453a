from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.errors import ConfigError
from elt.project.selection_settings import SelectionTable
from elt.runner.graph import Asset, Graph
from elt.runner.methods import Past
from elt.runner.selection import select


def stream(tap: str, name: str, *tags: str, **more: Any) -> Asset:
    full = f"{tap}.{name}"
    owner = more.pop("owner", "")
    return Asset(
        f"stream:{full}", "stream", full, (), tags, {"tap": tap, **more}, owner
    )


def node(
    kind: Any, name: str, *upstream: str, folder: str = "marts", **more: Any
) -> Asset:
    tags, owner = more.pop("tags", ()), more.pop("owner", "")
    detail = {
        "fqn": ("shop", *folder.split("/"), name),
        "path": f"models/{folder}/{name}.sql",
        "project_dir": "transform",
        **more,
    }
    return Asset(f"{kind}:{name}", kind, name, upstream, tags, detail, owner)


GRAPH = Graph(
    [
        stream(
            "crm", "contacts", "sales", sources=("raw_crm.contacts",), owner="ann, bob"
        ),
        stream("crm", "deals", "sales", sources=("raw_crm.deals",), owner="ann, bob"),
        stream("billing", "invoices", sources=("raw_billing.invoices",)),
        node("model", "stg_contacts", "stream:crm.contacts", folder="staging/crm"),
        node(
            "model",
            "stg_invoices",
            "stream:billing.invoices",
            folder="staging",
            owner="Finance",
            owner_email="fin@acme.example",
        ),
        node("model", "visits", reads=("web.visits",), folder="staging"),
        node(
            "model",
            "customers",
            "model:stg_contacts",
            "model:stg_invoices",
            "model:visits",
            tags=("finance",),
        ),
        node("test", "customers_id", "model:customers"),
        node("test", "customers_unit", "model:customers", unit_test=True),
        Asset(
            "sync:health",
            "sync",
            "health",
            ("model:customers", "test:customers_id"),
            ("sales",),
        ),
    ]
)
EVERYTHING = set(GRAPH.order)
STAGING = "stg_contacts stg_invoices visits"
CUSTOMERS = "customers customers_id customers_unit"


def names(found: set[str]) -> set[str]:
    return {GRAPH[asset].name for asset in found}


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("tap:crm", "crm.contacts crm.deals"),
        ("crm.deals", "crm.deals"),
        ("stream:crm.deals", "crm.deals"),
        ("stream:*.deals", "crm.deals"),
        ("customers", CUSTOMERS),
        ("model:customers", CUSTOMERS),
        ("test:customers_id", "customers_id"),
        ("sync:health", "health"),
        ("tag:sales", "crm.contacts crm.deals health"),
        ("stg_*", "stg_contacts stg_invoices"),
        ("+stg_contacts", "crm.contacts stg_contacts"),
        ("stg_contacts+", f"stg_contacts {CUSTOMERS} health"),
        ("crm.contacts+1", "crm.contacts stg_contacts"),
        ("1+customers", f"{STAGING} {CUSTOMERS}"),
        ("1+customers+1", f"{STAGING} {CUSTOMERS} health"),
        ("crm.deals billing.invoices", "crm.deals billing.invoices"),
        ("tap:crm+,tag:sales", "crm.contacts crm.deals health"),
        ("@stg_contacts", "* -crm.deals"),
        ("@crm.deals", "crm.deals"),
        ("owner:ann", "crm.contacts crm.deals"),
        ("owner:Finance", "stg_invoices"),
        ("owner:fin@*", "stg_invoices"),
        ("resource_type:stream", "crm.contacts crm.deals billing.invoices"),
        ("resource_type:unit_test", "customers_unit"),
        ("resource_type:test", "customers_id"),
        ("source:raw_crm", "crm.contacts crm.deals"),
        ("source:raw_crm.deals", "crm.deals"),
        ("source:raw_*.invoices", "billing.invoices"),
        ("source:web.visits+1", "visits"),
        ("source:web+", f"visits {CUSTOMERS} health"),
        ("@source:web", "* -crm.deals"),
        ("path:models/staging", STAGING),
        ("path:transform/models/staging/", STAGING),
        ("path:./transform/models/staging/crm", "stg_contacts"),
        ("path:models/staging/visits.sql", "visits"),
        ("path:models/staging/*.sql", "stg_invoices visits"),
        ("path:models/**/stg_*.sql", "stg_contacts stg_invoices"),
        ("path:models/stag*", STAGING),
        ("path:.", f"{STAGING} {CUSTOMERS}"),
        ("models/staging/crm", "stg_contacts"),
        ("visits.sql", "visits"),
        ("staging", STAGING),
        ("shop.staging.crm", "stg_contacts"),
        ("staging.*", STAGING),
    ],
)
def test_a_word_chooses_as_in_dbt(words: str, chosen: str):
    found = select(GRAPH, [words])

    everything, _, but = chosen.partition("* -")
    expected = names(EVERYTHING) - {but} if but else set(everything.split())
    assert names(found) == expected


def test_no_words_choose_everything():
    assert select(GRAPH) == EVERYTHING


def test_words_may_come_one_by_one():
    assert select(GRAPH, ["crm.deals", "sync:health"]) == {
        "stream:crm.deals",
        "sync:health",
    }


def test_excluded_assets_are_left_out():
    assert select(GRAPH, ["tap:crm"], exclude=["crm.deals"]) == {"stream:crm.contacts"}
    assert select(GRAPH, exclude=["+sync:health"]) == {"stream:crm.deals"}


def test_a_model_that_is_left_out_takes_its_tests_along():
    found = select(GRAPH, ["staging customers+"], exclude=["customers"])

    assert names(found) == {*STAGING.split(), "health"}


def test_loading_a_tap_does_not_start_dbt_for_the_tests_of_its_sources():
    graph = Graph(
        [stream("crm", "deals"), Asset("test:t", "test", "t", ("stream:crm.deals",))]
    )

    assert select(graph, ["tap:crm"]) == {"stream:crm.deals"}


def test_an_exclusion_that_leaves_nothing_is_an_error():
    with pytest.raises(ConfigError, match="nothing is left"):
        select(GRAPH, ["tap:crm"], exclude=["crm.*"])


def test_an_empty_project_is_an_error():
    with pytest.raises(ConfigError, match="nothing to run"):
        select(Graph([]))


@pytest.mark.parametrize(
    ("word", "what", "hint"),
    [
        ("custmers", "nothing is called `custmers`", "Did you mean `customers`?"),
        ("tap:crn", "nothing is called `tap:crn`", "Did you mean `tap:crm`?"),
        ("deals", "nothing is called `deals`", "Did you mean `crm.deals`?"),
        ("health", "nothing is called `health`", "Did you mean `sync:health`?"),
        ("sync:zzz", "nothing is called `sync:zzz`", "`elt plan` lists them all"),
        ("tag:sale", "nothing has the tag `sale`", "Did you mean `tag:sales`?"),
        ("tag:zzz", "nothing has the tag `zzz`", "There is `finance`, `sales`"),
        (
            "owner:Finanz",
            "nothing has the owner `Finanz`",
            "Did you mean `owner:Finance`?",
        ),
        (
            "source:raw_crn",
            "there is no source `raw_crn`",
            "Did you mean `source:raw_crm`?",
        ),
        (
            "path:models/stagin",
            "nothing of the dbt project is in `models/stagin`",
            "Did you mean `path:models/staging`?",
        ),
        (
            "resource_type:seed",
            "nothing here is of the type `seed`",
            "There is `model`, `stream`, `sync`, `test`, `unit_test`",
        ),
        ("tags:x", "`tags:x` is not a selection", "Did you mean `tag:`?"),
        (
            "state:modifed",
            "`state:modifed` is not a selection",
            "Did you mean `state:modified`?",
        ),
        (
            "result:eror",
            "`result:eror` is not a selection",
            "Did you mean `result:error`?",
        ),
        (
            "selector:finanse",
            "there is no selection `finanse` in elt.toml",
            "Did you mean `finance`?",
        ),
    ],
)
def test_a_word_that_matches_nothing_names_the_nearest(word: str, what: str, hint: str):
    with pytest.raises(ConfigError) as raised:
        select(GRAPH, [word], named={"finance": SelectionTable(select="tag:finance")})

    assert raised.value.what == what
    assert raised.value.hint == hint


@pytest.mark.parametrize("word", ["source:web.visits", "+source:web"])
def test_a_table_that_somebody_else_loads_is_nothing_to_run(word: str):
    with pytest.raises(ConfigError, match="is loaded by somebody else") as raised:
        select(GRAPH, [word])

    assert "+` chooses what reads it" in (raised.value.hint or "")


def test_an_empty_intersection_is_an_error():
    with pytest.raises(ConfigError, match="no asset is in all of"):
        select(GRAPH, ["tap:crm,tap:billing"])


def at(hour: int) -> datetime:
    return datetime(2026, 11, 21, hour, tzinfo=UTC)


# Contacts brought rows at 9, which no model has seen; invoices are seen by theirs.
PAST = Past(
    fingerprints=dict.fromkeys(EVERYTHING, "as it was") | {"model:customers": "other"},
    last_fingerprints=dict.fromkeys(EVERYTHING, "as it was"),
    results={
        "stream:crm.contacts": "failed",
        "model:stg_contacts": "skipped",
        "test:customers_id": "stopped",
        "model:stg_invoices": "done",
    },
    last_success=dict.fromkeys(EVERYTHING - {"model:visits"}, at(8)),
    last_rows={"stream:crm.contacts": at(9), "stream:billing.invoices": at(7)},
)


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("state:new", "visits"),
        ("state:modified", f"visits {CUSTOMERS}"),
        ("state:modified,resource_type:model", f"visits {CUSTOMERS}"),
        ("state:modified,tag:finance", CUSTOMERS),
        (
            "state:unmodified --exclude resource_type:test resource_type:unit_test",
            "crm.contacts crm.deals billing.invoices stg_contacts stg_invoices health",
        ),
        ("result:failed", "crm.contacts"),
        ("result:error", "crm.contacts"),
        ("result:error+1", "crm.contacts stg_contacts"),
        ("result:fail", "customers_id"),
        ("result:skipped", "stg_contacts"),
        ("result:success", "stg_invoices"),
        ("source_status:fresher", "crm.contacts"),
        ("source_status:fresher+1", "crm.contacts stg_contacts"),
    ],
)
def test_words_about_the_past_choose_by_what_is_handed_in(words: str, chosen: str):
    selection, _, exclude = words.partition(" --exclude ")

    found = select(GRAPH, selection, exclude=exclude, past=PAST)

    assert names(found) == set(chosen.split())


def test_a_stream_that_cannot_be_asked_is_not_taken_for_changed():
    past = Past(
        last_fingerprints={"stream:crm.deals": "a"},
        last_success=dict.fromkeys(EVERYTHING, at(8)),
    )

    assert select(GRAPH, ["state:modified"], past=past) == set()


@pytest.mark.parametrize(
    ("selection", "exclude"),
    [
        ("state:new", ""),
        ("result:failed+", ""),
        ("source_status:fresher", ""),
        ("result:failed,tag:finance", ""),
        ("tag:finance,state:new", ""),
        ("selector:broken", ""),
        ("tag:finance", "state:unmodified"),
        ("", "state:unmodified"),
    ],
)
def test_words_about_the_past_may_choose_nothing(selection: str, exclude: str):
    past = Past(last_success=dict.fromkeys(EVERYTHING, at(8)))
    named = {"broken": SelectionTable(select="result:failed", exclude="tag:finance")}

    found = select(GRAPH, selection, exclude=exclude, named=named, past=past)

    assert found == set()


def test_what_else_matches_nothing_beside_them_is_an_error_still():
    with pytest.raises(ConfigError, match="nothing has the tag"):
        select(GRAPH, ["state:new,tag:nobody"], past=PAST)


NAMED = {
    "crm": SelectionTable(select="tap:crm+", exclude="sync:*"),
    "morning": SelectionTable(select=["selector:crm", "tap:billing"]),
    "quick": SelectionTable(
        select="customers", exclude=["resource_type:test", "resource_type:unit_test"]
    ),
    "typo": SelectionTable(select="tap:crn"),
}
CRM = f"crm.contacts crm.deals stg_contacts {CUSTOMERS}"


@pytest.mark.parametrize(
    ("words", "exclude", "chosen"),
    [
        ("selector:crm", "", CRM),
        ("selector:morning", "", f"{CRM} billing.invoices"),
        ("selector:crm,tag:finance", "", CUSTOMERS),
        ("selector:quick", "", "customers"),
        ("selector:quick+", "", f"{CUSTOMERS} health"),
        ("1+selector:quick", "", f"{STAGING} customers"),
        ("", "selector:morning", "stg_invoices visits health"),
    ],
)
def test_a_named_selection_stands_wherever_words_choose(
    words: str, exclude: str, chosen: str
):
    found = select(GRAPH, words, exclude=exclude, named=NAMED)

    assert names(found) == set(chosen.split())


def test_a_mistake_in_a_named_selection_says_in_which():
    with pytest.raises(ConfigError, match="nothing is called `tap:crn`") as raised:
        select(GRAPH, ["selector:typo"], named=NAMED)

    assert raised.value.where == "elt.toml  [selections.typo]"


patterns = st.sampled_from(["customers", "stg_*", "*", "crm.*", "tag:sales", "path:."])
words = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "+", "1+", "@"]),
    patterns,
    st.sampled_from(["", "+", "+2"]),
)


@given(st.lists(words, max_size=3), st.lists(words, max_size=2))
def test_selection_never_escapes_the_graph(chosen: list[str], left_out: list[str]):
    found, excluded = set(), set()
    with contextlib.suppress(ConfigError):  # nothing matched, or nothing was left
        found = select(GRAPH, chosen, exclude=left_out)
        excluded = select(GRAPH, left_out or ["nothing"], exclude=["test:*"])

    assert found <= EVERYTHING
    assert not found & excluded
