"""What a tap tells of its streams' ends: what is in the tables, and what is read again.

For all interleavings: nothing that a bookmark covers is lost or doubled, a table that
is loaded aside is one whole generation, and the next good run has all of the source.
"""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from elt.errors import EltError
from elt.targets.bookmarks import marks_of
from elt.targets.load import Loading
from elt.targets.tap_load import TapLoad
from elt.targets.writing.modes import Mode
from elt.targets.writing.plans import StreamPlan
from elt.warehouse.duckdb import Warehouse
from tests.targets.conftest import line, schema, state
from tests.targets.test_state_machine import new_warehouse

INTEGER = {"type": "integer"}
ROWS = schema(key=["id"], id=INTEGER)
KEYED = {"mode": "upsert", "key": ["id"]}
WHOLE = {"mode": "overwrite", "key": ["id"], "allow_shrink": True}
TOLD_APART = {**KEYED, "full_table": True, "on_missing": "delete", "allow_shrink": True}


def ending(stream="s", **elt):
    return {**schema(stream, key=["id"], id=INTEGER), "elt": elt}


def rows(*ids, stream="s"):
    return [{"type": "RECORD", "stream": stream, "record": {"id": n}} for n in ids]


COMPLETE = ending(end="complete")
SKIPPED = ending(end="skipped", why="HTTP 403")
FAILED = ending(end="failed", why="HTTP 500", temporary=True)


@pytest.mark.parametrize("about", [WHOLE, TOLD_APART])
def test_a_stream_that_is_complete_need_not_wait_for_the_end_of_its_tap(loader, about):
    loader.load(ROWS, *rows(1, 2), **about)

    sent = [ROWS, *rows(2, 3), COMPLETE, state({"at": 1})]
    loader.load(*sent, ok=False, **about)

    assert loader.column("id", order="id") == [2, 3]
    assert loader.state() == {"at": 1}


@pytest.mark.parametrize("about", [WHOLE, TOLD_APART])
def test_a_whole_table_without_rows_is_one_when_that_is_told(loader, about):
    loader.load(ROWS, *rows(1, 2), **about)

    loader.load(COMPLETE, state({"at": 1}), ok=False, **about)

    assert loader.column("id") == []


@pytest.mark.parametrize("about", [WHOLE, TOLD_APART, KEYED, {}])
def test_a_skipped_stream_is_as_it_was(loader, about):
    loader.load(ROWS, *rows(1, 2), **about)

    loader.load(ROWS, *rows(3), SKIPPED, state({"at": 1}), **about)

    assert loader.column("id", order="id") == [1, 2]
    assert loader.state() == {"at": 1}


def test_of_a_stream_that_is_skipped_from_the_first_no_table_is_made(loader):
    streams = loader.load(ending(end="skipped", why="HTTP 403"), **WHOLE)

    assert streams == {}
    assert loader.sql("FROM duckdb_tables() WHERE schema_name = 'raw'") == []


@pytest.mark.parametrize("about", [WHOLE, TOLD_APART])
def test_a_stream_loaded_aside_that_failed_throws_its_rows_away(loader, about):
    loader.load(ROWS, *rows(1, 2), **about)

    loader.load(ROWS, *rows(3), FAILED, state({"at": 1}), ok=False, **about)

    assert loader.column("id", order="id") == [1, 2]
    assert loader.state() == {"at": 1}


def parted(**kinds):
    """Give rows with an id and the part that they are of, as `deals=[1, 2]`."""
    return [
        {"type": "RECORD", "stream": "s", "record": {"id": id_, "part": part}}
        for part, ids in kinds.items()
        for id_ in ids
    ]


PARTED = schema(key=["id"], id=INTEGER, part={"type": "string"})
KEYLESS = schema(id=INTEGER, part={"type": "string"})
DEALS = {"stay": [{"part": "deals"}]}


def of_a_part(first, **elt):
    return {**first, "elt": {"end": "partial", "why": "deals: HTTP 403", **elt}}


@pytest.mark.parametrize("about", [WHOLE, TOLD_APART])
def test_rows_of_a_part_that_was_not_read_stay_and_others_that_are_gone_go(
    loader, about
):
    loader.load(PARTED, *parted(deals=[1, 2], tickets=[3, 4]), **about)

    sent = [PARTED, *parted(tickets=[4, 5]), of_a_part(PARTED, **DEALS)]
    loader.load(*sent, state({"at": 1}), ok=False, **about)

    assert loader.column("id", order="id") == [1, 2, 4, 5]
    assert loader.state() == {"at": 1}


def test_rows_of_such_a_part_stay_without_a_key_too(loader):
    about = {"mode": "overwrite", "allow_shrink": True}
    loader.load(KEYLESS, *parted(deals=[1, 2], tickets=[3, 4]), **about)

    sent = [KEYLESS, *parted(tickets=[4, 5]), of_a_part(KEYLESS, **DEALS)]
    loader.load(*sent, **about)

    assert loader.column("id", order="id") == [1, 2, 4, 5]


@pytest.mark.parametrize("about", [WHOLE, TOLD_APART])
@pytest.mark.parametrize("stay", [[], [{"part": "deals"}, {"unknown": "x"}]])
def test_where_nothing_tells_the_part_that_was_not_read_every_row_stays(
    loader, about, stay
):
    loader.load(PARTED, *parted(deals=[1, 2], tickets=[3, 4]), **about)

    sent = [PARTED, *parted(tickets=[4, 5]), of_a_part(PARTED, stay=stay)]
    loader.load(*sent, **about)

    assert loader.column("id", order="id") == [1, 2, 3, 4, 5]


def test_a_row_that_comes_again_from_another_part_is_there_once(loader):
    loader.load(PARTED, *parted(deals=[1, 2]), **WHOLE)

    loader.load(PARTED, *parted(tickets=[2]), of_a_part(PARTED, **DEALS), **WHOLE)

    assert loader.sql("SELECT id, part FROM raw.s ORDER BY id") == [
        (1, "deals"),
        (2, "tickets"),
    ]


def test_a_part_without_any_row_takes_none_away(loader):
    loader.load(PARTED, *parted(deals=[1], tickets=[2]), **WHOLE)

    loader.load(of_a_part(PARTED, **DEALS), **WHOLE)

    assert loader.column("id", order="id") == [1]


def test_in_the_next_whole_read_what_is_gone_goes(loader):
    loader.load(PARTED, *parted(deals=[1, 2]), **WHOLE)
    loader.load(PARTED, of_a_part(PARTED), **WHOLE)

    loader.load(PARTED, *parted(deals=[2]), COMPLETE, **WHOLE)

    assert loader.column("id") == [2]


def test_rows_of_a_failed_stream_stay_where_they_have_a_key(loader):
    loader.load(ROWS, *rows(1), state({"at": 1}), *rows(2), FAILED, **KEYED)

    assert loader.column("id", order="id") == [1, 2]


def test_a_failed_stream_without_a_key_is_as_its_last_state_has_it(loader):
    first, later = ({"bookmarks": {"s": {"id": n}, "t": n}} for n in (1, 2))
    about = {"replication_key": "id"}

    sent = [ROWS, *rows(1), state(first), *rows(2), FAILED, state(later)]
    loader.load(*sent, **about)

    assert loader.column("id") == [1]
    assert loader.state() == {"bookmarks": {"s": {"id": 1}, "t": 2}}


def test_a_version_that_was_announced_counts_when_its_rows_are_complete(loader):
    def versioned(version, *ids):
        return [{**one, "version": version} for one in rows(*ids)]

    active = {"type": "ACTIVATE_VERSION", "stream": "s", "version": 2}
    about = {**KEYED, "on_missing": "delete"}
    loader.load(ROWS, *versioned(1, 1, 2, 3), **about)

    sent = [ROWS, active, *versioned(2, 1, 2), COMPLETE, state({"at": 1})]
    loader.load(*sent, ok=False, **about)

    assert loader.column("id", order="id") == [1, 2]


def test_a_version_that_was_announced_and_failed_takes_nothing_away(loader):
    active = {"type": "ACTIVATE_VERSION", "stream": "s", "version": 2}
    about = {**KEYED, "on_missing": "delete"}
    loader.load(ROWS, *({**one, "version": 1} for one in rows(1, 2)), **about)

    newer = [{**one, "version": 2} for one in rows(1)]
    loader.load(ROWS, active, *newer, FAILED, **about)

    assert loader.column("id", order="id") == [1, 2]


def test_behind_a_window_nothing_goes_that_lies_outside_of_it(loader):
    active = {"type": "ACTIVATE_VERSION", "stream": "s", "version": 2}
    about = {**KEYED, "on_missing": "delete"}
    loader.load(ROWS, *({**one, "version": 1} for one in rows(1, 2)), **about)

    newer = [{**one, "version": 2} for one in rows(2)]
    window = {"moves_bookmark": False}
    loader.load(ROWS, active, *newer, COMPLETE, load=window, **about)

    assert loader.column("id", order="id") == [1, 2]


def test_an_old_schema_behind_the_end_of_a_stream_says_nothing_new(loader):
    streams = loader.load(ROWS, *rows(1), COMPLETE, ROWS, COMPLETE, **WHOLE)

    assert streams["s"].rows == 1


@pytest.mark.parametrize(
    ("elt", "said"),
    [
        ({"end": "finished"}, "Invalid enum value 'finished'"),
        ({"why": "no"}, "missing required field `end`"),
        ({"end": "complete", "wy": "no"}, "unknown field `wy`"),
        ("complete", "Expected `object`, got `str`"),
        ({"end": "failed"}, "`failed` needs a `why`"),
        ({"end": "skipped", "why": " "}, "`skipped` needs a `why`"),
        ({"end": "complete", "temporary": True}, "`complete` is not `temporary`"),
    ],
)
def test_an_end_in_unknown_words_is_an_error_of_the_tap(loader, elt, said):
    loading = loader.start()

    with pytest.raises(EltError, match="how stream `s` ended") as raised:
        loading.feed([line({**ROWS, "elt": elt})])
    loading.abandon()

    assert said in raised.value.what


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([ROWS, COMPLETE, *rows(1)], "a RECORD of stream `s` after it had told"),
        ([ROWS, COMPLETE, FAILED], "first `complete`, then `failed`"),
    ],
)
def test_what_contradicts_an_end_is_an_error_of_the_tap(loader, messages, said):
    loading = loader.start()

    with pytest.raises(EltError, match=said):
        loading.feed([line(message) for message in messages])
    loading.abandon()


# --- for all interleavings

KEEPS, LOG, ALL = "keyed", "log", "whole"
MODES = {KEEPS: "upsert", LOG: "append", ALL: "overwrite"}
SOURCE = 12  # rows of the streams with a bookmark
KEYS = 5


def record(stream, n, generation):
    if stream == ALL:
        return {"n": n, "generation": generation}
    return {"n": n, "id": n % KEYS}


def marks_until(sent):
    return {
        "bookmarks": {
            name: {"replication_key": "n", "replication_key_value": sent[name]}
            for name in (KEEPS, LOG)
        }
    }


class Company:
    """A source that is read from its bookmarks, into a warehouse of its own."""

    def __init__(self, path, *, runs):
        self.path, self.runs = path, runs

    def begin(self, held, *, eager):
        self.runs += 1
        plans = {
            name: StreamPlan(
                stream=name,
                schema="raw",
                table=name,
                mode=Mode(MODES[name], "in this test"),
                key=("id",) if name == KEEPS else (),
                replication_key="n",
                replace_from=marks_of(held, name, "n"),
                allow_shrink=True,
            )
            for name in MODES
        }
        load = TapLoad(
            step="tap:t",
            tap="t",
            environment="default",
            run_id=f"r{self.runs}",
            schema="raw",
            streams=plans,
            spool=self.path.parent / "spool",
            previous_state=json.dumps(held) if held else None,
            commit_bytes=1 if eager else 1 << 40,
            commit_seconds=1e9,
        )
        return Loading(load, Warehouse(self.path), listen=lambda _: None)

    def look(self):
        """Give the state and the tables, as one reader sees them at once."""
        with Warehouse(self.path).writer(keep=False) as cursor:
            found = cursor.execute("SELECT state FROM _elt.bookmarks").fetchall()
            columns = {KEEPS: "n, id", LOG: "n, id", ALL: "n, generation"}
            tables = {
                name: cursor.execute(
                    f"SELECT {listed} FROM raw.{name} ORDER BY ALL"
                ).fetchall()
                for name, listed in (columns.items() if found else ())
            }
        return (json.loads(found[0][0]) if found else None), tables


def starts(state):
    """Give the row that each stream begins with, which is there already."""
    marks = (state or marks_until({KEEPS: 0, LOG: 0}))["bookmarks"]
    return {name: mark["replication_key_value"] for name, mark in marks.items()}


class Reading:
    """One run of the tap, with what must come of it."""

    def __init__(self, company, held, *, eager):
        self.run = company.runs + 1
        self.loading = company.begin(held, eager=eager)
        self.sent = starts(held)
        self.next = {**self.sent, ALL: 0}
        self.ended = {}
        self.surely = {**self.sent, ALL: False}  # by the last STATE that held
        self.begun = set()

    def say(self, **message):
        self.loading.feed([line(message)])

    def declare(self, name, **elt):
        columns = {"n": INTEGER, "generation" if name == ALL else "id": INTEGER}
        told = {"elt": elt} if elt else {}
        self.say(type="SCHEMA", stream=name, schema={"properties": columns}, **told)

    def row(self, name):
        if name in self.ended or (name != ALL and self.next[name] >= SOURCE):
            return
        if name not in self.begun:
            self.begun.add(name)
            self.declare(name)
        n = self.next[name]
        self.say(type="RECORD", stream=name, record=record(name, n, self.run))
        self.next[name] = n + 1
        if name != ALL:
            self.sent[name] = n

    def end(self, name, how):
        if name in self.ended:
            return
        self.ended[name] = how
        why = {} if how == "complete" else {"why": "HTTP 4711"}
        self.declare(name, end=how, **why)
        if how == "complete":
            self.begun.add(name)

    def state(self):
        self.say(type="STATE", value=marks_until(self.sent))
        if ALL in self.begun and ALL not in self.ended:
            return
        if self.ended.get(LOG, "complete") == "complete":
            self.surely[LOG] = self.sent[LOG]
        self.surely[ALL] = self.ended.get(ALL) == "complete"

    def close(self, how):
        if how == "killed":
            self.loading._commits.close()
        elif how == "abandoned":
            self.loading.abandon()
        else:
            self.loading.finish(well=how == "well")

    def log_must_have(self, how):
        """Give the last row that an appended table has, which has each one once."""
        told = self.ended.get(LOG)
        whole = told == "complete" or (told is None and how == "well")
        return self.sent[LOG] if whole and how != "abandoned" else self.surely[LOG]

    def whole_must_be_new(self, how):
        told = self.ended.get(ALL)
        if how == "abandoned":
            return self.surely[ALL]
        return told == "complete" or (
            told is None and how == "well" and ALL in self.begun
        )


def read(company, held, *, until):
    reading = Reading(company, held, eager=False)
    for name in MODES:
        for _ in range(3 if name == ALL else until - reading.next[name]):
            reading.row(name)
    reading.state()
    reading.close("well")


@functools.cache
def begun():
    """Give a warehouse into which three rows of each stream were loaded."""
    path = Path(tempfile.mkdtemp(prefix="elt-"), "w.duckdb")
    shutil.copy(new_warehouse(), path)
    read(Company(path, runs=0), None, until=3)
    return path


def check(reading, how, state, tables):
    marks = starts(state)
    log = [n for n, _ in tables[LOG]]
    keyed = {key: n for n, key in tables[KEEPS]}
    generations = {generation for _, generation in tables[ALL]}
    assert len(set(log)) == len(log)
    assert set(log) >= set(range(marks[LOG] + 1))
    assert all(keyed[n % KEYS] >= n for n in range(marks[KEEPS] + 1))
    if how == "killed":
        assert generations in ({1}, {reading.run}, set())
        return
    assert log == list(range(reading.log_must_have(how) + 1))
    if reading.whole_must_be_new(how):
        assert len(tables[ALL]) == reading.next[ALL]
        assert generations <= {reading.run}
    else:
        assert generations == {1}


STREAMS = st.sampled_from(list(MODES))
STEPS = st.one_of(
    st.tuples(st.just("row"), STREAMS),
    st.tuples(st.just("row"), STREAMS),
    st.just(("state",)),
    st.tuples(
        st.just("end"), STREAMS, st.sampled_from(["complete", "skipped", "failed"])
    ),
)
WAYS = st.sampled_from(["well", "well", "not well", "abandoned", "killed"])


def interleave(steps, eager, how):
    with tempfile.TemporaryDirectory(prefix="elt-") as folder:
        path = Path(shutil.copy(begun(), folder))
        company = Company(path, runs=1)
        reading = Reading(company, marks_until({KEEPS: 2, LOG: 2}), eager=eager)
        for what, *about in steps:
            getattr(reading, what)(*about)
        reading.close(how)

        state, tables = company.look()
        check(reading, how, state, tables)

        read(company, state, until=SOURCE)
        _, tables = company.look()
        assert [n for n, _ in tables[LOG]] == list(range(SOURCE))
        assert [n for n, _ in tables[KEEPS]] == list(range(SOURCE))[-KEYS:]
        assert tables[ALL] == [(n, company.runs) for n in range(3)]


@settings(max_examples=8, deadline=None)
@example(
    steps=[("row", LOG), ("state",), ("row", LOG), ("end", LOG, "failed")],
    eager=False,
    how="well",
)
@given(steps=st.lists(STEPS, max_size=25), eager=st.booleans(), how=WAYS)
def test_for_all_interleavings_nothing_is_lost_or_doubled(steps, eager, how):
    interleave(steps, eager, how)


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=120, deadline=None)
@given(steps=st.lists(STEPS, max_size=40), eager=st.booleans(), how=WAYS)
def test_for_all_interleavings_nothing_is_lost_or_doubled_at_length(steps, eager, how):
    interleave(steps, eager, how)
