"""Many rows in one commit, where DuckDB works with several threads at once."""

from __future__ import annotations

import pytest

from tests.targets.conftest import schema

INTEGER = {"type": ["null", "integer"]}
ROWS = 150_000


def file_of(loader, rows=ROWS):
    """Write a file of the user's, with an id and a list in each record."""
    path = loader.folder / "rows.jsonl"
    path.write_bytes(b"".join(b'{"id":%d,"n":[{}]}\n' % n for n in range(rows)))
    return {
        "type": "BATCH",
        "stream": "s",
        "encoding": {"format": "jsonl", "compression": "none"},
        "manifest": [path.as_uri()],
        "elt": {"files": [{}]},
    }


# DuckDB 2.0.0 loses them where the table that they are staged in was made by CREATE
# TABLE AS in the same transaction.
@pytest.mark.parametrize(
    "mode",
    [
        "upsert",
        *(
            pytest.param(mode, marks=pytest.mark.slow)
            for mode in ("append", "overwrite", "history")
        ),
    ],
)
def test_of_many_rows_into_a_table_with_rows_all_are_there(loader, mode):
    declared = schema(id=INTEGER, n={"type": "array"})
    loader.load(declared, b'{"id":-1}', mode=mode, key=["id"])

    streams = loader.load(declared, file_of(loader), mode=mode, key=["id"])

    held = ROWS + (mode != "overwrite")
    counted = "SELECT count(*), count(DISTINCT id), sum(n IS NOT NULL) FROM raw.s"
    assert loader.sql(counted) == [(held, held, ROWS)]
    assert streams["s"].rows == ROWS


@pytest.mark.slow
def test_of_many_rows_with_lists_of_their_own_all_are_there(loader):
    lists = {"type": "array", "items": {"type": "object", "properties": {"a": INTEGER}}}
    declared = schema(id=INTEGER, n=lists)
    about = {"mode": "upsert", "key": ["id"], "nested": "tables"}
    loader.load(declared, b'{"id":-1,"n":[{"a":1}]}', **about)

    loader.load(declared, file_of(loader), **about)

    assert loader.sql("SELECT count(*), count(DISTINCT id) FROM raw.s") == [
        (ROWS + 1, ROWS + 1)
    ]
    assert loader.sql("SELECT count(a) + count(*) FROM raw.s__n") == [(ROWS + 2,)]


@pytest.mark.slow
def test_of_many_broken_csv_lines_all_are_rejects(loader):
    path = loader.folder / "rows.csv"
    path.write_text("id\n" + "".join(f"{n},too many\n" for n in range(ROWS)) + "1\n")
    batch = {
        "type": "BATCH",
        "stream": "s",
        "encoding": {"format": "csv", "columns": ["id"], "header": True},
        "manifest": [path.as_uri()],
    }

    loader.load(schema(id=INTEGER), batch, limit=ROWS, percent=100)

    assert loader.sql("SELECT id FROM raw.s") == [(1,)]
    assert loader.sql("SELECT count(DISTINCT record) FROM _elt.rejects") == [(ROWS,)]
