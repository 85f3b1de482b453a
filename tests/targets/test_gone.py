"""Rows that a tap says are gone are marked, and keep what was last known of them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elt.targets.reading.maps import Maps
from tests.targets.conftest import new_loader, schema

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
MOMENT = {"type": ["null", "string"], "format": "date-time"}
DELETED = schema(key=["id"], id=INTEGER, a=TEXT, b=INTEGER, _sdc_deleted_at=MOMENT)
KEYED = {"mode": "upsert", "key": ["id"]}
AT = "2024-01-05T00:00:00Z"


def row(number, **values):
    return json.dumps({"id": number, **values}).encode()


def gone(number, **values):
    return row(number, **values, _sdc_deleted_at=AT)


def table(loader, columns="id, a, b"):
    return loader.sql(
        f"SELECT {columns}, _sdc_deleted_at IS NOT NULL FROM raw.s ORDER BY id"
    )


def test_a_row_that_is_gone_keeps_its_last_values(loader):
    loader.load(DELETED, row(1, a="x", b=1), row(2, a="y", b=2), **KEYED)

    loader.load(DELETED, gone(1), **KEYED, run="r2")

    assert table(loader) == [(1, "x", 1, True), (2, "y", 2, False)]
    assert loader.column("_elt_run_id", order="id") == ["r2", "r1"]


def test_a_row_that_is_gone_and_was_never_there_is_its_key_and_the_mark(loader):
    loader.load(DELETED, row(1, a="x", b=1), gone(2), **KEYED)
    loader.load(DELETED, gone(3), **KEYED)

    assert table(loader) == [
        (1, "x", 1, False),
        (2, None, None, True),
        (3, None, None, True),
    ]


@pytest.mark.parametrize("begun", [False, True], ids=["new table", "with rows"])
def test_a_row_that_is_gone_in_the_batch_that_brought_it_keeps_its_values(
    loader, begun
):
    if begun:
        loader.load(DELETED, row(1, a="old", b=0), row(9, a="z", b=9), **KEYED)

    loader.load(DELETED, row(1, a="x", b=1), gone(1), gone(1), **KEYED)

    assert table(loader)[0] == (1, "x", 1, True)


@pytest.mark.parametrize("begun", [False, True], ids=["new table", "with rows"])
def test_a_row_that_is_made_again_has_no_mark_and_only_its_new_values(loader, begun):
    if begun:
        loader.load(DELETED, row(1, a="old", b=0), gone(1), **KEYED)

    loader.load(DELETED, row(1, a="x", b=1), gone(1), row(1, b=2), **KEYED)

    assert table(loader) == [(1, None, 2, False)]


def test_what_a_deleted_row_tells_counts_also_when_it_is_null(loader):
    loader.load(DELETED, row(1, a="x", b=1), row(2, a="x", b=1), **KEYED)

    loader.load(DELETED, gone(1, a=None, b=5), gone(2, b=7), gone(2, a="y"), **KEYED)

    assert table(loader) == [(1, None, 5, True), (2, "y", 7, True)]


def test_a_deleted_row_of_nothing_but_nulls_tells_nothing(loader):
    loader.load(DELETED, row(1, a="x", b=1), row(2, a="y", b=2), **KEYED)

    loader.load(DELETED, gone(1, a=None, b=None), row(2, a=None, b=None), **KEYED)

    assert table(loader) == [(1, "x", 1, True), (2, None, None, False)]


def test_a_deleted_row_of_a_file_of_columns_keeps_its_values(loader, tmp_path):
    loader.load(DELETED, row(1, a="x", b=1), row(2, a="y", b=2), **KEYED)
    path = tmp_path / "batch.parquet"
    loader.sql(
        "COPY (SELECT * FROM (VALUES (1::BIGINT, NULL::VARCHAR, NULL::BIGINT,"
        " TIMESTAMPTZ '2024-01-05 00:00:00Z'), (2, 'z', NULL, NULL))"
        f" AS v(id, a, b, _sdc_deleted_at)) TO '{path}' (FORMAT parquet)"
    )
    batch = {
        "type": "BATCH",
        "stream": "s",
        "encoding": {"format": "parquet"},
        "manifest": [path.as_uri()],
    }

    loader.load(DELETED, batch, **KEYED)

    assert table(loader) == [(1, "x", 1, True), (2, "z", None, False)]


def test_singers_own_columns_are_kept_like_all_others(loader):
    properties = {**DELETED["schema"]["properties"], "_sdc_lsn": INTEGER}
    log = schema(key=["id"], **properties)
    loader.load(log, *(row(n, a="x", b=n, _sdc_lsn=7) for n in (1, 2, 3)), **KEYED)

    nulls = gone(3, a=None, b=None, _sdc_lsn=9)
    loader.load(log, gone(1), gone(2, _sdc_lsn=8), nulls, **KEYED)

    assert table(loader, "id, a, _sdc_lsn") == [
        (1, "x", 7, True),
        (2, "x", 8, True),
        (3, "x", 9, True),
    ]


def test_a_mark_that_the_schema_does_not_tell_of_is_one(loader):
    silent = schema(key=["id"], id=INTEGER, a=TEXT, b=INTEGER)
    loader.load(silent, row(1, a="x", b=1), row(2, a="y", b=2), **KEYED)

    loader.load(silent, gone(1), **KEYED)

    assert table(loader) == [(1, "x", 1, True), (2, "y", 2, False)]


def test_a_stream_that_sends_no_other_column_has_its_mark(loader):
    bare = schema(key=["id"], id=INTEGER, _sdc_deleted_at=MOMENT)
    loader.load(bare, row(1), row(2), **KEYED)

    loader.load(bare, gone(1), **KEYED)

    assert table(loader, "id") == [(1, True), (2, False)]


def test_parts_of_a_key_tell_rows_apart(loader):
    two = schema(key=["x", "id"], x=TEXT, id=INTEGER, a=TEXT, _sdc_deleted_at=MOMENT)
    about = {"mode": "upsert", "key": ["x", "id"]}
    loader.load(two, row(1, x="p", a="1"), row(1, x="q", a="2"), **about)

    loader.load(two, gone(1, x="q"), **about)

    rows = loader.sql("SELECT x, a, _sdc_deleted_at IS NULL FROM raw.s ORDER BY x")
    assert rows == [("p", "1", True), ("q", "2", False)]


def test_rows_that_are_read_with_care_keep_their_values(loader):
    loader.load(DELETED, row(1, a="x", b=1), row(2, a="y", b=2), **KEYED)

    # An integer that is written so is unusual, and `no` is none.
    odd = row(3, a="z", b=3.0), row(4, a="z", b="no")
    loader.load(DELETED, *odd, row(2, a="w", b=5), gone(1), gone(2), **KEYED)

    assert table(loader) == [(1, "x", 1, True), (2, "w", 5, True), (3, "z", 3, False)]
    assert len(loader.rejects()) == 1


def test_a_deleted_row_behind_many_others_keeps_its_values(loader):
    many = [row(n, a="x", b=n) for n in range(3_000)]
    loader.load(DELETED, *many, **KEYED)

    loader.load(DELETED, *many, gone(7), **KEYED)

    assert table(loader)[6:9] == [(n, "x", n, n == 7) for n in (6, 7, 8)]


def test_a_column_that_the_stream_has_no_more_stays_with_a_row_that_is_gone(loader):
    loader.load(DELETED, row(1, a="x", b=1), row(2, a="y", b=2), **KEYED)
    fewer = schema(key=["id"], id=INTEGER, a=TEXT, _sdc_deleted_at=MOMENT)

    loader.load(fewer, gone(1), **KEYED)

    assert table(loader) == [(1, "x", 1, True), (2, "y", 2, False)]


def test_names_and_digests_of_a_row_that_is_gone_stay(loader):
    maps = Maps(rename={"b": "c", "_sdc_deleted_at": "left_at"}, hash=["a"], salt="s")
    loader.load(DELETED, row(1, a="x", b=1), maps=maps, **KEYED)
    before = loader.sql("SELECT id, a, c FROM raw.s")

    loader.load(DELETED, gone(1), maps=maps, **KEYED)

    assert loader.sql("SELECT id, a, c FROM raw.s") == before
    assert loader.sql("SELECT count(left_at) FROM raw.s") == [(1,)]


def test_a_filter_judges_a_row_that_is_gone_by_its_last_values(loader):
    about = {**KEYED, "maps": Maps(filter="b > 1")}
    loader.load(DELETED, row(1, a="x", b=2), row(2, a="y", b=3), **about)

    loader.load(DELETED, gone(1), gone(2, b=0), gone(3), **about)

    assert table(loader) == [(1, "x", 2, True)]


def test_elements_of_a_row_that_is_gone_stay_until_it_tells_others(loader):
    items = {
        "type": ["null", "array"],
        "items": {"type": "object", "properties": {"v": INTEGER}},
    }
    declared = schema(key=["id"], id=INTEGER, a=TEXT, l=items, _sdc_deleted_at=MOMENT)
    about = {**KEYED, "nested": "tables"}
    three = [{"v": n} for n in range(3)]
    loader.load(
        declared, *(row(n, a="x", l=three[:n]) for n in (1, 2, 3)), row(4), **about
    )

    loader.load(
        declared, gone(1), gone(2, l=[]), row(3, a="y", l=three[:1]), gone(3), **about
    )
    loader.load(declared, row(4, l=three), gone(4), **about)

    assert loader.sql("SELECT id, a FROM raw.s ORDER BY id") == [
        (1, "x"),
        (2, "x"),
        (3, "y"),
        (4, None),
    ]
    elements = "SELECT _parent_id, count(*) FROM raw.s__l GROUP BY 1 ORDER BY 1"
    assert loader.sql(elements) == [(1, 1), (3, 1), (4, 3)]


def test_an_overwritten_table_has_what_came_of_a_row_that_is_gone(loader):
    about = {"mode": "overwrite", "key": ["id"], "allow_shrink": True}
    loader.load(DELETED, row(1, a="old", b=0), row(2, a="old", b=0), **about)

    loader.load(DELETED, row(1, a="x", b=1), gone(1), gone(2), **about)

    assert table(loader) == [(1, "x", 1, True), (2, None, None, True)]


def test_appended_rows_are_what_came(loader):
    loader.load(DELETED, row(1, a="x", b=1), gone(1))

    assert loader.sql("SELECT a, _sdc_deleted_at IS NULL FROM raw.s") == [
        ("x", True),
        (None, False),
    ]


def test_a_row_that_is_gone_goes_where_missing_rows_are_deleted(loader):
    about = {**KEYED, "on_missing": "delete"}
    loader.load(DELETED, row(1, a="x", b=1), row(2, a="y", b=2), **about)

    streams = loader.load(DELETED, gone(1), gone(3), **about)

    assert table(loader) == [(2, "y", 2, False)]
    assert streams["s"].gone == 2


def test_a_row_that_is_gone_keeps_the_version_that_it_does_not_tell(loader):
    loader.load(
        DELETED,
        {**_message(1, a="x"), "version": 4},
        {"type": "ACTIVATE_VERSION", "stream": "s", "version": 4},
        **KEYED,
    )

    loader.load(DELETED, gone(1), **KEYED)
    assert loader.sql("SELECT a, _sdc_table_version FROM raw.s") == [("x", 4)]

    told = {**_message(1, _sdc_deleted_at=AT), "version": 5}
    loader.load(DELETED, told, **KEYED)
    assert loader.sql("SELECT a, _sdc_table_version FROM raw.s") == [("x", 5)]


def _message(number, **values):
    return {"type": "RECORD", "stream": "s", "record": {"id": number, **values}}


# For all orders of rows and all ways to cut them into commits.

COLUMNS = ("a", "b", "c")
_VALUES = st.dictionaries(st.sampled_from(COLUMNS), st.sampled_from([None, 1, 2]))
_RECORDS = st.tuples(st.integers(1, 3), _VALUES, st.booleans())
_FULL = st.fixed_dictionaries(dict.fromkeys(COLUMNS, st.sampled_from([None, 1, 2])))
_MORE = st.tuples(st.integers(1, 3), _FULL, st.booleans())
_CHUNKS = st.lists(st.lists(_RECORDS | _MORE, max_size=6), min_size=1, max_size=4)


def model_of(chunks):
    """Keep each key's row in a dictionary."""
    rows = {}
    for number, values, is_gone in (record for chunk in chunks for record in chunk):
        known = rows.get(number, {}) if is_gone else {}
        told = values if any(v is not None for v in values.values()) else {}
        rows[number] = {**known, **(told if is_gone else values), "gone": is_gone}
    return {
        (number, *(values.get(name) for name in COLUMNS), values["gone"])
        for number, values in rows.items()
    }


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chunks=_CHUNKS, is_careful=st.booleans())
def test_any_order_in_any_commits_gives_the_last_that_was_told(
    empty_warehouse, chunks, is_careful
):
    whole = dict.fromkeys(COLUMNS, INTEGER)
    declared = schema(key=["id"], id=INTEGER, **whole, _sdc_deleted_at=MOMENT)
    with tempfile.TemporaryDirectory(prefix="elt-") as folder:
        loader = new_loader(Path(folder), empty_warehouse)
        for chunk in chunks:
            lines = [
                gone(number, **values) if is_gone else row(number, **values)
                for number, values, is_gone in chunk
            ]
            odd = [b'{"id":9.0}'] if is_careful else []
            loader.load(declared, *odd, *lines, **KEYED)
        found = {one for one in table(loader, "id, a, b, c") if one[0] != 9}
        loader.close()

    assert found == model_of(chunks)
