"""Arrays of objects as tables of their own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elt.errors import ConfigError, Guarded
from elt.targets.reading.maps import Maps
from elt.targets.retry import Retry, retry
from elt.targets.writing.declared import declared_columns
from elt.targets.writing.evolve import tables_in
from elt.targets.writing.modes import Mode
from elt.targets.writing.plans import Stamp, StreamPlan
from elt.warehouse.duckdb import Warehouse
from elt.warehouse.rejects import Wanted, rejects
from tests.targets.conftest import Loader, schema, state
from tests.targets.test_batch import batch

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
MONEY = {"type": ["null", "number"], "multipleOf": 0.01}


def array(**properties):
    items = {"type": "object", "properties": properties}
    return {"type": ["null", "array"], "items": items}


ORDERS = schema(
    key=["id"],
    id=INTEGER,
    t=TEXT,
    items=array(sku=TEXT, price=MONEY, taxes=array(rate=MONEY), note={}),
)
SIMPLE = schema(key=["id"], id=INTEGER, items=array(sku=TEXT))
TABLES = {"mode": "upsert", "key": ["id"], "nested": "tables"}


def table(loader, name, order="ALL"):
    names = "* EXCLUDE (_elt_loaded_at, _elt_run_id)"
    return loader.sql(f"SELECT {names} FROM raw.{name} ORDER BY {order}")


def test_elements_are_rows_with_the_key_of_their_row_and_their_position(loader):
    record = (
        b'{"id": 7, "t": "x", "items": ['
        b'{"sku": "a", "price": 1.10, "taxes": [{"rate": 0.07}, {"rate": 0.19}]},'
        b'{"sku": "b", "note": {"n": 1.10, "of": ["x", 1.0]}}]}'
    )

    loader.load(ORDERS, record, state({"at": 1}), **TABLES)

    assert table(loader, "s") == [(7, "x")]
    assert table(loader, "s__items") == [
        (7, 0, "a", Decimal("1.10"), None),
        (7, 1, "b", None, '{"n":1.10,"of":["x",1.0]}'),
    ]
    assert table(loader, "s__items__taxes") == [
        (7, 0, 0, Decimal("0.07")),
        (7, 0, 1, Decimal("0.19")),
    ]
    described = loader.sql("DESCRIBE raw.s__items__taxes")
    assert [(name, type_) for name, type_, *_ in described] == [
        ("_parent__parent_id", "BIGINT"),
        ("_parent__position", "BIGINT"),
        ("_position", "BIGINT"),
        ("rate", "DECIMAL(18,2)"),
        ("_elt_loaded_at", "TIMESTAMP WITH TIME ZONE"),
        ("_elt_run_id", "VARCHAR"),
    ]


def test_child_tables_are_there_before_there_are_elements(loader):
    loader.load(ORDERS, b'{"id": 1}', b'{"id": 2, "items": []}', **TABLES)

    assert table(loader, "s") == [(1, None), (2, None)]
    assert table(loader, "s__items") == []
    assert table(loader, "s__items__taxes") == []


@pytest.mark.parametrize("mode", ["upsert", "overwrite"])
def test_a_row_that_comes_again_has_its_new_elements_only(loader, mode):
    about = {**TABLES, "mode": mode, "allow_shrink": True}
    first = [
        b'{"id": 1, "items": [{"sku": "a"}, {"sku": "b"}]}',
        b'{"id": 2, "items": [{"sku": "c"}]}',
    ]
    loader.load(SIMPLE, *first, **about)

    loader.load(SIMPLE, b'{"id": 1, "items": [{"sku": "d"}]}', run="r2", **about)

    others = [(2, 0, "c")] if mode == "upsert" else []
    assert table(loader, "s__items") == [(1, 0, "d"), *others]


def test_of_a_key_that_comes_twice_the_last_record_has_the_elements(loader):
    records = [
        b'{"id": 1, "items": [{"sku": "a"}, {"sku": "b"}]}',
        b'{"id": 1, "items": [{"sku": "c"}]}',
    ]

    loader.load(SIMPLE, *records, **TABLES)
    loader.load(SIMPLE, *records, *records, **TABLES)

    assert table(loader, "s__items") == [(1, 0, "c")]


def test_a_record_without_its_list_has_no_elements_any_more(loader):
    loader.load(SIMPLE, b'{"id": 1, "items": [{"sku": "a"}]}', **TABLES)

    loader.load(SIMPLE, b'{"id": 1}', **TABLES)

    assert table(loader, "s__items") == []


@pytest.mark.parametrize(
    ("items", "column", "reason"),
    [
        (b'[{"sku": "a", "price": "dear"}]', "items[].price", "not a number"),
        (b'[{"sku": "a"}, "b"]', "items[]", "not an object"),
        (b'{"sku": "a"}', "items", "not a list"),
        (b'"a"', "items", "not a list"),
        (b'[{"taxes": [{"rate": "x"}]}]', "items[].taxes[].rate", "not a number"),
    ],
)
def test_a_record_with_an_element_that_does_not_fit_is_a_reject_as_a_whole(
    loader, items, column, reason
):
    record = b'{"id": 1, "items": %b}' % items

    loader.load(ORDERS, record, b'{"id": 2, "items": [{"sku": "z"}]}', **TABLES)

    ((found, _, why, kept),) = loader.rejects()
    assert (found, kept.replace(" ", "")) == (column, record.decode().replace(" ", ""))
    assert reason in why
    assert table(loader, "s") == [(2, None)]
    assert table(loader, "s__items") == [(2, 0, "z", None, None)]


def test_fields_that_the_schema_lacks_become_columns_of_the_child_table(loader):
    loader.load(SIMPLE, b'{"id": 1, "items": [{"sku": "a"}]}', **TABLES)

    loader.load(SIMPLE, b'{"id": 2, "items": [{"sku": "b", "n": 5}]}', **TABLES)

    assert table(loader, "s__items") == [(1, 0, "a", None), (2, 0, "b", 5)]


def test_a_column_of_a_child_table_widens_and_keeps_its_old_values(loader):
    asked = schema(key=["id"], id=INTEGER, items=array(n=INTEGER))
    loader.load(asked, b'{"id": 1, "items": [{"n": 1}]}', **TABLES)

    wider = schema(key=["id"], id=INTEGER, items=array(n=TEXT))
    loader.load(wider, b'{"id": 2, "items": [{"n": "x"}]}', **TABLES)
    loader.load(asked, b'{"id": 3, "items": [{"n": 3}]}', **TABLES)

    assert table(loader, "s__items") == [(1, 0, "1"), (2, 0, "x"), (3, 0, "3")]
    changed = loader.sql('SELECT "column", change FROM _elt.schema_changes')
    assert ("s__items.n", "BIGINT widened to VARCHAR") in changed


def test_a_frozen_stream_does_not_let_its_child_tables_change(loader):
    loader.load(SIMPLE, b'{"id": 1, "items": [{"sku": "a"}]}', **TABLES)

    streams = loader.load(
        SIMPLE,
        b'{"id": 2, "items": [{"sku": "b", "n": 5}]}',
        policy="freeze",
        **TABLES,
    )

    assert isinstance(streams["s"].error, Guarded)
    assert table(loader, "s__items") == [(1, 0, "a")]


@pytest.mark.parametrize(
    ("mode", "key"), [("append", ()), ("append", ("id",)), ("overwrite", ())]
)
def test_a_stream_whose_rows_cannot_be_known_has_no_child_tables(loader, mode, key):
    streams = loader.load(
        SIMPLE, b'{"id": 1, "items": []}', mode=mode, key=key, nested="tables"
    )

    error = streams["s"].error
    assert isinstance(error, ConfigError)
    assert 'cannot have `nested = "tables"`' in error.what


def test_names_of_our_own_and_of_elements_do_not_meet(loader):
    asked = schema(key=["id"], id=INTEGER, items=array(_position=TEXT, _parent_id=TEXT))
    record = b'{"id": 1, "items": [{"_position": "here", "_parent_id": "p"}]}'

    loader.load(asked, record, **TABLES)

    assert table(loader, "s__items") == [(1, 0, "here", "p")]


def test_lists_of_anything_else_and_objects_stay_json(loader):
    asked = schema(
        key=["id"],
        id=INTEGER,
        tags={"type": "array", "items": TEXT},
        about={"type": "object", "properties": {"a": INTEGER}},
        other={"type": "array"},
    )
    record = b'{"id": 1, "tags": ["x"], "about": {"a": 1.10}, "other": [{"b": 1}]}'

    loader.load(asked, record, **TABLES)

    assert table(loader, "s") == [(1, '["x"]', '{"a":1.10}', '[{"b":1}]')]


def test_the_key_of_an_element_is_the_key_of_its_row_also_when_that_is_hashed(loader):
    maps = Maps(hash={"id"}, rename={"id": "number", "items": "Lines"})

    loader.load(SIMPLE, b'{"id": 1, "items": [{"sku": "a"}]}', maps=maps, **TABLES)

    ((parent, position, sku),) = table(loader, "s__lines")
    assert (position, sku) == (0, "a")
    assert loader.sql("SELECT number FROM raw.s") == [(parent,)]
    assert "_parent_number" in [row[0] for row in loader.sql("DESCRIBE raw.s__lines")]


@pytest.mark.parametrize("word", ["drop", "hash"])
def test_a_list_that_is_dropped_or_hashed_is_no_table(loader, word):
    maps = Maps(**{word: {"items"}})

    loader.load(SIMPLE, b'{"id": 1, "items": [{"sku": "a"}]}', maps=maps, **TABLES)

    assert [name for (name, *_) in loader.sql("SHOW TABLES FROM raw")] == ["s"]


def test_a_row_that_passes_no_longer_takes_its_elements_along(loader):
    about = {**TABLES, "maps": Maps(filter="id <> 13 AND coalesce(t, '') <> 'x'")}
    loader.load(ORDERS, b'{"id": 1, "items": [{"sku": "a"}]}', **about)
    assert len(table(loader, "s__items")) == 1

    records = [
        b'{"id": 1, "t": "x", "items": [{"sku": "a"}]}',
        b'{"id": 13, "items": [{"sku": "b"}]}',
    ]
    loader.load(ORDERS, *records, **about)

    assert table(loader, "s") == []
    assert table(loader, "s__items") == []


def test_elements_of_rows_that_are_gone_are_gone(loader):
    about = {**TABLES, "full_table": True, "on_missing": "delete"}
    records = [b'{"id": %d, "items": [{"sku": "a"}]}' % n for n in (1, 2, 3)]
    loader.load(SIMPLE, *records, **about)

    loader.load(SIMPLE, *records[:2], run="r2", **about)

    assert table(loader, "s") == [(1,), (2,)]
    assert table(loader, "s__items") == [(1, 0, "a"), (2, 0, "a")]


def test_elements_of_a_file_that_is_replaced_are_replaced(loader, tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text('{"id": 1, "items": [{"sku": "a"}]}\n')
    asked = schema(key=["id"], id=INTEGER, items=array(sku=TEXT), _file=TEXT)
    loader.load(asked, batch(file), **TABLES)

    file.write_text('{"id": 2, "items": [{"sku": "b"}]}\n')
    loader.load(asked, batch(file, replace=True), **TABLES)

    assert table(loader, "s__items") == [(2, 0, "b")]


def test_lists_of_a_parquet_file_are_unfolded_too(loader, tmp_path):
    file = tmp_path / "a.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT 1 AS id, [{'sku': 'a'}, NULL, {'sku': 'c'}] AS items,"
            f" 'f' AS _file) TO '{file}' (FORMAT parquet)"
        )
    asked = schema(key=["id"], id=INTEGER, items=array(sku=TEXT), _file=TEXT)

    loader.load(asked, batch(file, encoding={"format": "parquet"}), **TABLES)

    assert table(loader, "s__items") == [(1, 0, "a"), (1, 1, None), (1, 2, "c")]


def test_a_reject_that_is_loaded_again_brings_its_elements(loader, tmp_path):
    asked = schema(key=["id"], id=INTEGER, n=INTEGER, items=array(sku=TEXT))
    loader.load(asked, b'{"id": 1, "items": [{"sku": "old"}]}', **TABLES)
    loader.load(asked, b'{"id": 1, "n": "x", "items": [{"sku": "new"}]}', **TABLES)
    assert table(loader, "s__items") == [(1, 0, "old")]

    plan = StreamPlan(
        stream="s",
        schema="raw",
        table="s",
        mode=Mode("upsert", "in this test"),
        key=("id",),
        nested="tables",
    )
    now = datetime.now(UTC)
    stamp = Stamp(
        run_id="retry-1", environment="default", tap="t", started_at=now, at=now
    )
    wider = {"properties": {**asked["schema"]["properties"], "n": TEXT}}
    with loader.warehouse.writer() as cursor:
        wanted = Retry(
            plan=plan,
            columns=declared_columns(wider, plan),
            ignored=(),
            reads_again=False,
            found=tables_in(cursor, {"raw"})["raw", "s"],
            rejects=rejects(cursor, "default", Wanted()),
            folder=tmp_path,
        )
        done = retry(cursor, wanted, stamp)

    assert done.loaded == 1
    assert table(loader, "s") == [(1, "x")]
    assert table(loader, "s__items") == [(1, 0, "new")]


TEXTS = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
TAXES = st.lists(st.fixed_dictionaries({"rate": st.none() | st.integers(0, 99)}))
ITEMS = st.lists(st.fixed_dictionaries({"sku": TEXTS, "taxes": TAXES}), max_size=4)
DOCUMENT = st.fixed_dictionaries({"t": TEXTS, "items": ITEMS})
LOAD = st.lists(st.tuples(st.integers(0, 3), DOCUMENT), max_size=4)


@pytest.mark.slow
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(loads=st.lists(LOAD, min_size=1, max_size=3))
def test_for_all_loads_rows_and_elements_together_are_the_documents(
    tmp_path_factory, loads
):
    folder = tmp_path_factory.mktemp("documents")
    loader = Loader(folder, Warehouse(folder / "w.duckdb"))
    sent = {}
    for number, load in enumerate(loads):
        sent |= dict(load)
        messages = [json.dumps({"id": id_, **one}).encode() for id_, one in load]
        for run in (f"a{number}", f"b{number}"):  # each run comes again as it was
            streams = loader.load(DOCUMENTS, *messages, run=run, **TABLES)
            assert streams["s"].error is None

    assert documents(loader) == sent
    assert loader.rejects() == []


DOCUMENTS = schema(
    key=["id"], id=INTEGER, t=TEXT, items=array(sku=TEXT, taxes=array(rate=INTEGER))
)


def documents(loader):
    """Put documents together again from the tables."""
    found = {id_: {"t": t, "items": []} for id_, t in table(loader, "s")}
    for id_, position, sku in table(loader, "s__items"):
        assert position == len(found[id_]["items"])
        found[id_]["items"].append({"sku": sku, "taxes": []})
    for id_, position, place, rate in table(loader, "s__items__taxes"):
        taxes = found[id_]["items"][position]["taxes"]
        assert place == len(taxes)
        taxes.append({"rate": rate})
    return found
