from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.errors import ConfigError
from elt.runner.graph import Asset, Graph
from elt.runner.selection import select


def stream(tap: str, name: str, *tags: str) -> Asset:
    full = f"{tap}.{name}"
    return Asset(f"stream:{full}", "stream", full, (), tags, {"tap": tap})


GRAPH = Graph(
    [
        stream("crm", "contacts", "sales"),
        stream("crm", "deals", "sales"),
        stream("billing", "invoices"),
        Asset("model:stg_contacts", "model", "stg_contacts", ("stream:crm.contacts",)),
        Asset(
            "model:stg_invoices", "model", "stg_invoices", ("stream:billing.invoices",)
        ),
        Asset(
            "model:customers",
            "model",
            "customers",
            ("model:stg_contacts", "model:stg_invoices"),
            ("finance",),
        ),
        Asset("test:customers_id", "test", "customers_id", ("model:customers",)),
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


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("tap:crm", "crm.contacts crm.deals"),
        ("crm.deals", "crm.deals"),
        ("stream:crm.deals", "crm.deals"),
        ("stream:*.deals", "crm.deals"),
        ("customers", "customers customers_id"),
        ("model:customers", "customers customers_id"),
        ("test:customers_id", "customers_id"),
        ("sync:health", "health"),
        ("tag:sales", "crm.contacts crm.deals health"),
        ("stg_*", "stg_contacts stg_invoices"),
        ("+stg_contacts", "crm.contacts stg_contacts"),
        ("stg_contacts+", "stg_contacts customers customers_id health"),
        ("crm.contacts+1", "crm.contacts stg_contacts"),
        ("1+customers", "stg_contacts stg_invoices customers customers_id"),
        ("1+customers+1", "stg_contacts stg_invoices customers customers_id health"),
        ("crm.deals billing.invoices", "crm.deals billing.invoices"),
        ("tap:crm+,tag:sales", "crm.contacts crm.deals health"),
    ],
)
def test_a_word_chooses_as_in_dbt(words: str, chosen: str):
    found = select(GRAPH, [words])

    assert {GRAPH[asset].name for asset in found} == set(chosen.split())


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
    ("word", "hint"),
    [
        ("custmers", "Did you mean `customers`?"),
        ("tap:crn", "Did you mean `tap:crm`?"),
        ("deals", "Did you mean `crm.deals`?"),
        ("sync:zzz", "`elt plan` lists them all"),
    ],
)
def test_a_word_that_matches_nothing_names_the_nearest(word: str, hint: str):
    with pytest.raises(ConfigError, match="nothing is called") as raised:
        select(GRAPH, [word])

    assert raised.value.hint == hint


@pytest.mark.parametrize("word", ["state:modified", "+", "a+b"])
def test_what_is_no_word_is_refused(word: str):
    with pytest.raises(ConfigError, match="is not a selection"):
        select(GRAPH, [word])


def test_an_empty_intersection_is_an_error():
    with pytest.raises(ConfigError, match="no asset is in all of"):
        select(GRAPH, ["tap:crm,tap:billing"])


names = st.sampled_from(["customers", "stg_*", "*", "crm.*", "health", "customers_id"])
words = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "+", "1+"]),
    names,
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
