"""Rejects that are loaded again: each becomes a row once, and never an older one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from elt.targets.columns import Column
from elt.targets.retry import Retry, retry
from elt.targets.writing.evolve import tables_in
from elt.targets.writing.modes import Mode
from elt.targets.writing.plans import Stamp, StreamPlan
from elt.targets.writing.stale import CAME_AGAIN, FILE_ANEW, LOADED_ANEW, NEWER_ROW
from elt.warehouse.rejects import Wanted, rejects
from tests.targets.conftest import schema

INTEGER, TEXT = {"type": "integer"}, {"type": "string"}
JSON = {"type": "object"}


@pytest.fixture
def again(loader, tmp_path):
    """Load the stream's rejects again, as a stream with these columns."""

    def run(*ids, mode="append", key=(), by=None, reads_again=False, **types):
        columns = [Column(name, name, type_) for name, type_ in types.items()]
        plan = StreamPlan(
            stream="s",
            schema="raw",
            table="s",
            mode=Mode(mode, "in this test"),
            key=tuple(key),
            replication_key=by,
        )
        now = datetime.now(UTC)
        stamp = Stamp(
            run_id="retry-1", environment="default", tap="t", started_at=now, at=now
        )
        with loader.warehouse.writer() as cursor:
            wanted = Retry(
                plan=plan,
                columns=tuple(columns),
                ignored=("deselected",),
                reads_again=reads_again,
                found=tables_in(cursor, {"raw"})["raw", "s"],
                rejects=rejects(cursor, "default", Wanted(ids=ids)),
                folder=tmp_path,
            )
            return retry(cursor, wanted, stamp)

    return run


def rows(loader):
    return loader.sql(
        "SELECT * EXCLUDE (_elt_loaded_at, _elt_run_id) FROM raw.s ORDER BY ALL"
    )


def keyed(loader, *records, run="r1", **about):
    about = {"mode": "upsert", "key": ["id"], **about}
    declared = schema(key=about["key"], id=INTEGER, at=INTEGER, n=INTEGER)
    loader.load(declared, *records, run=run, **about)


def test_what_fits_now_becomes_a_row_and_leaves_the_rejects(loader, again):
    loader.load(schema(id=INTEGER, n=INTEGER), b'{"id":1,"n":"x"}', b'{"id":2,"n":2}')

    done = again(id="BIGINT", n="VARCHAR")

    assert (done.loaded, done.kept, done.stale) == (1, {}, {})
    assert rows(loader) == [(1, "x"), (2, "2")]
    assert loader.rejects() == []
    assert loader.sql("SELECT DISTINCT _elt_run_id FROM raw.s WHERE n = 'x'") == [
        ("retry-1",)
    ]
    assert again(id="BIGINT", n="VARCHAR").loaded == 0


def test_what_does_not_fit_stays_under_its_id_with_the_new_reason(loader, again):
    loader.load(schema(n=INTEGER), b'{"n":"2026-13-01"}', b'{"n":"2026-11-01"}')
    loader.sql("DELETE FROM raw.s")
    loader.sql("ALTER TABLE raw.s ALTER n TYPE DATE USING NULL")

    done = again(n="DATE")

    assert (done.loaded, done.kept) == (1, {"not a date": 1})
    assert loader.sql("SELECT id, value, reason FROM _elt.rejects") == [
        (1, "2026-13-01", "not a date")
    ]


def test_values_stay_exact(loader, again):
    record = b'{"n":"x","d":1.10,"j":{"a":1.10,"b":[1e22]},"t":"\\u00e9"}'
    loader.load(schema(n=INTEGER, d=TEXT, j=JSON, t=TEXT), record)

    again(n="VARCHAR", d="VARCHAR", j="JSON", t="VARCHAR")

    assert rows(loader) == [("x", "1.10", '{"a":1.10,"b":[1e22]}', "é")]


def test_signs_that_end_a_line_elsewhere_stay_in_a_text(loader, again):
    text = "a\u2028b\u2029c\x85d"
    loader.load(schema(n=INTEGER, t=TEXT), f'{{"n":"x","t":"{text}"}}'.encode())

    again(n="VARCHAR", t="VARCHAR")

    assert rows(loader) == [("x", text)]


def test_a_line_that_is_no_record_stays_whatever_the_schema(loader, again):
    loader.load(schema(n=INTEGER), b'{"n":1,"n":2}')

    done = again(n="VARCHAR")

    assert done.kept == {"the same key twice": 1}
    assert len(loader.rejects()) == 1


def test_columns_that_are_unknown_are_added_and_deselected_ones_left_out(loader, again):
    loader.load(schema(n=INTEGER), b'{"n":"x"}')
    loader.sql('UPDATE _elt.rejects SET record = \'{"n":"x","new":1,"deselected":2}\'')

    again(n="VARCHAR")

    assert rows(loader) == [("x", 1)]
    assert "new" in loader.types()


@pytest.mark.parametrize("by", ["at", None])
def test_a_record_that_is_newer_than_the_row_of_its_key_replaces_it(loader, again, by):
    keyed(loader, b'{"id":1,"at":1,"n":1}')
    keyed(loader, b'{"id":1,"at":2,"n":"x"}', run="r2")

    done = again(
        mode="upsert", key=["id"], by=by, id="BIGINT", at="BIGINT", n="VARCHAR"
    )

    assert done.loaded == 1
    assert rows(loader) == [(1, 2, "x")]


@pytest.mark.parametrize("by", ["at", None])
def test_an_older_record_never_replaces_a_newer_row(loader, again, by):
    keyed(loader, b'{"id":1,"at":1,"n":"x"}')
    keyed(loader, b'{"id":1,"at":2,"n":2}', run="r2")

    done = again(
        mode="upsert", key=["id"], by=by, id="BIGINT", at="BIGINT", n="VARCHAR"
    )

    assert (done.loaded, done.stale) == (0, {NEWER_ROW: 1})
    assert rows(loader) == [(1, 2, "2")]
    assert loader.sql("SELECT stale, reason FROM _elt.rejects") == [
        (NEWER_ROW, "not an integer")
    ]


def test_the_replication_key_counts_and_not_when_a_row_was_loaded(loader, again):
    keyed(loader, b'{"id":1,"at":5,"n":"x"}')
    keyed(loader, b'{"id":1,"at":2,"n":2}', run="r2")

    again(mode="upsert", key=["id"], by="at", id="BIGINT", at="BIGINT", n="VARCHAR")

    assert rows(loader) == [(1, 5, "x")]


def test_of_several_rejects_of_a_key_the_latest_counts(loader, again):
    keyed(loader, b'{"id":1,"at":3,"n":"c"}', b'{"id":1,"at":2,"n":"b"}')
    types = {"id": "BIGINT", "at": "BIGINT", "n": "VARCHAR"}

    done = again(mode="upsert", key=["id"], by="at", **types)

    assert (done.loaded, done.again) == (1, 1)
    assert rows(loader) == [(1, 3, "c")]
    assert loader.rejects() == []


def test_a_record_that_still_has_no_key_stays(loader, again):
    keyed(loader, b'{"id":null,"at":1,"n":1}')

    done = again(mode="upsert", key=["id"], id="BIGINT", at="BIGINT", n="BIGINT")

    assert done.kept == {"the key is missing or null": 1}


def test_a_record_on_the_bookmark_that_came_with_each_run_is_one_row(loader, again):
    for run in ("r1", "r2", "r3"):
        loader.load(schema(n=INTEGER), b'{"n":"x"}', b'{"n":"y"}', run=run)

    done = again(reads_again=True, n="VARCHAR")

    assert (done.loaded, done.again) == (2, 4)
    assert rows(loader) == [("x",), ("y",)]
    assert loader.rejects() == []


def test_records_that_are_alike_in_one_run_are_as_many_rows(loader, again):
    loader.load(schema(n=INTEGER), b'{"n":"x"}', b'{"n":"x"}')
    loader.load(schema(n=INTEGER), b'{"n":"x"}', run="r2")

    assert again(reads_again=True, n="VARCHAR").loaded == 2
    assert rows(loader) == [("x",), ("x",)]


def test_a_stream_that_is_added_as_a_whole_each_time_keeps_all_of_them(loader, again):
    for run in ("r1", "r2"):
        loader.load(schema(n=INTEGER), b'{"n":"x"}', run=run)

    assert again(reads_again=False, n="VARCHAR").loaded == 2


def test_a_row_that_came_again_and_was_good_then_is_not_added_twice(loader, again):
    loader.load(schema(n=INTEGER), b'{"n":"x"}')
    loader.load(schema(n=TEXT), b'{"n":"x"}', run="r2")

    done = again(reads_again=True, n="VARCHAR")

    assert done.stale == {CAME_AGAIN: 1}
    assert rows(loader) == [("x",)]


def test_a_reject_of_a_table_that_was_loaded_anew_since_is_stale(loader, again):
    loader.load(schema(n=INTEGER), b'{"n":"x"}', b'{"n":1}', mode="overwrite")
    loader.load(schema(n=INTEGER), b'{"n":"y"}', b'{"n":2}', mode="overwrite", run="r2")

    done = again(n="VARCHAR")

    assert (done.loaded, done.stale) == (1, {LOADED_ANEW: 1})
    assert rows(loader) == [("2",), ("y",)]


def batch(path, *, replace=True):
    stat = path.stat()
    about = {
        "size": stat.st_size,
        "mtime_ns": stat.st_mtime_ns,
        "constants": {"file": path.name},
        "replace": replace,
    }
    return {
        "type": "BATCH",
        "stream": "s",
        "encoding": {"format": "csv", "columns": ["n", "j", "t"], "header": False},
        "manifest": [path.as_uri()],
        "elt": {"files": [about]},
    }


CSV = schema(n=INTEGER, j=JSON, t=TEXT, file=TEXT)
TYPES = {"n": "VARCHAR", "j": "JSON", "t": "VARCHAR", "file": "VARCHAR"}


def test_a_line_of_a_csv_is_loaded_as_the_file_would_load_it(loader, again, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('x,"{""a"": 1.10}",\ny,plain,""\nz,,"a ""b"",\nc"\n')
    loader.load(CSV, batch(path))

    done = again(**TYPES)

    assert (done.loaded, done.kept) == (3, {})
    assert rows(loader) == [
        ("x", '{"a": 1.10}', None, "a.csv"),
        ("y", '"plain"', "", "a.csv"),
        ("z", None, 'a "b",\nc', "a.csv"),
    ]


def test_a_reject_of_a_file_that_was_written_anew_is_stale(loader, again, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,,\n1,,\n")
    loader.load(CSV, batch(path))
    path.write_text("2,,\n3,,\n")
    loader.load(CSV, batch(path), run="r2")

    assert again(**TYPES).stale == {FILE_ANEW: 1}
    assert [row[0] for row in rows(loader)] == [2, 3]


def stale(loader):
    return loader.sql("SELECT stale FROM _elt.rejects ORDER BY id")


def test_a_load_that_replaces_a_files_rows_notes_its_older_rejects(loader, tmp_path):
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text("x,,\n")
    other.write_text("y,,\n")
    loader.load(CSV, batch(path), batch(other))
    loader.load(CSV, batch(path), run="r2")  # read again, as it is

    assert stale(loader) == [(FILE_ANEW,), (None,), (None,)]


def test_a_reject_of_a_file_without_a_good_row_stays_stale(loader, again, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,,\n")
    loader.load(CSV, batch(path))
    path.write_text("y,,\n")
    loader.load(CSV, batch(path), run="r2")

    done = again(**{**TYPES, "n": "BIGINT"})

    assert done.stale == {FILE_ANEW: 1}
    assert done.kept == {"not an integer": 1}


def test_rejects_of_what_a_file_has_grown_by_leave_the_older_ones(loader, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,,\n")
    loader.load(CSV, batch(path))
    loader.load(CSV, batch(path, replace=False), run="r2")

    assert stale(loader) == [(None,), (None,)]


def test_an_overwrite_notes_the_older_rejects_of_its_stream(loader):
    for run in ("r1", "r2", "r3"):
        loader.load(schema(n=INTEGER), b'{"n":"x"}', mode="overwrite", run=run)

    assert stale(loader) == [(LOADED_ANEW,), (LOADED_ANEW,), (None,)]


def test_a_line_of_a_keyed_file_that_was_corrected_is_stale(loader, again, tmp_path):
    declared, path = schema(key=["t"], **CSV["schema"]["properties"]), tmp_path / "a"
    about = {"mode": "upsert", "key": ["t"]}
    path.write_text("x,,one\ny,,two\n")
    loader.load(declared, batch(path, replace=False), **about)
    path.write_text("1,,one\ny,,two\n")
    loader.load(declared, batch(path, replace=False), run="r2", **about)

    assert stale(loader) == [(None,), (FILE_ANEW,), (None,)]
    done = again(**{**TYPES, "n": "BIGINT"}, **about)
    assert done.stale == {NEWER_ROW: 1, FILE_ANEW: 1}
    assert done.kept == {"not an integer": 1}


def test_a_reject_of_a_file_that_has_only_grown_is_loaded(loader, again, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,,\n1,,\n")
    loader.load(CSV, batch(path))
    path.write_text("2,,\n")
    loader.load(CSV, batch(path, replace=False), run="r2")

    assert again(**TYPES).loaded == 1
    assert [row[0] for row in rows(loader)] == ["1", "2", "x"]


def test_what_a_retry_did_is_noted(loader, again):
    loader.load(schema(n=INTEGER), b'{"n":"x"}', b'{"n":1}')

    again(n="VARCHAR")

    assert loader.sql(
        "SELECT run_id, mode, rows, rejects FROM _elt.loads ORDER BY committed_at"
    ) == [("r1", "append", 1, 1), ("retry-1", "append", 1, 0)]
    changes = loader.sql('SELECT "column", change FROM _elt.schema_changes')
    assert ("n", "BIGINT widened to VARCHAR") in changes


def test_a_reject_of_a_history_finds_its_place_among_the_versions(loader, again):
    time = {"type": "string", "format": "date-time"}
    declared = schema(key=["id"], id=INTEGER, at=time, n=INTEGER)
    sent = [
        b'{"id":1,"at":"2024-01-0%dT00:00:00Z","n":%s}' % (day, n)
        for day, n in ((1, b"1"), (3, b'"x"'), (5, b"5"))
    ]
    loader.load(declared, *sent, mode="history", key=["id"], replication_key="at")
    types = {"id": "BIGINT", "at": "TIMESTAMPTZ", "n": "VARCHAR"}

    done = again(mode="history", key=["id"], by="at", **types)

    assert (done.loaded, done.kept, done.stale) == (1, {}, {})
    assert loader.rejects() == []
    assert loader.sql(
        "SELECT n, day(valid_from), day(valid_to) FROM raw.s ORDER BY valid_from"
    ) == [("1", 1, 3), ("x", 3, 5), ("5", 5, None)]


def test_a_reject_of_a_history_without_times_is_older_than_what_came_since(
    loader, again
):
    keyed(loader, b'{"id":1,"n":"x"}', mode="history")
    keyed(loader, b'{"id":1,"n":2}', mode="history")

    done = again(mode="history", key=["id"], id="BIGINT", n="VARCHAR")

    assert done.stale == {NEWER_ROW: 1}
    assert loader.sql("SELECT n, valid_to IS NULL FROM raw.s") == [("2", True)]


def test_a_row_that_is_gone_keeps_its_values_when_its_reject_is_loaded(loader, again):
    moment = {"type": ["null", "string"], "format": "date-time"}
    declared = schema(key=["id"], id=INTEGER, n=INTEGER, _sdc_deleted_at=moment)
    about = {"mode": "upsert", "key": ["id"]}
    loader.load(declared, b'{"id":1,"n":4}', **about)
    loader.load(declared, b'{"id":1,"_sdc_deleted_at":"yesterday"}', **about)
    loader.sql("UPDATE _elt.rejects SET rejected_at = now() + INTERVAL 1 DAY")
    loader.sql("ALTER TABLE raw.s ALTER _sdc_deleted_at TYPE VARCHAR")

    done = again(
        mode="upsert", key=["id"], id="BIGINT", n="BIGINT", _sdc_deleted_at="VARCHAR"
    )

    assert done.loaded == 1
    assert rows(loader) == [(1, 4, "yesterday")]
