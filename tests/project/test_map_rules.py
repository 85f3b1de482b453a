"""Maps of a stream that cannot be meant."""

from __future__ import annotations

import pytest

from elt.project.map_rules import Known, map_problems, misspelt
from elt.project.stream_settings import StreamTable

PATH = ("taps", "crm", "streams", "people")
CATALOG = Known(key=["id"], replication_key="at", properties=["id", "at", "a", "b"])


def problems(known=CATALOG, **settings):
    return list(map_problems(PATH, StreamTable(**settings), known))


def test_an_error_names_the_line_of_the_key(folder):
    error = folder.error("""
        [taps.crm]
        plugin = "shop"
        [taps.crm.streams.people]
        key = ["id"]
        hash = ["mail"]
        drop = ["ssn", "id"]
    """)

    assert error.what == ("stream `people` of tap `crm` cannot drop `id`: it is a key")
    assert error.where == "elt.toml:7  [taps.crm.streams.people]"
    assert error.hint == "Use `hash`: rows are told apart by the digest then"


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"drop": ["id"]}, "cannot drop `id`: it is a key"),
        ({"drop": ["at"]}, "cannot drop `at`: it is the replication key"),
        ({"hash": ["at"]}, "cannot hash `at`: it is the replication key"),
        ({"hash": ["b"], "replication_key": "b"}, "cannot hash `b`"),
        ({"drop": ["a"], "hash": ["a"]}, "has `a` in `drop` and in `hash`"),
        ({"drop": ["a"], "rename": {"a": "x"}}, "has `a` in `drop` and in `rename`"),
        ({"drop": ["a"], "types": {"a": "DATE"}}, "has `a` in `drop` and in `types`"),
        ({"hash": ["a"], "types": {"a": "DATE"}}, "has `a` in `hash` and in `types`"),
        ({"rename": {"a": "x", "b": "X"}}, "two columns `X`: `a` and `b`"),
        ({"rename": {"a": "B"}}, "two columns `B`: `b` and `a`"),
        ({"rename": {"a": "_elt_run_id"}}, "cannot call a column `_elt_run_id`"),
        ({"rename": {"a": "_SDC_x"}}, "cannot call a column `_SDC_x`"),
        ({"rename": {"a": "valid_to"}, "mode": "history"}, "cannot call a column"),
        ({"filter": "  "}, "has an empty `filter`"),
        ({"nested": "tables", "key": []}, "with this `key`"),
        ({"nested": "tables", "mode": "append"}, "with this `mode`"),
        ({"nested": "tables", "mode": "history"}, "with this `mode`"),
    ],
)
def test_what_cannot_be_meant_is_said(settings, what):
    (problem,) = problems(**settings)

    assert what in problem.what
    assert problem.hint


@pytest.mark.parametrize(
    "settings",
    [
        {"hash": ["id"]},
        {"rename": {"a": "b", "b": "a"}},
        {"rename": {"a": "b"}, "drop": ["b"]},
        {"rename": {"a": "A"}},
        {"rename": {"id": "number", "at": "changed_at"}},
        {"rename": {"a": "valid_to"}},
        {"drop": ["id"], "key": ["a"]},
    ],
)
def test_what_can_be_meant_is_let_be(settings):
    assert problems(**settings) == []


def test_the_file_alone_does_not_know_the_keys_of_the_tap():
    assert problems(Known(), drop=["id"], rename={"a": "b"}) == []


def test_a_name_that_differs_in_case_only_is_misspelt():
    told = StreamTable(drop=["SSN", "gone"], hash=["a"], rename={"Mail": "email"})

    assert misspelt(told, ["ssn", "a", "mail"]) == [("SSN", "ssn"), ("Mail", "mail")]
