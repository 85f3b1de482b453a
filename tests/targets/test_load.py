"""Batches, bookmarks and write modes."""

from __future__ import annotations

from contextlib import contextmanager

import duckdb
import pytest

import elt.targets.writing.commit
from elt.errors import EltError, Unavailable
from elt.events import BookmarkCommitted, RowsLoaded, SchemaChanged
from elt.targets.bookmarks import Mark
from elt.targets.stream_load import StreamLoad
from elt.targets.writing.modes import FULL_REFRESH
from tests.targets.conftest import line, schema, state

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
ROWS = schema(key=["id"], id=INTEGER, t=TEXT)

FROM_2 = (Mark("2"),)


class Streams(dict):
    """The streams of a load, which count how often all of them are looked through."""

    looks = 0

    def _looked(self, look):
        self.looks += 1
        return look()

    def __iter__(self):
        return self._looked(super().__iter__)

    def items(self):
        return self._looked(super().items)

    def values(self):
        return self._looked(super().values)


VIEW = "ALTER TABLE raw.s RENAME TO t; CREATE VIEW raw.s AS FROM raw.t"


def rows(*ids, text="x"):
    return [b'{"id": %d, "t": "%s"}' % (n, text.encode()) for n in ids]


def test_rows_and_their_bookmark_are_there_together(loader):
    loader.load(ROWS, *rows(1, 2), state({"at": 2}))

    assert loader.column("id") == [1, 2]
    assert loader.state() == {"at": 2}
    kinds = [type(event) for event in loader.events]
    assert kinds[-2:] == [RowsLoaded, BookmarkCommitted]


def test_a_tap_that_fails_keeps_what_its_last_state_covers_and_no_more(loader):
    loader.load(ROWS, *rows(1, 2), state({"at": 2}), *rows(3), ok=False)

    assert loader.column("id") == [1, 2]
    assert loader.state() == {"at": 2}
    assert list((loader.folder / "spool").iterdir()) == []


def test_a_tap_that_fails_without_a_state_leaves_everything_as_it_was(loader):
    loader.load(ROWS, *rows(1), state({"at": 1}))

    loader.load(ROWS, *rows(2, 3), ok=False)

    assert loader.column("id") == [1]
    assert loader.state() == {"at": 1}


@pytest.mark.parametrize("empty", [{}, None, {"bookmarks": {}}])
def test_an_empty_state_never_erases_one(loader, empty):
    loader.load(ROWS, *rows(1), state({"bookmarks": {"s": 1}}))

    loader.load(ROWS, *rows(2), state(empty))

    expected = empty or {"bookmarks": {"s": 1}}
    assert loader.state() in ({"bookmarks": {"s": 1}}, expected)
    assert loader.state()


def test_a_state_is_stored_whole(loader):
    whole = {"bookmarks": {"s": {"x": 1}}, "currently_syncing": "s", "own": [1.10]}

    loader.load(ROWS, state(whole))

    assert loader.state() == whole


def test_a_state_commits_while_the_tap_runs_once_enough_waits(loader):
    loading = loader.start(load={"commit_bytes": 10})

    loading.feed([line(m) for m in (ROWS, *rows(1), state({"at": 1}))])
    loading.feed([line(m) for m in (*rows(2), state({"at": 2}))])
    loading.feed([line(m) for m in rows(3)])
    loading.abandon()

    assert loader.column("id") == [1, 2]
    assert loader.sql("SELECT sum(rows), count(*) FROM _elt.loads") == [(2, 2)]


def test_upsert_replaces_by_key_and_the_last_record_wins(loader):
    loader.load(ROWS, *rows(1, 2), mode="upsert", key=["id"])

    again = [*rows(2, text="old"), *rows(3), *rows(2, text="new")]
    loader.load(ROWS, *again, mode="upsert", key=["id"])

    assert loader.sql("SELECT id, t FROM raw.s ORDER BY id") == [
        (1, "x"),
        (2, "new"),
        (3, "x"),
    ]


def test_a_null_in_a_key_is_a_reject(loader):
    loader.load(ROWS, b'{"t": "x"}', *rows(1), mode="upsert", key=["id"])

    assert loader.column("id") == [1]
    assert loader.rejects()[0][2] == "the key is missing or null"


def test_overwrite_swaps_the_whole_table(loader):
    loader.load(ROWS, *rows(1, 2, 3), mode="overwrite")

    loader.load(ROWS, *rows(7, 8), mode="overwrite")

    assert loader.column("id") == [7, 8]


def test_overwrite_swaps_nothing_when_the_tap_fails(loader):
    loader.load(ROWS, *rows(1, 2), mode="overwrite")

    loader.load(ROWS, *rows(7), state({"at": 7}), mode="overwrite", ok=False)

    assert loader.column("id") == [1, 2]
    assert loader.state() is None


def test_overwrite_that_would_empty_or_halve_a_table_is_refused(loader):
    loader.load(ROWS, *rows(*range(10)), mode="overwrite")

    streams = loader.load(ROWS, *rows(1), state({"at": 1}), mode="overwrite")

    assert "would shrink from 10 rows to 1" in str(streams["s"].error)
    assert len(loader.column("id")) == 10
    assert loader.state() is None

    loader.load(ROWS, *rows(1), mode="overwrite", allow_shrink=True)

    assert loader.column("id") == [1]


def test_an_active_version_after_its_rows_finishes_an_overwrite(loader):
    loading = loader.start(mode="overwrite", load={"commit_bytes": 1})
    done = {"type": "ACTIVATE_VERSION", "stream": "s", "version": 1}

    messages = [ROWS, done, *rows(1, 2), done, state({"at": 2})]
    loading.feed([line(message) for message in messages])
    loading.abandon()

    assert loader.column("id") == [1, 2]
    assert loader.state() == {"at": 2}


def test_an_active_version_before_the_rows_proves_nothing(loader):
    loading = loader.start(mode="overwrite", load={"commit_bytes": 1})
    begin = {"type": "ACTIVATE_VERSION", "stream": "s", "version": 1}

    loading.feed([line(m) for m in (ROWS, begin, *rows(1), state({"at": 2}))])
    loading.abandon()

    assert loader.state() is None


def test_keyless_rows_at_the_last_bookmark_are_replaced_and_not_added_again(loader):
    loader.load(ROWS, *rows(1, 2, 2), state({"at": 2}))

    loader.load(ROWS, *rows(2, 2, 3), replication_key="id", replace_from=FROM_2)

    assert loader.column("id", order="id") == [1, 2, 2, 3]


def test_a_stream_that_fails_holds_back_the_bookmark_and_appended_neighbours(loader):
    other = schema("other", id=INTEGER)
    more = {"type": "RECORD", "stream": "other", "record": {"id": 1}}

    streams = loader.load(ROWS, b'{"id": 1.5}', other, more, state({"at": 1}), limit=0)

    assert "more than `reject_limit = 0` allows" in str(streams["s"].error)
    assert "held back" in str(streams["other"].error)
    assert loader.state() is None
    assert loader.sql("SELECT count(*) FROM _elt.rejects") == [(0,)]


def test_a_stream_that_fails_in_mid_run_stops_the_tap(loader):
    loading = loader.start(limit=0, load={"commit_bytes": 1})

    loading.feed([line(m) for m in (ROWS, b'{"id": 1.5}', state({"at": 1}))])
    with pytest.raises(EltError, match="more than `reject_limit = 0` allows"):
        loading.feed([line(m) for m in (*rows(2), state({"at": 2}))])
    loading.abandon()

    assert loader.state() is None


def test_a_schema_that_changes_in_mid_stream_adds_and_widens(loader):
    loader.load(
        schema(n=INTEGER),
        b'{"n": 1}',
        schema(n=TEXT, m=INTEGER),
        b'{"n": "two", "m": 2}',
    )

    assert loader.sql("SELECT n, m FROM raw.s ORDER BY rowid") == [
        ("1", None),
        ("two", 2),
    ]


@pytest.mark.parametrize(
    ("why", "type_", "values", "rejects"),
    [
        ("read in full", "VARCHAR", ["2", "n/a"], 0),
        (FULL_REFRESH, "BIGINT", [2], 1),
    ],
)
def test_only_a_full_refresh_gives_a_widened_column_its_declared_type(
    loader, why, type_, values, rejects
):
    text, number = schema(id=TEXT, gone=TEXT), schema(id=INTEGER)
    loader.load(text, b'{"id":"1","gone":"x"}', b'{"id":"n/a"}')
    sent = [b'{"id":"2"}', b'{"id":"n/a"}']
    loader.load(number, *sent, mode="overwrite", why=why, run="r2")

    assert loader.types()["id"] == type_
    assert loader.types()["gone"] == "VARCHAR"
    assert loader.column("id") == values
    assert len(loader.rejects()) == rejects
    changes = [
        (e.column, e.change) for e in loader.events if isinstance(e, SchemaChanged)
    ]
    assert changes == [("id", "VARCHAR made anew as BIGINT")] * rejects


def test_a_full_refresh_that_would_shrink_the_table_leaves_its_types(loader):
    records = [b'{"id":"n/a"}'] * 3 + [b'{"id":"1"}']
    loader.load(schema(id=TEXT), *records)
    about = {"mode": "overwrite", "why": FULL_REFRESH, "run": "r2"}
    streams = loader.load(schema(id=INTEGER), *records, **about)

    assert "would shrink" in str(streams["s"].error)
    assert loader.types()["id"] == "VARCHAR"
    assert len(loader.column("id")) == 4


def test_a_column_that_widens_keeps_its_old_values_and_is_noted(loader):
    number = {"type": "number"}
    loader.load(schema(n=INTEGER), b'{"n": 1}', b'{"n": 2}')
    loader.load(schema(n=number), b'{"n": 2.5}')
    loader.load(schema(n=INTEGER), b'{"n": 3}')

    assert loader.column("n") == [1.0, 2.0, 2.5, 3.0]
    changes = [e for e in loader.events if isinstance(e, SchemaChanged)]
    assert [change.change for change in changes] == ["BIGINT widened to DOUBLE"]
    assert loader.sql("SELECT count(*) FROM _elt.schema_changes") == [(1,)]


def test_an_integer_that_a_double_cannot_hold_makes_the_column_text(loader):
    loader.load(schema(n=INTEGER), b'{"n": 9007199254740993}')
    loader.load(schema(n={"type": "number"}), b'{"n": 2.5}')

    assert loader.column("n") == ["9007199254740993", "2.5"]


def test_a_line_that_is_no_message_ends_the_load_with_its_text(loader):
    loading = loader.start()

    with pytest.raises(EltError, match="not a Singer message") as caught:
        loading.feed([b"Hello from print()"])
    loading.abandon()

    assert caught.value.where == "Hello from print()"


def test_a_record_before_its_schema_is_named(loader):
    loading = loader.start()

    with pytest.raises(EltError, match="`s` before its SCHEMA"):
        loading.feed([line(b'{"id": 1}')])
    loading.abandon()


def test_unknown_message_types_are_left_out_with_a_warning(loader):
    loader.load({"type": "HEARTBEAT"}, ROWS, *rows(1))

    assert loader.column("id") == [1]
    assert "HEARTBEAT" in loader.events[0].text


def test_a_commit_that_fails_takes_no_later_state_with_it(loader):
    loading = loader.start(load={"commit_bytes": 1})
    opening = loader.warehouse._open

    def busy():
        loader.warehouse._open = opening
        raise Unavailable("the warehouse is open elsewhere")

    loader.warehouse._open = busy
    loading.feed([line(m) for m in (ROWS, *rows(1), state({"at": 1}))])
    with pytest.raises(Unavailable):
        loading.feed([line(m) for m in (*rows(2), state({"at": 2}))])
    loading.abandon()

    assert loader.state() is None


def test_a_stream_that_fails_after_its_end_marker_stops_the_tap_too(loader):
    done = {"type": "ACTIVATE_VERSION", "stream": "s", "version": 1}
    loader.load(ROWS, *rows(*range(10)), mode="overwrite")
    loading = loader.start(mode="overwrite", load={"commit_bytes": 1})

    loading.feed([line(m) for m in (ROWS, *rows(1), done, state({"at": 1}))])
    with pytest.raises(EltError, match="would shrink"):
        loading.feed([line(m) for m in (*rows(2), state({"at": 2}))])
    loading.abandon()

    assert loader.column("id") == list(range(10))
    assert loader.state() is None


def test_overwrite_has_a_key_once_and_the_last_record_wins(loader):
    again = [*rows(1, text="old"), b'{"t": "x"}', *rows(2), *rows(1, text="new")]
    loader.load(ROWS, *rows(*range(4)), mode="overwrite", key=["id"])

    loader.load(ROWS, *again, mode="overwrite", key=["id"])

    assert loader.sql("SELECT id, t FROM raw.s ORDER BY id") == [(1, "new"), (2, "x")]
    assert loader.rejects()[0][2] == "the key is missing or null"


@pytest.mark.parametrize("new", [[], [3]])
def test_keyless_rows_at_the_bookmark_stay_when_the_tap_starts_behind_it(loader, new):
    loader.load(ROWS, *rows(1, 2, 2), state({"at": 2}))

    loader.load(ROWS, *rows(*new), replication_key="id", replace_from=FROM_2)

    assert loader.column("id", order="id") == [1, 2, 2, *new]


def test_keyless_rows_behind_an_unmoved_bookmark_are_not_added_again(loader):
    loader.load(ROWS, *rows(1, 2, 3, 4), state({"at": 2}))
    loading = loader.start(
        replication_key="id", replace_from=FROM_2, load={"commit_bytes": 1}
    )

    for message in rows(4, 2, 3):
        loading.feed([line(m) for m in (ROWS, message, state({"at": 2}))])
    loading.finish()

    assert loader.column("id", order="id") == [1, 2, 3, 4]


def test_a_key_that_only_the_schema_names_is_the_key(loader):
    for _ in range(2):
        loader.load(ROWS, *rows(1), learns_key=True)

    assert loader.column("id") == [1]


def test_many_odd_streams_are_each_written_a_few_times_and_no_more(loader):
    names = [f"s{number}" for number in range(12)]
    odd = [
        message
        for name in names
        for message in (
            schema(name, id=INTEGER),
            {"type": "RECORD", "stream": name, "record": {"id": "1.5"}},
        )
    ]
    written = []
    write_stream = elt.targets.writing.commit.write_stream

    def counted(cursor, batch, **known):
        written.append(batch.plan.stream)
        return write_stream(cursor, batch, **known)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elt.targets.writing.commit, "write_stream", counted)
        loader.load(*odd)

    assert len(loader.rejects()) == len(names)
    assert len(written) < 4 * len(names)


@pytest.mark.parametrize("obstacle", ["CREATE INDEX i ON raw.s (id)", VIEW])
def test_a_table_that_cannot_be_changed_fails_its_stream_alone(loader, obstacle):
    other = schema("other", key=["id"], id=INTEGER)
    more = {"type": "RECORD", "stream": "other", "record": {"id": 1}}
    loader.load(ROWS, *rows(1), mode="overwrite")
    for statement in obstacle.split(";"):
        loader.sql(statement)

    wider = schema(id=TEXT, t=TEXT, more=TEXT)
    streams = loader.load(wider, *rows(2), other, more, mode="overwrite")

    assert "`raw.s` cannot be loaded into" in str(streams["s"].error)
    assert loader.sql("SELECT id FROM raw.other") == [(1,)]


def test_a_disk_that_is_full_at_the_commit_is_named_and_nothing_is_kept(loader):
    loader.load(ROWS, *rows(1), state({"at": 1}))
    writer = loader.warehouse.writer
    tries = []

    @contextmanager
    def full(**about):
        tries.append(about)
        with writer(keep=False) as cursor:
            yield cursor
        raise duckdb.TransactionException("Failed to commit: No space left on device")

    loader.warehouse.writer = full
    with pytest.raises(Unavailable, match="No space left on device"):
        loader.load(ROWS, *rows(2), state({"at": 2}))
    loader.warehouse.writer = writer
    loader.load(ROWS, *rows(3))

    assert len(tries) == 1
    assert loader.column("id") == [1, 3]
    assert loader.state() == {"at": 1}


def test_a_state_costs_nothing_for_the_streams_that_have_not_changed(loader):
    loading = loader.start(load={"commit_seconds": 600.0})
    loading.streams = Streams()
    loading.feed([line(schema(f"s{number}", id=INTEGER)) for number in range(100)])
    held = []
    hold = StreamLoad.held

    def counted(stream):
        held.append(stream)
        return hold(stream)

    messages = [
        message
        for number in range(50)
        for message in (
            {"type": "RECORD", "stream": f"s{number % 3}", "record": {"id": number}},
            state({"at": number}),
        )
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StreamLoad, "held", counted)
        loading.feed([line(message) for message in messages])
    looks = loading.streams.looks
    loading.finish()

    assert looks == 0
    assert len(held) <= 100 + 50
    assert loader.sql("SELECT count(*) FROM raw.s2") == [(16,)]
    assert loader.state() == {"at": 49}


def test_a_state_covers_what_each_stream_had_when_it_came(loader):
    def other(number):
        return {"type": "RECORD", "stream": "other", "record": {"id": number}}

    messages = [ROWS, schema("other", id=INTEGER), *rows(1), other(1), state({"at": 1})]
    more = [*rows(2), state({"at": 2}), other(2), *rows(3)]
    loader.load(*messages, *more, ok=False)

    assert loader.column("id") == [1, 2]
    assert loader.sql("SELECT id FROM raw.other") == [(1,)]
    assert loader.state() == {"at": 2}


def test_no_state_counts_while_one_of_many_streams_may_lack_rows(loader):
    whole = {"type": "ACTIVATE_VERSION", "stream": "s", "version": 1}
    other = {"type": "RECORD", "stream": "other", "record": {"id": 1}}
    loading = loader.start(mode="overwrite", load={"commit_bytes": 1})

    messages = [ROWS, schema("other", id=INTEGER), *rows(1), other, state({"at": 1})]
    loading.feed([line(message) for message in messages])
    before = loading._mark
    loading.feed([line(message) for message in (whole, state({"at": 2}), *rows(2))])
    loading.abandon()

    assert before is None
    assert loader.column("id") == [1]
    assert loader.sql("SELECT id FROM raw.other") == [(1,)]
    assert loader.state() == {"at": 2}
