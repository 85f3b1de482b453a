from __future__ import annotations

import json

import duckdb
import msgspec
import pytest

from elt.errors import ConfigError
from elt.project.sync_settings import SyncTable
from elt.reverse.mapping import compile_mapping

MODEL = """
    CREATE TABLE people AS SELECT
        'ann@x.org' AS email, 'Ann' AS first, NULL::TEXT AS last, 1.50::DECIMAL(9, 2)
        AS score, TRUE AS active, 'run-7' AS _elt_run_id
"""


def sent(fields, *, key="email", model=MODEL):
    """Compile a mapping and give the first row's key and payload."""
    connection = duckdb.connect()
    connection.execute(model)
    table = msgspec.convert(
        {
            "model": "people",
            "destination": "crm",
            "object": "contacts",
            "key": key,
            "fields": fields,
        },
        SyncTable,
    )
    try:
        mapping = compile_mapping(connection, "s", table, relation='"people"')
        row = connection.execute(
            f"SELECT {mapping.key_sql}, {mapping.payload_sql} FROM ({mapping.select})"
        ).fetchone()
    finally:
        connection.close()
    assert row is not None
    return row[0], row[1] and json.loads(row[1]), mapping


def test_without_fields_every_column_is_sent_but_what_loading_stamps():
    key, payload, _ = sent({})

    assert key == "ann@x.org"
    assert payload == {
        "active": True,
        "email": "ann@x.org",
        "first": "Ann",
        "last": None,
        "score": 1.5,
    }


def test_a_field_is_a_column_a_constant_an_expression_or_a_template():
    _, payload, _ = sent(
        {
            "mail": "email",
            "source": {"value": "elt"},
            "tier": {"value": 2},
            "weight": {"value": 0.1},
            "vip": {"value": False},
            "loud": {"sql": "upper(first) -- shouted"},
            "hello": {"template": "{{{first}}} has {score}"},
        },
        key="mail",
    )

    assert payload == {
        "mail": "ann@x.org",
        "source": "elt",
        "tier": 2,
        "weight": 0.1,
        "vip": False,
        "loud": "ANN",
        "hello": "{Ann} has 1.5",
    }


def test_the_key_is_sent_although_no_field_names_it():
    _, payload, _ = sent({"health_score": "score"})

    assert payload == {"email": "ann@x.org", "health_score": 1.5}


def test_a_template_with_a_null_column_is_null():
    _, payload, _ = sent({"name": {"template": "{first} {last}"}})

    assert payload["name"] is None


def test_a_null_can_be_left_out():
    _, payload, _ = sent({"a": {"column": "last", "on_null": "skip"}, "b": "last"})

    assert payload == {"email": "ann@x.org", "b": None}


def test_fields_named_like_our_own_columns_do_no_harm():
    fields = {"key": "email", "hash": "score", "text": "first", "change": "active"}

    key, payload, _ = sent(fields, key="key")

    assert key == "ann@x.org"
    assert payload == {"key": key, "hash": 1.5, "text": "Ann", "change": True}


def test_the_order_of_fields_changes_neither_payload_nor_hash():
    *_, one = sent({"a": "first", "b": "score"})
    *_, other = sent({"b": "score", "a": "first"})

    assert one.payload_sql == other.payload_sql
    assert one.hash == other.hash


def test_an_edited_mapping_has_another_hash():
    *_, one = sent({"a": "first"})
    *_, other = sent({"a": "last"})

    assert one.hash != other.hash


@pytest.mark.parametrize(
    ("fields", "key", "message", "hint"),
    [
        ({"a": "scor"}, "email", "no column `scor`", "Did you mean `score`?"),
        ({"a": "first"}, "e_mail", "no column `e_mail`", "Did you mean `email`?"),
        ({"a": {"template": "{frist}"}}, "email", "no column `frist`", "`first`"),
        ({"a": {"template": "{first"}}, "email", "template cannot be read", "`{{`"),
        ({"a": {"template": "{first!r}"}}, "email", "plain `{column}`s", "`sql`"),
        ({"a": {"sql": "upper(frist)"}}, "email", "field `a`: Binder Error", ""),
        ({"a": {"sql": "first +"}}, "email", "field `a`: Parser Error", ""),
        ({"a": {}}, "email", "exactly one of", ""),
        ({"a": {"column": "first", "value": 1}}, "email", "exactly one of", ""),
        ({"a": {"sql": "INTERVAL 1 DAY"}}, "email", "no agreed text", "Cast it"),
    ],
)
def test_a_mapping_that_does_not_fit_is_explained(fields, key, message, hint):
    with pytest.raises(ConfigError) as caught:
        sent(fields, key=key)

    assert message in caught.value.what
    assert hint in (caught.value.hint or "")
    assert "[syncs.s]" in str(caught.value)


def test_a_model_that_was_not_built_is_explained():
    with pytest.raises(ConfigError, match="model `people` is not in the warehouse"):
        sent({}, model="SELECT 1")
