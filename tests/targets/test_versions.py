"""ACTIVATE_VERSION: what came with an older version of the table is gone."""

from __future__ import annotations

import pytest

from tests.targets.conftest import line, schema, state

INTEGER = {"type": ["null", "integer"]}
ROWS = schema(key=["id"], id=INTEGER)
KEYED = {"mode": "upsert", "key": ["id"]}


def rows(*ids, version=None):
    message = {"type": "RECORD", "stream": "s"}
    if version is not None:
        message["version"] = version
    return [{**message, "record": {"id": one}} for one in ids]


def active(version, stream="s"):
    return {"type": "ACTIVATE_VERSION", "stream": stream, "version": version}


def living(loader):
    marked = "_sdc_deleted_at" in loader.types()
    where = " WHERE _sdc_deleted_at IS NULL" if marked else ""
    return [n for (n,) in loader.sql(f"SELECT id FROM raw.s{where} ORDER BY id")]


def test_the_version_of_each_row_is_kept_though_no_schema_has_a_column_for_it(loader):
    loader.load(ROWS, *rows(1, version=5), *rows(2, version=6), *rows(3), **KEYED)

    assert loader.types()["_sdc_table_version"] == "BIGINT"
    assert loader.column("_sdc_table_version", order="id") == [5, 6, None]


@pytest.mark.parametrize(
    ("on_missing", "there"),
    [(None, 3), ("mark", 3), ("delete", 2), ("keep", 3)],
)
def test_older_rows_are_marked_or_deleted(loader, on_missing, there):
    loader.load(ROWS, *rows(1, 2, 3, version=1), active(1), **KEYED)

    sent = [*rows(1, 2, version=2), active(2)]
    streams = loader.load(ROWS, *sent, on_missing=on_missing, **KEYED)

    assert loader.sql("SELECT count(*) FROM raw.s") == [(there,)]
    assert living(loader) == ([1, 2, 3] if on_missing == "keep" else [1, 2])
    assert streams["s"].gone == (on_missing != "keep")


def test_rows_that_wait_are_written_before_the_older_ones_go(loader):
    loader.load(ROWS, *rows(1, 2, version=1), active(1), **KEYED)

    sent = [*rows(1, 2, version=2), active(2), *rows(3, version=2)]
    loader.load(ROWS, *sent, on_missing="delete", **KEYED)

    assert living(loader) == [1, 2, 3]


def test_until_its_version_counts_a_new_row_lives_beside_the_older_ones(loader):
    loader.load(ROWS, *rows(1, 2, 3, version=1), active(1), **KEYED)
    loading = loader.start(load={"commit_bytes": 1}, on_missing="delete", **KEYED)

    loading.feed([line(m) for m in (ROWS, *rows(1, version=2), state({"at": 1}))])
    loading.abandon()

    assert living(loader) == [1, 2, 3]
    assert loader.state() == {"at": 1}


def test_a_version_that_is_resumed_has_the_rows_of_both_runs(loader):
    loader.load(ROWS, *rows(1, 2, 3, version=1), active(1), **KEYED)
    cut_short = [*rows(1, version=2), state({"at": 1})]
    loader.load(ROWS, *cut_short, ok=False, on_missing="delete", **KEYED)

    loader.load(ROWS, *rows(2, version=2), active(2), on_missing="delete", **KEYED)

    assert living(loader) == [1, 2]


def test_a_log_based_stream_goes_on_under_its_version(loader):
    loader.load(ROWS, *rows(1, 2, version=7), active(7), **KEYED)

    loader.load(ROWS, active(7), *rows(3, version=7), on_missing="delete", **KEYED)
    loader.load(ROWS, active(7), on_missing="delete", **KEYED)

    assert living(loader) == [1, 2, 3]


def test_an_unkeyed_table_swaps_its_rows_by_their_versions(loader):
    loader.load(ROWS, *rows(1, 2, version=1), active(1), on_missing="delete")

    loader.load(ROWS, *rows(2, 3, version=2), active(2), on_missing="delete")

    assert living(loader) == [2, 3]


def test_a_version_of_another_stream_says_nothing_of_this_one(loader):
    loader.load(ROWS, *rows(1, 2, version=1), active(1), **KEYED)

    other = schema("other", key=["id"], id=INTEGER)
    loader.load(ROWS, other, *rows(1, version=2), active(2, "other"), **KEYED)

    assert living(loader) == [1, 2]


def test_a_row_of_a_later_version_takes_the_mark_from_its_older_self(loader):
    loader.load(ROWS, *rows(1, 2, 3, version=1), **KEYED)
    loader.load(ROWS, *rows(1, 2, version=2), active(2), **KEYED)
    assert living(loader) == [1, 2]

    loader.load(ROWS, *rows(1, 2, 3, version=3), active(3), **KEYED)

    assert living(loader) == [1, 2, 3]


def test_a_history_ends_the_versions_of_rows_that_are_gone(loader):
    about = {"mode": "history", "key": ["id"]}
    loader.load(ROWS, *rows(1, 2, 3, version=1), active(1), **about)

    for version in (2, 3):
        loader.load(ROWS, *rows(1, 2, version=version), active(version), **about)

    assert loader.sql("SELECT id, valid_to IS NULL FROM raw.s ORDER BY id") == [
        (1, True),
        (2, True),
        (3, False),
    ]
