"""Any sequence of messages, failures, crashes and restarts: nothing lost or doubled.

The machine is a source that changes, a tap that reads it from its bookmark, and a
loader that may end at any time. What must be in the tables is known from the source
and from the bookmark that the warehouse holds.
"""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from elt.targets.bookmarks import marks_of
from elt.targets.load import Loading
from elt.targets.tap_load import TapLoad
from elt.targets.writing.modes import Mode
from elt.targets.writing.plans import StreamPlan
from elt.warehouse.duckdb import Warehouse

KEYED, LOG, PARTED, WHOLE = "keyed", "log", "parted", "whole"
MODES = {KEYED: "upsert", LOG: "append", PARTED: "append", WHOLE: "overwrite"}
INTEGER = {"type": "integer"}
# The source's columns over time: one more, then a wider one.
WIDTHS = ({}, {"x": INTEGER}, {"x": {"type": "number"}})
SITES = ("east", "west")


class Killed(Exception):
    """Stands for the end of the process."""


class Fragile(Warehouse):
    """A warehouse at whose next commit the process dies: before it, or behind it."""

    dies: str | None = None

    @contextmanager
    def writer(self, *, keep=True):
        dies = self.dies if keep else None
        if dies == "at its begin":
            raise Killed
        with super().writer(keep=keep) as cursor:
            yield cursor
            if dies == "before it":
                raise Killed
        if dies == "behind it":
            raise Killed


@functools.cache
def new_warehouse():
    """Make the file once: that costs more than all else here."""
    path = Path(tempfile.mkdtemp(prefix="elt-"), "new.duckdb")
    with Warehouse(path).session():
        return path


class Loads(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="elt-")
        self.path = Path(self.folder.name, "w.duckdb")
        shutil.copy(new_warehouse(), self.path)
        self.source = []  # rows of all streams but `whole`, by the time they changed
        self.width = 0
        self.runs = 0
        self.states = []  # each STATE that a tap has written
        self.wholes = {}  # the rows of each generation that was sent to its end
        self.twice = set()  # appended rows that no mark spoke of when they came again
        self.loading = None

    def teardown(self):
        if self.loading is not None:
            self.loading._commits.close()
        self.folder.cleanup()

    # --- the source

    def the_source_gets(self, stream, key):
        n = len(self.source)
        row = {"n": n, "id": key, "site": SITES[key % 2], "t": f"row {n}"}
        if self.width:
            row["x"] = n if self.width == 1 else n + 0.5
        self.source.append((stream, row))

    @precondition(lambda self: self.width < len(WIDTHS) - 1)
    @rule()
    def the_source_changes_its_columns(self):
        self.width += 1
        if self.loading is not None:
            self.send_schemas()

    # --- the tap

    @precondition(lambda self: self.loading is None)
    @rule(
        eager=st.sampled_from([True, True, False]),
        with_whole=st.sampled_from([False, False, True]),
        much=st.integers(0, 9),
    )
    def a_run_starts_from_the_bookmark(self, eager, with_whole, much):
        self.runs += 1
        state, tables = self.look()
        self.twice |= {
            (stream, row["n"])
            for stream in (LOG, PARTED)
            for row in tables[stream]
            if state is None
        }
        self.start = {part: mark_in(state, *part) for part in PARTS}
        self.sent = dict(self.start)
        self.next = 0
        self.written = []
        self.holds = None
        self.whole = None
        plans = {stream: plan_of(stream, state) for stream in MODES}
        if not with_whole:
            del plans[WHOLE]
        self.warehouse = Fragile(self.path)
        load = TapLoad(
            step="tap:t",
            tap="t",
            environment="default",
            run_id=f"r{self.runs}",
            schema="raw",
            streams=plans,
            spool=self.path.parent / "spool",
            previous_state=json.dumps(state) if state else None,
            commit_bytes=1 if eager else 1 << 40,
            commit_seconds=1e9,
        )
        self.loading = Loading(load, self.warehouse, listen=lambda _: None)
        self.send_schemas()
        if with_whole:
            columns = {"generation": INTEGER, "id": INTEGER}
            self.say(type="SCHEMA", stream=WHOLE, schema={"properties": columns})
            self.whole = []
            self.send_whole(1)
        self.send_rows(much)

    @precondition(lambda self: self.loading is not None)
    @rule(
        stream=st.sampled_from([KEYED, LOG, PARTED]),
        keys=st.lists(st.integers(0, 3), max_size=4),
        much=st.integers(1, 9),
    )
    def the_tap_sends_rows_some_of_them_new(self, stream, keys, much):
        for key in keys:
            self.the_source_gets(stream, key)
        self.send_rows(much)

    def send_rows(self, much):
        while much and self.next < len(self.source):
            stream, row = self.source[self.next]
            self.next += 1
            part = part_of(stream, row)
            if row["n"] >= self.start[part]:
                self.say(type="RECORD", stream=stream, record=row)
                self.sent[part] = row["n"]
                much -= 1

    @precondition(lambda self: self.loading is not None and self.whole)
    @rule(rows=st.integers(1, 3))
    def the_tap_sends_rows_of_the_whole_table(self, rows):
        self.send_whole(rows)

    @precondition(lambda self: self.loading is not None and self.whole)
    @rule()
    def the_tap_says_that_the_whole_table_was_sent(self):
        self.wholes[self.runs], self.whole = self.whole, None
        self.say(type="ACTIVATE_VERSION", stream=WHOLE, version=self.runs)

    @precondition(lambda self: self.loading is not None)
    @rule(wait=st.booleans())
    def the_tap_writes_a_state(self, wait):
        value = state_of(self.sent, self.next)
        self.written.append(value)
        if not self.whole:
            self.holds = value  # no table waits for its end
        self.states.append(value)
        self.say(type="STATE", value=value)
        self.say(type="STATE", value={})
        if wait:
            self.loading._wait()
            self.check()

    # --- how a run ends

    @precondition(lambda self: self.loading is not None)
    @rule()
    def the_tap_ends_well(self):
        if self.whole:
            self.wholes[self.runs] = self.whole
        had_whole = self.runs in self.wholes
        self.loading.finish()
        self.loading = None
        state, tables = self.check()
        assert not self.written or state == self.written[-1]
        if had_whole:
            assert tables[WHOLE] == self.wholes[self.runs]

    @precondition(lambda self: self.loading is not None)
    @rule()
    def the_tap_fails(self):
        before, _ = self.look()
        self.loading.abandon()
        self.loading = None
        state, _ = self.check()
        assert state == (self.holds or before)

    @precondition(lambda self: self.loading is not None)
    @rule()
    def the_process_is_killed(self):
        self.loading._commits.close()
        self.loading = None
        self.check()

    @precondition(lambda self: self.loading is not None)
    @rule(
        dies=st.sampled_from(["at its begin", "before it", "behind it"]),
        ending=st.sampled_from(["STATE", "finish", "abandon"]),
    )
    def the_process_is_killed_while_it_commits(self, dies, ending):
        self.warehouse.dies = dies
        with suppress(Killed):
            self.end_by(ending)
        self.loading._commits.close()
        self.loading = None
        self.check()

    def end_by(self, ending):
        if ending == "abandon":
            self.loading.abandon()
        elif ending == "finish":
            if self.whole:
                self.wholes[self.runs] = self.whole
            self.loading.finish()
        else:
            value = state_of(self.sent, self.next)
            self.states.append(value)
            self.say(type="STATE", value=value)
            self.loading._wait()

    # --- what is sent, and what must be there

    def say(self, **message):
        self.loading.feed([json.dumps(message).encode()])

    def send_schemas(self):
        text = {"type": "string"}
        columns = {"n": INTEGER, "id": INTEGER, "site": text, "t": text}
        for stream in (KEYED, LOG, PARTED):
            properties = {**columns, **WIDTHS[self.width]}
            self.say(type="SCHEMA", stream=stream, schema={"properties": properties})

    def send_whole(self, much):
        for _ in range(much):
            row = {"generation": self.runs, "id": len(self.whole)}
            self.whole.append(row)
            self.say(type="RECORD", stream=WHOLE, record=row)

    def look(self):
        """Give the bookmark and the tables' rows, as one reader sees them at once."""
        with Warehouse(self.path).writer(keep=False) as cursor:
            rows = cursor.execute("SELECT state FROM _elt.bookmarks").fetchall()
            made = cursor.execute(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'"
            ).fetchall()
            tables = {
                stream: rows_of(cursor, stream) if (stream,) in made else []
                for stream in MODES
            }
        return (json.loads(rows[0][0]) if rows else None), tables

    def check(self):
        """Compare the tables with the source, as far as the bookmark goes."""
        state, tables = self.look()
        assert state is None or state in self.states
        marks = {part: mark_in(state, *part) for part in PARTS}
        covered = [
            (stream, row)
            for stream, row in self.source
            if state and row["n"] <= marks[part_of(stream, row)]
        ]
        self.check_keyed(tables[KEYED], [row for s, row in covered if s == KEYED])
        for stream in (LOG, PARTED):
            rows = [row for s, row in covered if s == stream]
            self.check_appended(stream, tables[stream], rows)
        generations = {row["generation"] for row in tables[WHOLE]}
        assert len(generations) <= 1
        for generation in generations:
            assert tables[WHOLE] == self.wholes[generation]
        return state, tables

    def check_keyed(self, rows, covered):
        there = {row["id"]: row for row in rows}
        assert len(there) == len(rows)
        for row in rows:
            assert (KEYED, row) == self.source[row["n"]]
        for row in covered:
            assert there[row["id"]]["n"] >= row["n"]

    def check_appended(self, stream, rows, covered):
        times = Counter(row["n"] for row in rows)
        for row in rows:
            assert (stream, row) == self.source[row["n"]]
        for row in covered:
            assert times[row["n"]] >= 1
        doubled = {n for n, much in times.items() if much > 1}
        assert doubled <= {n for name, n in self.twice if name == stream}


# What has a mark of its own in the state.
PARTS = ((KEYED, None), (LOG, None), *((PARTED, site) for site in SITES))


def part_of(stream, row):
    return stream, row["site"] if stream == PARTED else None


def state_of(sent, position):
    """Write a STATE as singer-sdk does; -1 stands before all rows."""
    marks = {
        stream: {"replication_key": "n", "replication_key_value": sent[stream, None]}
        for stream in (KEYED, LOG)
    }
    parts = [
        {"context": {"site": site}, "replication_key_value": sent[PARTED, site]}
        for site in SITES
    ]
    return {"bookmarks": {**marks, PARTED: {"partitions": parts}}, "read": position}


def mark_in(state, stream, site):
    """Give the row from which on the tap reads, with it, as most taps do."""
    if not state:
        return -1
    mark = state["bookmarks"][stream]
    for part in mark.get("partitions", ()):
        if part["context"]["site"] == site:
            mark = part
    return mark["replication_key_value"]


def plan_of(stream, state):
    return StreamPlan(
        stream=stream,
        schema="raw",
        table=stream,
        mode=Mode(MODES[stream], "in this test"),
        key=("id",) if stream == KEYED else (),
        replication_key="n",
        replace_from=marks_of(state, stream, "n"),
        allow_shrink=True,
    )


def rows_of(cursor, stream):
    found = cursor.execute(
        f"SELECT * EXCLUDE (_elt_loaded_at, _elt_run_id) FROM raw.{stream} ORDER BY ALL"
    )
    names = [column[0] for column in found.description]
    return [
        {k: v for k, v in zip(names, row, strict=True) if v is not None}
        for row in found.fetchall()
    ]


def test_whatever_happens_to_a_load_what_its_bookmark_covers_is_there():
    run_state_machine_as_test(
        Loads, settings=settings(max_examples=4, stateful_step_count=20, deadline=None)
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_happens_to_a_load_what_its_bookmark_covers_is_there_at_length():
    run_state_machine_as_test(
        Loads, settings=settings(max_examples=40, stateful_step_count=40, deadline=None)
    )
