"""What becomes of rows that the source has no more, in each mode."""

from __future__ import annotations

import pytest

from elt.errors import ConfigError
from elt.project.stream_settings import StreamTable
from elt.targets.writing.modes import FULL_REFRESH, decide
from tests.targets.conftest import schema

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
MOMENT = {"type": ["null", "string"], "format": "date-time"}
ROWS = schema(key=["id"], id=INTEGER, t=TEXT)
DELETED = schema(key=["id"], id=INTEGER, t=TEXT, _sdc_deleted_at=MOMENT)
KEYED = {"mode": "upsert", "key": ["id"]}


def rows(*ids, text="x", version=None):
    return [_record({"id": one, "t": text}, version) for one in ids]


def _record(record, version=None):
    message = {"type": "RECORD", "stream": "s", "record": record}
    return message if version is None else {**message, "version": version}


def active(version):
    return {"type": "ACTIVATE_VERSION", "stream": "s", "version": version}


def living(loader, mode="upsert"):
    """Give the ids of the rows that are there and not marked or ended."""
    columns = loader.types()
    condition = "true"
    if mode == "history":
        condition = "valid_to IS NULL"
    elif "_sdc_deleted_at" in columns:
        condition = "_sdc_deleted_at IS NULL"
    found = loader.sql(f"SELECT DISTINCT id FROM raw.s WHERE {condition} ORDER BY id")
    return [one for (one,) in found]


def there(loader):
    return [one for (one,) in loader.sql("SELECT DISTINCT id FROM raw.s ORDER BY id")]


ALL, KEPT = [1, 2, 3, 4], [1, 2, 3]

# mode, on_missing, what tells -> the rows that live on, and those that are there.
TABLE = [
    ("upsert", None, "nothing", ALL, ALL),
    ("upsert", None, "full read", ALL, ALL),
    ("upsert", None, "version", KEPT, ALL),
    ("upsert", "keep", "nothing", ALL, ALL),
    ("upsert", "keep", "full read", ALL, ALL),
    ("upsert", "keep", "version", ALL, ALL),
    ("upsert", "mark", "nothing", ALL, ALL),
    ("upsert", "mark", "full read", KEPT, ALL),
    ("upsert", "mark", "version", KEPT, ALL),
    ("upsert", "delete", "nothing", ALL, ALL),
    ("upsert", "delete", "full read", KEPT, KEPT),
    ("upsert", "delete", "version", KEPT, KEPT),
    ("history", None, "nothing", ALL, ALL),
    ("history", None, "full read", ALL, ALL),
    ("history", None, "version", KEPT, ALL),
    ("history", "keep", "nothing", ALL, ALL),
    ("history", "keep", "full read", ALL, ALL),
    ("history", "keep", "version", ALL, ALL),
    ("history", "mark", "nothing", ALL, ALL),
    ("history", "mark", "full read", KEPT, ALL),
    ("history", "mark", "version", KEPT, ALL),
    ("append", None, "nothing", ALL, ALL),
    ("append", None, "version", KEPT, ALL),
    ("append", "keep", "version", ALL, ALL),
    ("append", "mark", "nothing", ALL, ALL),
    ("append", "mark", "version", KEPT, ALL),
    ("append", "delete", "nothing", ALL, ALL),
    ("append", "delete", "version", KEPT, KEPT),
    ("overwrite", None, "full read", KEPT, KEPT),
    ("overwrite", None, "version", KEPT, KEPT),
    ("overwrite", "delete", "full read", KEPT, KEPT),
    ("overwrite", "delete", "version", KEPT, KEPT),
]


@pytest.mark.parametrize(("mode", "on_missing", "told", "lives", "stays"), TABLE)
def test_every_mode_does_with_a_missing_row_what_it_was_told(
    loader, mode, on_missing, told, lives, stays
):
    about = {
        "mode": mode,
        "key": [] if mode == "append" else ["id"],
        "on_missing": on_missing,
        "full_table": told == "full read" or mode == "overwrite",
    }
    first, second = (1, 2) if told == "version" else (None, None)
    done = [active(second)] if told == "version" else []
    loader.load(ROWS, *rows(*ALL, version=first), **about)

    streams = loader.load(ROWS, *rows(*KEPT, version=second), *done, **about)

    assert streams["s"].error is None
    assert living(loader, mode) == lives
    assert there(loader) == stays
    counted = mode != "overwrite" and lives == KEPT
    # Of appended rows, those of the older version are all of the first four.
    assert streams["s"].gone == (len(ALL) if mode == "append" else 1) * counted


WRONG = [
    ("history", "delete", "FULL_TABLE", "keeps what was"),
    ("history", "delete", "INCREMENTAL", "keeps what was"),
    ("overwrite", "keep", "FULL_TABLE", "leaves no row"),
    ("overwrite", "mark", "FULL_TABLE", "leaves no row"),
    ("append", "mark", "FULL_TABLE", "knows no row again"),
    ("append", "delete", "FULL_TABLE", "knows no row again"),
]


@pytest.mark.parametrize(("mode", "on_missing", "method", "why"), WRONG)
def test_what_a_mode_cannot_do_with_missing_rows_is_an_error(
    mode, on_missing, method, why
):
    table = StreamTable(mode=mode, on_missing=on_missing)

    with pytest.raises(ConfigError, match=why) as error:
        decide(key=["id"], replication_method=method, table=table)

    assert error.value.hint


@pytest.mark.parametrize(
    ("on_missing", "done"),
    [("keep", "kept"), ("mark", "marked"), ("delete", "deleted")],
)
def test_a_full_table_whose_missing_rows_matter_is_upserted(on_missing, done):
    table = StreamTable(on_missing=on_missing)

    mode = decide(key=["id"], replication_method="FULL_TABLE", table=table)

    assert mode.name == "upsert"
    assert mode.reason == f"the whole table is read, and missing rows are {done}"
    with pytest.raises(ConfigError, match="needs a key") as error:
        decide(key=[], replication_method="FULL_TABLE", table=table)
    assert "leave `on_missing` out" in error.value.hint


@pytest.mark.parametrize("method", ["INCREMENTAL", "LOG_BASED", None])
def test_a_version_may_come_of_any_stream_so_that_is_no_error(method):
    table = StreamTable(on_missing="delete")

    mode = decide(key=["id"], replication_method=method, table=table)

    assert mode.name == "upsert"


@pytest.mark.parametrize("asked", [None, "upsert"])
@pytest.mark.parametrize(
    ("on_missing", "mode"),
    [
        (None, "overwrite"),
        ("keep", "upsert"),
        ("mark", "upsert"),
        ("delete", "overwrite"),
    ],
)
def test_a_full_refresh_throws_no_row_away_that_was_to_be_kept(asked, on_missing, mode):
    table = StreamTable(mode=asked, on_missing=on_missing)

    decided = decide(
        key=["id"], replication_method="FULL_TABLE", table=table, full_refresh=True
    )

    assert decided.name == mode
    assert (decided.reason == FULL_REFRESH) is (mode == "overwrite")


MARKED = {**KEYED, "full_table": True, "on_missing": "mark"}
DROPPED = {**KEYED, "full_table": True, "on_missing": "delete"}


def test_a_row_that_comes_back_loses_its_mark(loader):
    for ids in ([1, 2, 3], [1, 2], [1, 2, 3]):
        loader.load(ROWS, *rows(*ids), **MARKED)

    assert loader.column("_sdc_deleted_at", order="id") == [None, None, None]


def test_a_mark_keeps_the_time_of_the_read_that_first_lacked_the_row(loader):
    loader.load(ROWS, *rows(1, 2, 3), **MARKED)
    loader.load(ROWS, *rows(1, 2), run="r2", **MARKED)
    before = loader.sql("SELECT _sdc_deleted_at FROM raw.s WHERE id = 3")

    streams = loader.load(ROWS, *rows(1, 2), run="r3", **MARKED)

    assert streams["s"].gone == 0
    assert loader.sql("SELECT _sdc_deleted_at FROM raw.s WHERE id = 3") == before
    assert before[0][0] is not None


def test_a_table_has_the_column_for_marks_from_the_start_where_it_may_need_it(loader):
    loader.load(ROWS, *rows(1), **MARKED)

    assert loader.types()["_sdc_deleted_at"] == "TIMESTAMP WITH TIME ZONE"


def test_a_streams_own_column_for_marks_is_used_as_it_is(loader):
    text = schema(key=["id"], id=INTEGER, t=TEXT, _sdc_deleted_at=TEXT)
    loader.load(text, *rows(1, 2, 3), **MARKED)

    loader.load(text, *rows(1, 2), **MARKED)

    assert loader.types()["_sdc_deleted_at"] == "VARCHAR"
    assert living(loader) == [1, 2]


@pytest.mark.parametrize("about", [MARKED, DROPPED])
@pytest.mark.parametrize("left", [[], [1]])
def test_a_full_read_that_lacks_most_rows_is_refused(loader, about, left):
    loader.load(ROWS, *rows(1, 2, 3), **about)

    streams = loader.load(ROWS, *rows(*left), **about)

    assert f"would shrink from 3 rows to {len(left)}" in str(streams["s"].error)
    assert streams["s"].error.exit_code == 3
    assert living(loader) == [1, 2, 3]

    loader.load(ROWS, *rows(*left), allow_shrink=True, **about)

    assert living(loader) == left


def test_a_version_that_most_rows_lack_is_refused(loader):
    loader.load(ROWS, *rows(1, 2, 3, version=1), **KEYED)

    streams = loader.load(ROWS, *rows(1, version=2), active(2), **KEYED)

    assert "would shrink from 3 rows to 1" in str(streams["s"].error)
    assert living(loader) == [1, 2, 3]


def test_new_rows_do_not_outweigh_those_that_are_gone(loader):
    loader.load(ROWS, *rows(1, 2, 3), **DROPPED)

    streams = loader.load(ROWS, *rows(11, 12, 13), **DROPPED)

    assert "would shrink from 3 rows to 0" in str(streams["s"].error)


def test_marked_rows_do_not_count_for_the_next_guard(loader):
    loader.load(ROWS, *rows(*range(10)), **MARKED)
    loader.load(ROWS, *rows(*range(5)), **MARKED)

    streams = loader.load(ROWS, *rows(*range(3)), **MARKED)

    assert streams["s"].error is None
    streams = loader.load(ROWS, *rows(0), **MARKED)
    assert "would shrink from 3 rows to 1" in str(streams["s"].error)
    assert living(loader) == [0, 1, 2]


def test_ended_versions_do_not_count_for_the_next_guard(loader):
    about = {**MARKED, "mode": "history"}
    loader.load(ROWS, *rows(*range(6)), **about)
    loader.load(ROWS, *rows(*range(3)), **about)

    streams = loader.load(ROWS, *rows(0), **about)

    assert "would shrink from 3 rows to 1" in str(streams["s"].error)


def test_a_full_read_that_was_cut_short_lets_nothing_go(loader):
    loader.load(ROWS, *rows(1, 2, 3), **DROPPED)

    loader.load(
        ROWS, *rows(1, 2), {"type": "STATE", "value": {"at": 1}}, ok=False, **DROPPED
    )

    assert there(loader) == [1, 2, 3]


def test_a_row_that_cannot_be_read_is_not_missing(loader):
    loader.load(ROWS, *rows(1, 2, 3, 4), **DROPPED)
    number = schema(key=["id"], id=INTEGER, t=INTEGER)
    loader.sql("UPDATE raw.s SET t = '7'")
    loader.sql("ALTER TABLE raw.s ALTER t TYPE BIGINT")

    bad = _record({"id": 2, "t": "no number"})
    loader.load(number, bad, *rows(1, 3, text=8), **DROPPED)

    assert loader.sql("SELECT id, t FROM raw.s ORDER BY id") == [(1, 8), (2, 7), (3, 8)]


def test_while_a_line_is_broken_no_row_is_taken_for_missing(loader):
    loader.load(ROWS, *rows(1, 2, 3), **DROPPED)

    loader.load(ROWS, *rows(1, 2), b'{"id": 3, "id": 3}', **DROPPED)

    assert there(loader) == [1, 2, 3]


def test_rows_without_a_version_are_never_taken_for_older(loader):
    loader.load(ROWS, *rows(1, 2), **KEYED)
    loader.load(ROWS, *rows(3, 4, 5, version=1), **KEYED)

    loader.load(ROWS, *rows(3, 4, version=2), active(2), on_missing="delete", **KEYED)

    assert there(loader) == [1, 2, 3, 4]


def test_a_version_of_a_table_without_versions_changes_nothing(loader):
    loader.load(ROWS, *rows(1, 2), **KEYED)

    streams = loader.load(ROWS, *rows(1), active(2), on_missing="delete", **KEYED)

    assert streams["s"].error is None
    assert there(loader) == [1, 2]


def test_the_same_version_again_keeps_its_rows(loader):
    loader.load(ROWS, *rows(1, 2, version=7), active(7), **KEYED)

    loader.load(ROWS, *rows(3, version=7), active(7), on_missing="delete", **KEYED)

    assert there(loader) == [1, 2, 3]


def test_an_unchanged_row_of_a_history_is_known_to_the_later_version(loader):
    about = {"mode": "history", "key": ["id"]}
    loader.load(ROWS, *rows(1, 2, 3, version=1), active(1), **about)
    for version in (2, 3):
        sent = rows(1, 2, version=version)
        loader.load(ROWS, *sent, active(version), run=f"r{version}", **about)

    assert living(loader, "history") == [1, 2]
    assert loader.sql(
        "SELECT id, _sdc_table_version, _elt_run_id FROM raw.s ORDER BY id"
    ) == [(1, 3, "r1"), (2, 3, "r1"), (3, 1, "r2")]


def test_a_row_of_a_history_that_was_gone_comes_back_as_a_new_version(loader):
    about = {**MARKED, "mode": "history"}
    timed = schema(key=["id"], id=INTEGER, t=TEXT, at=MOMENT)
    sent = [{"id": one, "t": "x", "at": "2024-01-01T00:00:00Z"} for one in (1, 2, 3)]
    for kept in (3, 2, 3, 3):
        records = [_record(one) for one in sent[:kept]]
        loader.load(timed, *records, replication_key="at", **about)

    assert living(loader, "history") == [1, 2, 3]
    assert loader.sql(
        "SELECT count(*), min(valid_to) < max(valid_from), day(min(valid_from))"
        " FROM raw.s WHERE id = 3"
    ) == [(2, True, 1)]


def deleted(number):
    return _record({"id": number, "_sdc_deleted_at": "2024-01-05T00:00:00Z"})


@pytest.mark.parametrize("on_missing", [None, "keep", "mark"])
def test_a_row_that_the_log_says_is_deleted_stays_with_its_mark(loader, on_missing):
    loader.load(DELETED, *rows(1, 2), **KEYED)

    loader.load(DELETED, deleted(1), deleted(2), on_missing=on_missing, **KEYED)

    assert there(loader) == [1, 2]
    assert living(loader) == []


def test_a_row_that_the_log_says_is_deleted_can_be_deleted_here(loader):
    about = {**KEYED, "on_missing": "delete"}
    loader.load(DELETED, *rows(1, 2), deleted(3), **about)
    assert there(loader) == [1, 2]

    # One by one the log says it: no guard stands in its way.
    streams = loader.load(DELETED, deleted(1), deleted(2), **about)
    assert streams["s"].gone == 2
    assert there(loader) == []

    loader.load(DELETED, deleted(2), *rows(2), **about)
    assert living(loader) == [2]


def test_rows_that_were_marked_go_when_missing_rows_are_to_be_deleted(loader):
    loader.load(ROWS, *rows(1, 2, 3), **MARKED)
    loader.load(ROWS, *rows(1, 2), **MARKED)

    loader.load(ROWS, *rows(1, 2), **DROPPED)

    assert there(loader) == [1, 2]


def test_a_mark_is_told_as_a_change_of_the_table_once(loader):
    loader.load(ROWS, *rows(1, 2, 3, version=1), **KEYED)
    for version in (2, 3):
        loader.load(ROWS, *rows(1, 2, version=version), active(version), **KEYED)

    told = loader.sql('SELECT "column" FROM _elt.schema_changes ORDER BY ALL')
    assert told.count(("_sdc_deleted_at",)) == 1
