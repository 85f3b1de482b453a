"""BATCH messages: files that DuckDB reads where they lie."""

from __future__ import annotations

import gzip
import sys
from decimal import Decimal

import duckdb
import pytest

from tests.targets.conftest import schema, state

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
MONEY = {"type": ["null", "number"], "multipleOf": 0.01}
PACKED = {"none": bytes, "gzip": gzip.compress, "zstd": zstd.compress}
CSV = {"format": "csv", "columns": ["id", "t"], "header": True}


def batch(*paths, encoding=None, replace=False, temporary=False, name="f"):
    files = []
    for path in paths:
        seen = path.stat()
        files.append(
            {
                "size": seen.st_size,
                "mtime_ns": seen.st_mtime_ns,
                "constants": {"_file": name},
                "replace": replace,
            }
        )
    return {
        "type": "BATCH",
        "stream": "s",
        "encoding": encoding or {"format": "jsonl", "compression": "none"},
        "manifest": [path.as_uri() for path in paths],
        "elt": {"temporary": temporary, "files": files},
    }


def test_a_users_file_is_read_in_place_and_kept(loader, tmp_path):
    file = tmp_path / "a file.jsonl"
    file.write_bytes(b'{"id": 1}\n{"id": 2}\n')

    loader.load(schema(id=INTEGER, _file=TEXT), batch(file), state({"at": 1}))

    assert loader.sql("SELECT id, _file FROM raw.s") == [(1, "f"), (2, "f")]
    assert file.exists()


def test_a_temporary_file_of_ours_is_deleted_after_the_commit(loader, tmp_path):
    file = tmp_path / "tail.jsonl"
    file.write_bytes(b'{"id": 1}\n')

    loader.load(schema(id=INTEGER, _file=TEXT), batch(file, temporary=True))

    assert loader.column("id") == [1]
    assert not file.exists()


def test_a_rewritten_file_replaces_its_own_rows_only(loader, tmp_path):
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    one.write_bytes(b'{"id": 1}\n')
    two.write_bytes(b'{"id": 2}\n')
    asked = schema(id=INTEGER, _file=TEXT)
    loader.load(asked, batch(one, name="one"), batch(two, name="two"))

    one.write_bytes(b'{"id": 10}\n{"id": 11}\n')
    loader.load(asked, batch(one, name="one", replace=True))

    assert loader.column("id", order="id") == [2, 10, 11]


def test_a_file_that_changed_since_the_tap_saw_it_is_not_marked_done(loader, tmp_path):
    file = tmp_path / "growing.jsonl"
    file.write_bytes(b'{"id": 1}\n')
    message = batch(file)
    file.write_bytes(b'{"id": 1}\n{"id": 2}\n')

    streams = loader.load(schema(id=INTEGER), message, state({"done": True}))

    assert "changed while it was read" in str(streams["s"].error)
    assert loader.state() is None


def test_a_broken_line_is_a_reject_with_its_text(loader, tmp_path):
    file = tmp_path / "f.jsonl"
    file.write_bytes(b'{"id": 1}\n\n{"id": broken\xff\n  \n{"id": 2}')

    loader.load(schema(id=INTEGER, _file=TEXT), batch(file))

    assert loader.column("id") == [1, 2]
    assert [r[2:] for r in loader.rejects()] == [("not JSON", '{"id": broken\ufffd')]


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_a_broken_line_with_any_bytes_is_a_reject(loader, tmp_path, compression):
    content = '{"id": 1, "t": "—"}\r\n{"id": 2, "t": "— 😀\n{"id": 3}\n'.encode()
    file = tmp_path / "f.jsonl"
    file.write_bytes(PACKED[compression](content))
    encoding = {"format": "jsonl", "compression": compression}

    loader.load(schema(id=INTEGER, t=TEXT), batch(file, encoding=encoding))

    assert loader.column("id") == [1, 3]
    assert [r[2:] for r in loader.rejects()] == [("not JSON", '{"id": 2, "t": "— 😀')]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compressed_lines_are_read_and_their_broken_lines_found(
    loader, tmp_path, compression
):
    file = tmp_path / "f.jsonl"
    content = '{"id": 1}\nbroken\n'
    if compression == "gzip":
        file.write_bytes(gzip.compress(content.encode()))
    else:
        duckdb.connect().execute(
            "COPY (SELECT unnest(['{\"id\": 1}', 'broken'])) TO "
            f"'{file}' (FORMAT csv, COMPRESSION zstd, HEADER false, QUOTE '')"
        )

    encoding = {"format": "jsonl", "compression": compression}
    loader.load(schema(id=INTEGER), batch(file, encoding=encoding))

    assert loader.column("id") == [1]
    assert loader.rejects()[0][3] == "broken"


def test_csv_values_are_text_until_they_are_cast_exactly(loader, tmp_path):
    file = tmp_path / "f.csv"
    file.write_bytes(b'\xef\xbb\xbfid,t\r\n1,1.10\r\n2,""\r\n3,\r\n4,"a\nb"\r\n')

    loader.load(schema(id=INTEGER, t=TEXT, _file=TEXT), batch(file, encoding=CSV))

    assert loader.sql("SELECT id, t FROM raw.s") == [
        (1, "1.10"),
        (2, ""),
        (3, None),
        (4, "a\nb"),
    ]


def test_csv_lines_with_too_few_or_too_many_values_are_rejects(loader, tmp_path):
    file = tmp_path / "f.csv"
    file.write_bytes(b"id,t\n1,a\n2\n3,c,d\n4,d\n")

    loader.load(schema(id=INTEGER, t=TEXT), batch(file, encoding=CSV))

    assert loader.column("id") == [1, 4]
    assert sorted(r[2:] for r in loader.rejects()) == [
        ("line 3: missing columns", "2"),
        ("line 4: too many columns", "3,c,d"),
    ]


def test_a_csv_value_of_the_wrong_type_is_a_reject(loader, tmp_path):
    file = tmp_path / "f.csv"
    file.write_bytes(b"id,t\n1,9.999\n2,9.99\n")

    loader.load(schema(id=INTEGER, t=MONEY), batch(file, encoding=CSV))

    assert loader.column("t") == [Decimal("9.99")]
    assert loader.rejects()[0][:2] == ("t", "9.999")


def test_parquet_keeps_its_types_and_nests_as_json(loader, tmp_path):
    file = tmp_path / "f.parquet"
    duckdb.connect().execute(
        "COPY (SELECT 1 AS id, 1.10::DECIMAL(9,2) AS m, {'a': [1, 2]} AS j)"
        f" TO '{file}' (FORMAT parquet)"
    )

    encoding = {"format": "parquet"}
    asked = schema(id=INTEGER, m=MONEY, j={"type": "object"})
    loader.load(asked, batch(file, encoding=encoding))

    assert loader.sql("SELECT id, m, j FROM raw.s") == [
        (1, Decimal("1.10"), '{"a":[1,2]}')
    ]


def test_rows_and_batches_of_one_stream_keep_their_order(loader, tmp_path):
    file = tmp_path / "f.jsonl"
    file.write_bytes(b'{"id": 1, "t": "batch"}\n')

    loader.load(
        schema(id=INTEGER, t=TEXT),
        b'{"id": 1, "t": "before"}',
        b'{"id": 2, "t": "before"}',
        batch(file),
        b'{"id": 2, "t": "after"}',
        mode="upsert",
        key=["id"],
    )

    assert loader.sql("SELECT id, t FROM raw.s ORDER BY id") == [
        (1, "batch"),
        (2, "after"),
    ]


def test_parquet_columns_that_the_schema_lacks_load_and_missing_ones_are_null(
    loader, tmp_path
):
    file = tmp_path / "f.parquet"
    duckdb.connect().execute(
        f"COPY (SELECT 1 AS id, 2.5 AS more) TO '{file}' (FORMAT parquet)"
    )

    encoding = {"format": "parquet"}
    loader.load(schema(id=INTEGER, t=TEXT), batch(file, encoding=encoding))

    assert loader.sql("SELECT id, t, more FROM raw.s") == [(1, None, Decimal("2.5"))]


def test_a_reject_has_its_whole_row_whatever_the_columns_are_called(loader, tmp_path):
    file = tmp_path / "f.csv"
    file.write_bytes(b"id,r\nx,a\n")

    encoding = {**CSV, "columns": ["id", "r"]}
    loader.load(schema(id=INTEGER, r=TEXT), batch(file, encoding=encoding))

    assert loader.rejects()[0][3] == '{"id":"x","r":"a"}'


def test_csv_lines_may_end_in_different_ways(loader, tmp_path):
    file = tmp_path / "f.csv"
    file.write_bytes(b'id,t\r\n1,a\r\n2,"b\r\nc"\r\n3,d\n4,e,f\n5,""\r\n')

    loader.load(schema(id=INTEGER, t=TEXT), batch(file, encoding=CSV))

    assert loader.sql("SELECT id, t FROM raw.s ORDER BY id") == [
        (1, "a"),
        (2, "b\r\nc"),
        (3, "d"),
        (5, ""),
    ]
    assert [r[2] for r in loader.rejects()] == ["line 5: too many columns"]
