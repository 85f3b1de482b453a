"""Which of dbt's answers stand, and which are left to another try."""

from __future__ import annotations

import pytest

from elt.errors import ConfigError, EltError, Unavailable
from elt.transform.manifest import Node
from elt.transform.results import Answer, NodeResult, Results, error_of, is_temporary

LOCKED = 'IO Error: Could not set lock on file "/srv/other.duckdb": Conflicting lock'


def node(name: str, *needs: str, kind: str = "model") -> Node:
    return Node(
        unique_id=name,
        kind=kind,  # type: ignore[arg-type]
        name=name,
        fqn=("shop", name),
        database="warehouse",
        schema="main",
        identifier=name,
        depends_on=needs,
        tags=(),
        severity="error",
        path=f"models/{name}.sql",
        package="shop",
        materialized="test" if kind == "test" else "table",
    )


NODES = [
    node("locked"),
    node("broken"),
    node("fine"),
    node("test_of_fine", "fine", kind="test"),
    node("below_locked", "locked"),
    node("further_below", "below_locked"),
    node("below_both", "locked", "broken"),
    node("below_locked_and_tested", "locked", "fine"),
]
SAID = {
    "locked": ("error", LOCKED),
    "broken": ("error", 'Binder Error: column "x" not found'),
    "fine": ("success", ""),
    "test_of_fine": ("fail", ""),
}


def taken(*, holds_back: bool, cancelled: bool = False) -> tuple[Results, list[str]]:
    heard: list[NodeResult] = []
    results = Results(NODES, heard.append, holds_back=holds_back)
    for each in NODES:
        status, message = SAID.get(each.name, ("skipped", ""))
        answer = Answer(each.unique_id, status, message, 0.1, 0)
        results.take(each, answer, cancelled=cancelled)
    return results, [f"{each.unique_id} {each.status}" for each in heard]


def test_a_temporary_failure_is_held_with_what_is_skipped_for_nothing_else():
    results, heard = taken(holds_back=True)

    assert set(results.held) == {"locked", "below_locked", "further_below"}
    assert heard == [
        "broken failed",
        "fine done",
        "test_of_fine stopped",
        "below_both skipped",
        "below_locked_and_tested skipped",
    ]


def test_at_the_last_try_every_answer_stands():
    results, heard = taken(holds_back=False)

    assert results.held == {}
    assert len(heard) == len(NODES)
    assert "further_below skipped" in heard


def test_what_was_cancelled_is_not_held():
    results, heard = taken(holds_back=True, cancelled=True)

    assert results.held == {}
    assert "locked interrupted" in heard


def test_what_is_held_is_answered_for_and_not_missing():
    results, heard = taken(holds_back=True)

    results.finish(cancelled=False)

    assert results.missing() == []
    assert "locked failed" not in heard


@pytest.mark.parametrize(
    "message",
    [
        LOCKED,
        "TransactionContext Error: Failed to commit: Conflict on tuple deletion!",
        'connection to server at "db", port 5432 failed: Connection refused',
        "HTTP Error: Request returned HTTP 503 for HTTP HEAD to 'https://x/y.parquet'",
        "Temporary failure in name resolution",
        "FATAL:  the database system is starting up",
        "IO Error: No space left on device",
    ],
)
def test_trouble_of_files_and_networks_is_temporary(message):
    assert is_temporary(message)


@pytest.mark.parametrize(
    "message",
    [
        'Binder Error: Referenced column "x" not found in FROM clause!',
        "Constraint Error: Duplicate key violates primary key constraint",
        "Compilation Error: 'nothing' is undefined",
        "Conversion Error: could not convert string 'a' to INT32",
        "HTTP Error: Request returned HTTP 404 for HTTP GET to 'https://x/y.parquet'",
    ],
)
def test_what_is_wrong_with_a_model_is_not(message):
    assert not is_temporary(message)


def test_an_error_of_dbt_itself_is_of_the_class_of_its_remedy(tmp_path):
    assert type(error_of("'x' is undefined", tmp_path, parsing=True)) is ConfigError
    assert type(error_of("'x' is undefined", tmp_path, parsing=False)) is EltError
    assert type(error_of(LOCKED, tmp_path, parsing=False)) is Unavailable


def test_a_source_that_is_not_found_is_told_with_the_nearest_one(tmp_path):
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    (tmp_path / "models").mkdir()
    sources = "sources: [{name: raw_shop, tables: [{name: orders}, {name: items}]}]\n"
    (tmp_path / "models/shop.yml").write_text(sources)
    said = "depends on a source named '{}' which was not found"

    near = error_of(said.format("shop.orders"), tmp_path, parsing=True)
    far = error_of(said.format("crm.people"), tmp_path, parsing=True)

    assert near.hint == "Did you mean `source('raw_shop', 'orders')`?"
    assert far.hint is not None
    assert far.hint.startswith("Declare the source")
