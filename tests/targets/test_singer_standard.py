"""What Singer's messages mean, where singer-sdk's own suite does not look."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import tracemalloc

import duckdb
import pytest

from elt.errors import EltError
from elt.events import BookmarkCommitted, LogLine
from elt.runner.store.database import open_store
from elt.runner.store.state import Place, save
from elt.targets.bookmarks import Mark, can_tell_apart, marks_of, says_nothing
from tests.promises.conftest import TAP, Folder
from tests.targets.conftest import line, schema, state

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
ROWS = schema(key=["id"], id=INTEGER, t=TEXT)
KEYED = {"mode": "upsert", "key": ["id"]}


def record(stream="s", **values):
    return {"type": "RECORD", "stream": stream, "record": values}


def fed(loader, *messages, **about):
    """Give a load that has taken these messages and is not at its end."""
    loading = loader.start(**about)
    loading.feed([line(message) for message in messages])
    return loading


def commits(loader):
    return loader.sql("SELECT count(DISTINCT committed_at) FROM _elt.loads")[0][0]


# --- what an upsert leaves in the table


def test_an_upserted_record_is_the_whole_row_and_not_a_patch(loader):
    loader.load(ROWS, record(id=1, t="old"), record(id=2, t="kept"), **KEYED)

    loader.load(ROWS, record(id=1), **KEYED)

    assert loader.sql("SELECT id, t FROM raw.s ORDER BY id") == [(1, None), (2, "kept")]


def test_a_key_of_two_columns_is_one_key(loader):
    keyed = {"mode": "upsert", "key": ["a", "b"]}
    both = schema(key=["a", "b"], a=INTEGER, b=TEXT, n=INTEGER)
    loader.load(both, record(a=1, b="x", n=1), record(a=1, b="y", n=2), **keyed)

    loader.load(both, record(a=1, b="y", n=3), record(a=2, b="x", n=4), **keyed)

    assert loader.sql("SELECT a, b, n FROM raw.s ORDER BY ALL") == [
        (1, "x", 1),
        (1, "y", 3),
        (2, "x", 4),
    ]


def test_one_key_many_times_over_several_commits_ends_as_its_last_record(loader):
    loading = fed(loader, ROWS, load={"commit_bytes": 1}, **KEYED)

    for n in range(6):
        twice = [record(id=1, t=f"{n} early"), record(id=1, t=f"{n} late")]
        loading.feed([line(m) for m in (*twice, state({"at": n}))])
    loading.finish()

    assert loader.sql("SELECT id, t FROM raw.s") == [(1, "5 late")]
    assert loader.state() == {"at": 5}


def test_streams_that_take_turns_keep_the_order_of_each(loader):
    other = schema("other", key=["id"], id=INTEGER, t=TEXT)
    loader.load(
        ROWS,
        other,
        record(id=1, t="a"),
        record("other", id=1, t="x"),
        record(id=1, t="b"),
        record("other", id=1, t="y"),
        **KEYED,
    )

    assert loader.sql("SELECT t FROM raw.s") == [("b",)]
    assert loader.sql("SELECT t FROM raw.other") == [("y",)]


# --- STATE: what it says, and when it holds


@pytest.mark.parametrize("empty", [{}, None, "", [], {"bookmarks": {}}])
def test_a_state_that_says_nothing_erases_none(loader, empty):
    loader.load(ROWS, record(id=1), state({"bookmarks": {"s": {"at": 1}}}))

    loader.load(ROWS, record(id=2), state(empty))
    loader.load(ROWS, record(id=3), {"type": "STATE"})

    assert loader.state() == {"bookmarks": {"s": {"at": 1}}}
    assert loader.column("id") == [1, 2, 3]


def test_a_tap_may_take_its_marks_back_once_it_has_given_some(loader):
    loader.load(
        ROWS, state({"bookmarks": {"s": {"page": 9}}}), state({"bookmarks": {}})
    )

    assert loader.state() == {"bookmarks": {}}


def test_a_state_with_a_zero_in_it_says_something():
    assert not says_nothing(b'{"at": 0}', first=True)
    assert says_nothing(b'{"bookmarks": {}, "currently_syncing": null}', first=True)
    assert says_nothing(b"", first=False)


def test_a_state_keeps_every_digit_and_what_only_its_tap_knows(loader):
    text = b'{"bookmarks":{"s":{"x":1.10,"big":123456789012345678901}},"v":[1e400]}'
    before = '{"bookmarks":{"gone":{"y":2.50},"s":{"x":1}}}'

    loading = fed(loader, ROWS, load={"previous_state": before})
    loading.feed([b'{"type":"STATE","value":%b}' % text])
    loading.finish()

    ((stored,),) = loader.sql("SELECT state FROM _elt.bookmarks")
    assert '"s":{"x":1.10,"big":123456789012345678901}' in stored
    assert '"gone":{"y":2.50}' in stored
    assert '"v":[1e400]' in stored


@pytest.mark.parametrize(
    "whole",
    [
        {"binlog": {"file": "mysql-bin.7", "position": 4711}},
        {"bookmarks": {"acme/site": {"s": {"since": "2024-01-01T00:00:00Z"}}}},
        {"bookmarks": {"s": {"partitions": [{"context": {"r": 1}, "x": 2}]}}},
        {"bookmarks": {"s": {"x": 1}}, "currently_syncing": "s"},
        {"bookmarks": {"s": {"x": 1}}, "currently_syncing": None},
        ["a", "list"],
        7,
    ],
)
def test_a_state_is_stored_as_the_tap_wrote_it(loader, whole):
    loader.load(ROWS, record(id=1), state(whole))

    assert loader.state() == whole


def test_a_global_state_holds_for_the_rows_of_all_streams(loader):
    other = schema("other", key=["id"], id=INTEGER)
    at = {"lsn": 10}
    loader.load(ROWS, other, record(id=1), record("other", id=1), state(at))

    loader.load(
        ROWS, other, record(id=2), state({"lsn": 20}), record("other", id=2), ok=False
    )

    assert loader.column("id") == [1, 2]
    assert loader.sql("SELECT id FROM raw.other") == [(1,)]
    assert loader.state() == {"lsn": 20}


def test_a_state_that_is_not_utf_8_is_named_and_what_came_before_it_stays(loader):
    loading = fed(loader, ROWS, record(id=1), state({"at": 1}), record(id=2))

    with pytest.raises(EltError, match="not UTF-8"):
        loading.feed([b'{"type":"STATE","value":{"at":"\xff"}}'])
    loading.abandon()

    assert loader.column("id") == [1]
    assert loader.state() == {"at": 1}


def test_each_bookmark_is_told_only_after_its_rows_are_there(loader):
    seen = []
    loading = fed(loader, ROWS, load={"commit_bytes": 1})

    def look(event):
        if isinstance(event, BookmarkCommitted):
            (rows,) = loader.sql("SELECT count(*) FROM raw.s")
            seen.append((json.loads(event.state)["at"], *rows))

    loading._commits._listen = look
    for n in range(1, 5):
        loading.feed([line(m) for m in (record(id=n), state({"at": n}))])
    loading.finish()

    assert seen == [(1, 1), (2, 2), (3, 3), (4, 4)]


def test_the_target_writes_a_state_only_when_another_process_can_read_its_rows(
    tmp_path,
):
    path = tmp_path / "w.duckdb"
    (tmp_path / "config.json").write_text(
        json.dumps({"path": str(path), "batch_size_rows": 1})
    )
    command = [sys.executable, "-m", "elt.targets.pipe", "--config", "config.json"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as target:
        target.stdin.write(line(ROWS) + b"\n")
        for n in range(1, 4):
            rows = [record(id=n), state({"at": n})]
            target.stdin.write(b"".join(line(m) + b"\n" for m in rows))
            target.stdin.flush()

            assert json.loads(target.stdout.readline()) == {"at": n}
            assert rows_in(path, "main.s") == n
        target.stdin.close()
        assert target.wait(30) == 0


def rows_in(path, table):
    ((rows,),) = from_outside(path, f"SELECT count(*) FROM {table}")
    return rows


def from_outside(path, sql):
    """Ask until something is there: somebody may just have the file open."""
    for _ in range(3_000):
        with contextlib.suppress(duckdb.IOException, duckdb.CatalogException):
            with duckdb.connect(str(path), read_only=True) as db:
                rows = db.execute(sql).fetchall()
            if rows:
                return rows
        time.sleep(0.01)
    raise AssertionError("nothing was ever there")


# --- SCHEMA: repeated, changed, missing


def test_a_schema_that_comes_again_and_again_flushes_nothing(loader):
    words = [line(ROWS), line(ROWS).replace(b'": ', b'" : ')]
    loading = fed(loader, ROWS)

    for n in range(40):
        loading.feed([words[n % 2], line(record(id=n))])

    assert len(loading.streams["s"].parts) == 1
    loading.finish()
    assert loader.column("id") == [*range(40)]
    assert commits(loader) == 1


def test_rows_before_and_behind_a_changed_schema_are_all_there_in_order(loader):
    loader.load(
        schema(key=["id"], id=INTEGER, v=INTEGER),
        record(id=1, v=1),
        record(id=2, v=2),
        schema(key=["id"], id=INTEGER, v={"type": "number"}, w=TEXT),
        record(id=2, v=2.5, w="new"),
        schema(key=["id"], id=INTEGER, v=INTEGER),
        record(id=3, v=3),
        **KEYED,
    )

    assert loader.sql("SELECT id, v, w FROM raw.s ORDER BY id") == [
        (1, 1.0, None),
        (2, 2.5, "new"),
        (3, 3.0, None),
    ]


def test_a_column_that_a_later_schema_leaves_out_keeps_its_values(loader):
    loader.load(
        ROWS,
        record(id=1, t="x"),
        schema(key=["id"], id=INTEGER),
        record(id=2),
        **KEYED,
    )

    assert loader.sql("SELECT id, t FROM raw.s ORDER BY id") == [(1, "x"), (2, None)]


def test_a_schema_without_rows_makes_an_empty_table(loader):
    loader.load(ROWS)

    assert loader.column("id") == []
    assert loader.types()["t"] == "VARCHAR"


def test_rows_before_their_schema_end_the_load_and_what_a_state_covers_stays(loader):
    loading = fed(loader, ROWS, record(id=1), state({"at": 1}), record(id=2))

    with pytest.raises(EltError, match="RECORD of stream `other` before its SCHEMA"):
        loading.feed([line(record("other", id=1))])
    loading.abandon()

    assert loader.column("id") == [1]
    assert loader.state() == {"at": 1}


def test_messages_of_types_that_nobody_knows_lose_no_row(loader):
    odd = [{"type": "HEARTBEAT"}, {"type": "record", "stream": "s"}, {"type": "LOG"}]
    loader.load(odd[0], ROWS, record(id=1), *odd, record(id=2), state({"at": 2}))

    assert loader.column("id") == [1, 2]
    told = [event.text for event in loader.events if isinstance(event, LogLine)]
    assert len(told) == 4
    assert "`record`" in told[2]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"type":"RECORD","stream":"s"}',
        b'{"type":"RECORD","stream":"s","record":null}',
        b'{"type":"RECORD","stream":"s","record":[1]}',
        b'{"type":"RECORD","stream":"s","record":{"id":5,"t":"\xff"}}',
        b'{"type":"RECORD","stream":"s","record":{"id":5,"t":"\\ud800"}}',
        b'{"type":"RECORD","stream":"s","record":{"id":5,"t":%b1%b}}'
        % (b"[" * 900, b"]" * 900),
    ],
    ids=["none", "null", "list", "bytes", "half a surrogate", "deep"],
)
def test_every_line_is_a_row_or_a_reject(loader, raw):
    loading = fed(loader, ROWS, record(id=1))
    loading.feed([raw, line(record(id=2))])
    loading.finish()

    ids = loader.column("id")
    assert [n for n in ids if n in (1, 2)] == [1, 2]
    assert len(ids) + len(loader.rejects()) == 3


# --- keys that change


def test_a_key_that_grows_in_mid_stream_tells_rows_apart_from_then_on(loader):
    wide = schema(key=["id", "t"], id=INTEGER, t=TEXT)

    loader.load(
        schema(key=["id"], id=INTEGER),
        record(id=1),
        wide,
        record(id=1, t="a"),
        record(id=1, t="b"),
        mode="upsert",
        key=["id"],
        learns_key=True,
    )

    assert ("a",) in loader.sql("SELECT t FROM raw.s")
    assert ("b",) in loader.sql("SELECT t FROM raw.s")


def test_a_key_that_grows_between_runs_tells_new_rows_apart(loader):
    loader.load(ROWS, record(id=1, t="a"), record(id=2, t="a"), **KEYED)

    wide = schema(key=["id", "t"], id=INTEGER, t=TEXT)
    again = [record(id=1, t="a"), record(id=1, t="b")]
    loader.load(wide, *again, mode="upsert", key=["id", "t"])

    assert loader.sql("SELECT id, t FROM raw.s ORDER BY ALL") == [
        (1, "a"),
        (1, "b"),
        (2, "a"),
    ]


def test_a_key_that_shrinks_between_runs_is_there_once_for_what_comes(loader):
    wide = schema(key=["id", "t"], id=INTEGER, t=TEXT)
    rows = [record(id=1, t="a"), record(id=1, t="b"), record(id=2, t="a")]
    loader.load(wide, *rows, mode="upsert", key=["id", "t"])

    loader.load(ROWS, record(id=1, t="c"), **KEYED)

    assert loader.sql("SELECT id, t FROM raw.s ORDER BY ALL") == [(1, "c"), (2, "a")]


# --- parents and children


def test_a_parents_bookmark_does_not_pass_the_lost_rows_of_its_child(loader):
    parent = schema("parent", key=["id"], id=INTEGER)
    child = schema(key=["id"], id=INTEGER, t=TEXT)
    marks = {"bookmarks": {"parent": {"at": 1}}}
    loader.load(parent, child, record("parent", id=1), record(id=1), state(marks))

    streams = loader.load(
        parent,
        child,
        record("parent", id=2),
        b'{"id": 1.5}',
        state({"bookmarks": {"parent": {"at": 2}}}),
        record("parent", id=3),
        state({"bookmarks": {"parent": {"at": 3}}}),
        limit=0,
        **KEYED,
    )

    assert "more than `reject_limit = 0` allows" in str(streams["s"].error)
    assert loader.state() == marks
    assert streams["parent"].error is None
    # Keyed, so it may be read again; its rows are the same then.
    assert loader.sql("SELECT id FROM raw.parent ORDER BY id") == [(1,), (2,), (3,)]


def test_a_parent_that_commits_by_itself_has_its_childrens_rows_with_it(loader):
    parent = schema("parent", key=["id"], id=INTEGER)
    loading = fed(loader, parent, ROWS, load={"commit_bytes": 1}, **KEYED)

    loading.feed([line(m) for m in (record("parent", id=1), record(id=10))])
    loading.feed([line(state({"bookmarks": {"parent": {"at": 1}}}))])
    loading.feed([line(m) for m in (record("parent", id=2), record(id=20))])
    loading.abandon()

    assert loader.column("id") == [10]
    assert loader.sql("SELECT id FROM raw.parent") == [(1,)]


# --- partitions


def partition(value, **context):
    return {"context": context, "replication_key_value": value}


def in_partitions(*parts):
    return {"bookmarks": {"s": {"partitions": list(parts)}}}


PARTED = schema(org=TEXT, id=INTEGER, at=INTEGER)
MARKS = (Mark("5", {"org": "a"}), Mark("7", {"org": "b"}), Mark("1", {"org": None}))
OLD = [("a", 4), ("a", 5), ("a", 6), ("b", 5), ("b", 7), ("c", 9), (None, 1)]


def parted(*rows):
    return [record(org=org, id=n, at=at) for n, (org, at) in enumerate(rows)]


def pairs(loader):
    return loader.sql('SELECT org, "at" FROM raw.s ORDER BY ALL')


def test_marks_of_partitions_are_read_with_what_tells_them_apart():
    held = in_partitions(
        partition("2024", org="a", n=1),
        {"context": {"org": "b"}, "progress_markers": {"replication_key_value": "x"}},
        {"context": {"org": "c"}},
        {"context": {"org": None}, "replication_key_value": 5},
    )

    marks = marks_of(held, "s", "at")

    assert marks == (
        Mark("2024", {"org": "a", "n": "1"}),
        Mark(None, {"org": "b"}),
        Mark("5", {"org": None}),
    )
    assert can_tell_apart(marks, {"org", "n", "at"})
    assert not can_tell_apart(marks, {"org", "at"})


@pytest.mark.parametrize(
    ("mark", "read"),
    [
        ({"replication_key_value": 3}, (Mark("3"),)),
        ({"at": "2024-01-01"}, (Mark("2024-01-01"),)),
        ({"partitions": [], "replication_key_value": 3}, (Mark("3"),)),
        ({"partitions": [{"replication_key_value": 3}, {"context": {}}]}, ()),
        ({"progress_markers": {}}, (Mark(None),)),
        ({"progress_markers": {}, "replication_key_value": 3}, (Mark("3"),)),
        ({"offset": 3}, ()),
        ({"at": {"deep": 1}}, ()),
        ("2024-01-01", ()),
    ],
)
def test_marks_are_read_as_taps_write_them(mark, read):
    assert marks_of({"bookmarks": {"s": mark}}, "s", "at") == read


def test_rows_on_a_partitions_bookmark_that_come_again_are_there_once(loader):
    loader.load(PARTED, *parted(*OLD))

    again = parted(("a", 5), ("a", 6), ("b", 7), ("b", 8), (None, 1))
    loader.load(PARTED, *again, replication_key="at", replace_from=MARKS)

    assert pairs(loader) == sorted([*OLD, ("b", 8)], key=lambda row: row[0] or "z")


def test_a_partition_that_is_not_read_keeps_what_lies_behind_its_bookmark(loader):
    loader.load(PARTED, *parted(("a", 5), ("a", 6), ("b", 8)))

    loader.load(PARTED, *parted(("b", 9)), replication_key="at", replace_from=MARKS)

    assert pairs(loader) == [("a", 5), ("a", 6), ("b", 9)]


def test_a_partition_that_starts_behind_its_bookmark_keeps_the_rows_on_it(loader):
    loader.load(PARTED, *parted(("a", 5), ("b", 7)))

    new = parted(("a", 6), ("b", 8))
    loader.load(PARTED, *new, replication_key="at", replace_from=MARKS)

    assert pairs(loader) == [("a", 5), ("a", 6), ("b", 7), ("b", 8)]


def test_a_partition_that_was_cut_short_is_read_from_its_beginning(loader):
    loader.load(PARTED, *parted(("a", 3), ("a", 1), ("b", 7)))

    cut_short = (Mark(None, {"org": "a"}), Mark("7", {"org": "b"}))
    rows = parted(("a", 1), ("a", 2), ("a", 3))
    loader.load(PARTED, *rows, replication_key="at", replace_from=cut_short)

    assert pairs(loader) == [("a", 1), ("a", 2), ("a", 3), ("b", 7)]


def test_marks_that_no_column_can_hold_replace_nothing(loader):
    loader.load(PARTED, *parted(("a", 5), ("b", 7)))
    odd = (
        Mark("soon", {"org": "a"}),
        Mark("7", {"site": "b"}),
        Mark("7", {"org": "b", "id": "none"}),
    )

    rows = parted(("a", 5), ("b", 7))
    loader.load(PARTED, *rows, replication_key="at", replace_from=odd)

    assert pairs(loader) == [("a", 5), ("a", 5), ("b", 7), ("b", 7)]


def test_rows_of_a_partition_in_several_commits_replace_the_old_ones_once(loader):
    loader.load(PARTED, *parted(("a", 5), ("a", 5), ("a", 6)))
    about = {"replication_key": "at", "replace_from": MARKS}
    loading = fed(loader, PARTED, load={"commit_bytes": 1}, **about)

    for row in parted(("a", 6), ("a", 5), ("a", 5)):
        loading.feed([line(m) for m in (row, state({"n": row["record"]["at"]}))])
    loading.finish()

    assert pairs(loader) == [("a", 5), ("a", 5), ("a", 6)]


def test_ten_thousand_partitions_are_replaced_in_one_statement(loader):
    many = 10_000
    rows = [b'{"org":"o%d","at":%d}' % (n, n) for n in range(many)]
    loader.load(PARTED, *rows)
    marks = tuple(Mark(str(n), {"org": f"o{n}"}) for n in range(many))

    loader.load(PARTED, *rows, replication_key="at", replace_from=marks)

    assert loader.sql("SELECT count(*), count(DISTINCT org) FROM raw.s") == [
        (many, many)
    ]


# --- what a STATE costs


def big_state(partitions, at=1):
    return line(state(in_partitions(*(partition(at, n=n) for n in range(partitions)))))


def peak_bytes(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_state_of_ten_thousand_partitions_is_not_taken_apart_each_time(loader):
    loading = fed(loader, PARTED, load={"commit_seconds": 1e9})
    large = big_state(10_000)

    peak = peak_bytes(lambda: loading.feed([large] * 50))

    # A few copies at a time. As Python's objects it is ten times its length.
    assert peak < 5 * len(large)
    loading.abandon()


def test_a_commit_of_such_a_state_costs_copies_of_it_and_no_more(loader):
    large, small = big_state(10_000, at=2), big_state(1)
    before = big_state(10_000)[len(b'{"type": "STATE", "value": ') : -1].decode()
    about = {"commit_bytes": 1, "previous_state": before}
    loading = fed(loader, PARTED, record(org="a"), small, load=about)
    loading._wait()

    def commit_one():
        loading.feed([line(record(org="b")), large])
        loading._wait()

    assert peak_bytes(commit_one) < 9 * len(large)
    loading.abandon()
    assert len(loader.state()["bookmarks"]["s"]["partitions"]) == 10_000


def test_the_store_reads_one_version_to_keep_the_next_however_many_there_are(tmp_path):
    place = Place(environment="default", warehouse_id="w")

    def keep(version):
        text = json.dumps(in_partitions(*(partition(version, n=n) for n in range(999))))
        save(store, place, "t", text, origin=f"run {version}")

    with open_store(tmp_path) as store:
        keep(0)
        early = peak_bytes(lambda: keep(1))
        for version in range(2, 60):
            keep(version)
        late = peak_bytes(lambda: keep(60))

    assert late < 1.5 * early


# --- whole runs, with a tap in a process of its own

ELT_TOML = """
[project]
name = "standard"
[run]
retries = 0
[warehouse]
commit_megabytes = 0.000001
[taps.t]
executable = "./tap.py"
config = { script = "script.json" }
"""
# As singer-sdk does it: a mark for each partition, and the row on the mark again.
PARTED_TAP = """
import json, sys
arguments = dict(zip(sys.argv[1:], sys.argv[2:]))
script = json.load(open(json.load(open(arguments["--config"]))["script"]))
if "--discover" in sys.argv:
    json.dump(script["catalog"], sys.stdout)
    sys.exit()
state = json.load(open(arguments["--state"])) if "--state" in arguments else {}
mark = state.setdefault("bookmarks", {}).setdefault("s", {})
parts = mark.setdefault("partitions", [])
say = lambda **message: print(json.dumps(message))
say(type="SCHEMA", stream="s", key_properties=[], bookmark_properties=["at"],
    schema=script["catalog"]["streams"][0]["schema"])
for org, rows in script["rows"].items():
    context = {"org": org}
    part = next((p for p in parts if p["context"] == context), None)
    if part is None:
        part = {"context": context}
        parts.append(part)
    for at in rows:
        if at >= part.get("replication_key_value", 0):
            row = {"org": org, "at": at} if script["with_org"] else {"at": at}
            say(type="RECORD", stream="s", record=row,
                time_extracted="2026-01-01T00:00:00+00:00")
            part |= {"replication_key": "at", "replication_key_value": at}
    say(type="STATE", value=state)
"""


@pytest.fixture
def folder(tmp_path):
    return project(tmp_path, TAP)


def project(path, tap):
    made = Folder(path)
    made.write("tap.py", f"#!{sys.executable}\n{tap}").chmod(0o755)
    made.write("elt.toml", ELT_TOML)
    return made


def offer(name="s", method="INCREMENTAL", key=("id",), replication_key=None, **columns):
    return {
        "tap_stream_id": name,
        "stream": name,
        "key_properties": list(key),
        "schema": {"type": "object", "properties": columns or {"id": INTEGER}},
        "replication_method": method,
        "replication_key": replication_key,
        "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
    }


def catalog(*streams):
    return {"streams": list(streams)}


@pytest.mark.parametrize(
    "whole",
    [
        {"binlog": {"file": "mysql-bin.7", "position": 4711}},
        {
            "bookmarks": {"acme/site": {"s": {"since": "2024-01-01"}}},
            "currently_syncing": "s",
        },
        {"bookmarks": {"s": {"partitions": [{"context": {"r": 1}, "x": 2.50}]}}},
    ],
    ids=["global", "by repository", "partitions"],
)
def test_the_next_run_gives_the_tap_its_state_as_it_wrote_it(folder, whole):
    first, empty = [ROWS, record(id=1), state(whole)], [ROWS, state({})]
    folder.script(*first, catalog=catalog(offer()), seen="seen.json")
    folder.run()

    for lines in (empty, [ROWS]):
        folder.script(*lines, catalog=catalog(offer()), seen="seen.json")
        assert folder.run().exit_code == 0
        assert json.loads((folder.path / "seen.json").read_text()) == whole


def test_a_run_commits_a_state_while_its_tap_goes_on_for_others_to_read(folder):
    go_on = folder.path / "go-on"
    lines = [ROWS, record(id=1), state({"at": 1}), {"do": "wait for", "much": "go-on"}]
    folder.script(*lines, record(id=2), state({"at": 2}), catalog=catalog(offer()))
    command = [sys.executable, "-m", "elt", "-C", str(folder.path), "run"]

    run = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        assert from_outside(
            folder.path / "warehouse.duckdb", "SELECT state FROM _elt.bookmarks"
        ) == [('{"at": 1}',)]
        assert from_outside(
            folder.path / "warehouse.duckdb", "SELECT id FROM raw_t.s"
        ) == [(1,)]
    finally:
        go_on.touch()
        _, said = run.communicate(timeout=60)

    assert run.returncode == 0, said
    assert folder.ids() == [1, 2]


@pytest.mark.parametrize("style", ["singer-python", "singer-sdk"])
def test_taps_of_both_schools_go_on_from_where_they_were(folder, style):
    marks, extra = {
        "singer-python": ({"at": 2}, {"version": 1}),
        "singer-sdk": (
            {"replication_key": "at", "replication_key_value": 2},
            {"time_extracted": "2026-01-01T00:00:00.123456+00:00"},
        ),
    }[style]
    # The older school writes keys and marks into the SCHEMA and not into the catalog.
    key = () if style == "singer-python" else ("id",)
    offered = catalog(offer(key=key, replication_key="at", id=INTEGER, at=INTEGER))
    told = {**schema(key=["id"], id=INTEGER, at=INTEGER), "bookmark_properties": ["at"]}
    at_2 = state({"bookmarks": {"s": marks}, "currently_syncing": None})
    rows = [{**record(id=n, at=n), **extra} for n in (1, 2)]
    folder.script(told, *rows, at_2, catalog=offered)
    folder.run()

    changed = {**record(id=2, at=2), **extra}
    folder.script(told, changed, told, at_2, catalog=offered, seen="seen.json")
    assert folder.run().exit_code == 0

    assert folder.sql('SELECT id, "at" FROM raw_t.s ORDER BY id') == [(1, 1), (2, 2)]
    seen = json.loads((folder.path / "seen.json").read_text())
    assert seen["bookmarks"]["s"] == marks


def test_a_row_on_a_partitions_bookmark_is_there_once_however_often_it_comes(tmp_path):
    folder = project(tmp_path, PARTED_TAP)
    offered = offer(key=(), replication_key="at", org=TEXT, at=INTEGER)
    rows = {"a": [1, 2, 2], "b": [7]}

    for _ in range(3):
        about = {"catalog": catalog(offered), "rows": rows, "with_org": True}
        folder.write("script.json", json.dumps(about))
        result = folder.run()
        rows["a"].append(rows["a"][-1] + 1)

    assert [r.status for r in result.results] == ["done"]
    assert folder.sql('SELECT org, "at" FROM raw_t.s ORDER BY ALL') == [
        ("a", 1),
        ("a", 2),
        ("a", 2),
        ("a", 3),
        ("a", 4),
        ("b", 7),
    ]


def test_partitions_that_no_column_tells_apart_are_warned_of_and_lose_no_row(tmp_path):
    folder = project(tmp_path, PARTED_TAP)
    about = {"rows": {"a": [1, 2], "b": [1]}, "with_org": False}
    offered = offer(key=(), replication_key="at", at=INTEGER)
    folder.write("script.json", json.dumps({"catalog": catalog(offered), **about}))
    folder.run()

    result = folder.run()

    assert "may be there twice" in folder.messages(result)
    assert "set `key`" in folder.messages(result)
    rows = [n for (n,) in folder.sql('SELECT "at" FROM raw_t.s ORDER BY ALL')]
    assert rows == [1, 1, 1, 2, 2]
