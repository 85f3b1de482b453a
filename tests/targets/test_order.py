"""Of several rows with one key the last wins, on every road and whatever is set."""

from __future__ import annotations

import json

import pytest

from elt.errors import Guarded
from elt.warehouse.duckdb import Warehouse
from tests.targets.conftest import Loader, schema

INTEGER = {"type": ["null", "integer"]}
KEYED = {"mode": "upsert", "key": ["id"]}


def rounds(ids, number, odd=b""):
    """Give each id `number` times, with the number of the round."""
    lines = [b'{"id":%d,"v":%d}' % (i, n) for n in range(number) for i in range(ids)]
    return [*([odd] if odd else []), *lines]


def newest(loader, table="raw.s"):
    found = f"SELECT v, count(*), count(DISTINCT id) FROM {table} GROUP BY v"
    return loader.sql(found)


@pytest.mark.parametrize("begun", [False, True], ids=["new", "with rows"])
def test_rows_that_were_read_with_care_keep_their_order(loader, begun):
    declared = schema(id=INTEGER, v=INTEGER)
    if begun:
        loader.load(declared, b'{"id":0,"v":-1}', **KEYED)

    # Written so, an integer is unusual, and good: all of its part is read with care.
    odd = b'{"id":0,"v":0.0}'
    loader.load(declared, *rounds(25_000, 10, odd), **KEYED)

    assert newest(loader) == [(9, 25_000, 25_000)]


def test_versions_that_were_read_with_care_keep_their_order(loader):
    declared = schema(id=INTEGER, v=INTEGER)
    odd = b'{"id":0,"v":0.0}'

    loader.load(
        declared, *rounds(25_000, 10, odd), mode="history", key=["id"], percent=100
    )

    current = "(FROM raw.s WHERE valid_to IS NULL)"
    assert newest(loader, current) == [(9, 25_000, 25_000)]


def test_an_option_that_gives_order_up_does_not_count_here(tmp_path):
    careless = {"preserve_insertion_order": "false"}
    loader = Loader(tmp_path, Warehouse(tmp_path / "w.duckdb", config=careless))

    loader.load(schema(id=INTEGER, v=INTEGER), *rounds(50_000, 10), **KEYED)

    assert newest(loader) == [(9, 50_000, 50_000)]


def test_a_property_called_rowid_does_not_hide_which_row_came_last(loader):
    declared = schema(id=INTEGER, rowid=INTEGER, v={"type": "string"})
    first, last = {"id": 1, "rowid": 9, "v": "a"}, {"id": 1, "rowid": 1, "v": "b"}

    loader.load(declared, *(json.dumps(r).encode() for r in (first, last)), **KEYED)

    assert loader.sql("SELECT id, rowid_2, v FROM raw.s") == [(1, 1, "b")]


def test_a_table_that_hides_the_order_of_its_rows_is_not_loaded_by_key(loader):
    declared = schema(id=INTEGER)
    loader.load(declared, b'{"id":1}', **KEYED)
    loader.sql('ALTER TABLE raw.s ADD COLUMN "RowId" INTEGER')

    refused = loader.load(declared, b'{"id":2}', **KEYED)["s"].error

    assert isinstance(refused, Guarded)
    assert "has a column `rowid`" in refused.what.lower()
    assert refused.hint.lower() == "alter table raw.s rename rowid to rowid_2"
