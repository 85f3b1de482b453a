"""`history`: each version of a row, and from when until when it was so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elt.errors import ConfigError
from elt.project.stream_settings import StreamTable
from elt.targets.columns import columns_of
from elt.targets.reading.maps import Maps
from elt.targets.reading.parts import Records
from elt.targets.reading.readings import Caution
from elt.targets.writing.duckdb import write_stream
from elt.targets.writing.evolve import tables_in
from elt.targets.writing.modes import Mode, decide
from elt.targets.writing.plans import Stamp, StreamBatch, StreamPlan
from tests.targets.conftest import schema

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
MOMENT = {"type": ["null", "string"], "format": "date-time"}
TIMED = schema(key=["id"], id=INTEGER, t=TEXT, at=MOMENT)
PLAIN = schema(key=["id"], id=INTEGER, t=TEXT)
BY_TIME = {"mode": "history", "key": ["id"], "replication_key": "at"}
BY_LOAD = {"mode": "history", "key": ["id"]}


def row(number, text, day=None, **more):
    at = {"at": f"2024-01-{day:02}T00:00:00Z"} if day else {}
    return json.dumps({"id": number, "t": text, **at, **more}).encode()


def versions(loader, where="true"):
    """Give each version as (id, t, first day, last day) of January 2024."""
    return loader.sql(
        f"SELECT id, t, day(valid_from), day(valid_to) FROM raw.s WHERE {where}"
        " ORDER BY id, valid_from, valid_to NULLS LAST, rowid"
    )


def texts(loader, where="true"):
    rows = loader.sql(
        f"SELECT t, valid_to IS NULL FROM raw.s WHERE {where}"
        " ORDER BY id, valid_from, valid_to NULLS LAST, rowid"
    )
    return [f"{text} now" if now else text for text, now in rows]


def test_a_row_that_changes_gets_a_version_which_begins_where_the_last_ends(loader):
    loader.load(TIMED, row(1, "a", 1), row(2, "x", 1), **BY_TIME)

    loader.load(TIMED, row(1, "b", 3), **BY_TIME)

    assert versions(loader) == [(1, "a", 1, 3), (1, "b", 3, None), (2, "x", 1, None)]


def test_each_of_several_changes_in_one_batch_is_a_version(loader):
    loader.load(TIMED, row(1, "a", 1), row(1, "c", 5), row(1, "b", 3), **BY_TIME)

    assert versions(loader) == [(1, "a", 1, 3), (1, "b", 3, 5), (1, "c", 5, None)]


def test_changes_without_a_time_are_versions_of_no_length_and_none_is_lost(loader):
    loader.load(PLAIN, row(1, "a"), **BY_LOAD)

    loader.load(PLAIN, row(1, "b"), row(1, "c"), row(1, "d"), **BY_LOAD)

    assert texts(loader) == ["a", "b", "c", "d now"]
    lengths = loader.sql(
        "SELECT DISTINCT valid_to = valid_from FROM raw.s WHERE t IN ('b', 'c')"
    )
    assert lengths == [(True,)]


def test_a_row_that_comes_late_goes_in_between(loader):
    loader.load(TIMED, row(1, "a", 1), row(1, "c", 5), **BY_TIME)

    loader.load(TIMED, row(1, "b", 3), **BY_TIME)

    assert versions(loader) == [(1, "a", 1, 3), (1, "b", 3, 5), (1, "c", 5, None)]


def test_the_same_rows_again_change_nothing_at_all(loader):
    sent = [row(1, "a", 1), row(1, "b", 3), row(1, "b2", 3), row(2, "x", 2)]
    loader.load(TIMED, *sent, **BY_TIME)
    before = loader.sql("FROM raw.s ORDER BY ALL")

    loader.load(TIMED, *sent, run="r2", **BY_TIME)
    loader.load(TIMED, *sent[1:], run="r3", **BY_TIME)

    assert loader.sql("FROM raw.s ORDER BY ALL") == before


def test_a_full_read_makes_versions_of_changed_rows_only(loader):
    loader.load(PLAIN, row(1, "a"), row(2, "x"), **BY_LOAD)

    loader.load(PLAIN, row(1, "b"), row(2, "x"), run="r2", full_table=True, **BY_LOAD)

    assert texts(loader) == ["a", "b now", "x now"]
    runs = loader.sql("SELECT _elt_run_id FROM raw.s ORDER BY id, valid_from")
    assert runs == [("r2",), ("r2",), ("r1",)]


def test_a_row_that_changes_back_is_a_version_again(loader):
    for text in "aba":
        loader.load(PLAIN, row(1, text), **BY_LOAD)

    assert texts(loader) == ["a", "b", "a now"]


def test_what_comes_last_at_one_moment_is_what_counts_from_then_on(loader):
    loader.load(TIMED, row(1, "a", 2), row(1, "b", 2), **BY_TIME)

    loader.load(TIMED, row(1, "a", 2), **BY_TIME)

    assert versions(loader) == [(1, "b", 2, 2), (1, "a", 2, None)]


def test_a_new_column_that_is_null_is_no_new_version(loader):
    loader.load(PLAIN, row(1, "a"), row(2, "x"), **BY_LOAD)
    wider = schema(key=["id"], id=INTEGER, t=TEXT, more=TEXT)

    loader.load(wider, row(1, "a"), row(2, "x", more="y"), **BY_LOAD)

    assert loader.sql("SELECT id, more FROM raw.s ORDER BY id, valid_from") == [
        (1, None),
        (2, None),
        (2, "y"),
    ]


def test_a_column_that_goes_is_no_new_version_and_keeps_its_values(loader):
    wider = schema(key=["id"], id=INTEGER, t=TEXT, more=TEXT)
    loader.load(wider, row(1, "a", more="y"), **BY_LOAD)

    loader.load(PLAIN, row(1, "a"), **BY_LOAD)

    assert loader.sql("SELECT t, more, valid_to FROM raw.s") == [("a", "y", None)]


def test_what_singer_notes_of_a_reading_is_no_change_of_the_row(loader):
    read = schema(key=["id"], id=INTEGER, t=TEXT, _sdc_extracted_at=MOMENT)

    for day in ("01", "02"):
        at = f"2024-01-{day}T00:00:00Z"
        loader.load(read, row(1, "a", _sdc_extracted_at=at), **BY_LOAD)

    assert texts(loader) == ["a now"]


def test_a_date_orders_versions_as_a_time_does(loader):
    dated = schema(
        key=["id"], id=INTEGER, t=TEXT, at={"type": "string", "format": "date"}
    )

    for day in (4, 2):
        sent = row(1, f"on {day}", at=f"2024-01-0{day}")
        loader.load(dated, sent, **BY_TIME)

    assert versions(loader) == [(1, "on 2", 2, 4), (1, "on 4", 4, None)]


def test_a_number_as_replication_key_gives_no_time(loader):
    for at in (2, 1):
        sent = row(1, f"at {at}", at=at)
        loader.load(schema(key=["id"], id=INTEGER, t=TEXT, at=INTEGER), sent, **BY_TIME)

    assert texts(loader) == ["at 2", "at 1 now"]


def test_a_row_without_its_time_counts_from_the_commit(loader):
    loader.load(TIMED, row(1, "a", 1), **BY_TIME)

    loader.load(TIMED, row(1, "b"), row(1, "b"), **BY_TIME)
    loader.load(TIMED, row(1, "b"), **BY_TIME)

    assert texts(loader) == ["a", "b now"]


def test_keys_and_columns_of_any_name_do(loader):
    names = ["since", "place", "number", "state", "k0", "valid_from", "Valid_To"]
    odd = schema(key=names[:2], **dict.fromkeys(names, TEXT))
    record = dict.fromkeys(names, "x")

    for text in "ab":
        sent = json.dumps({**record, "valid_from": text}).encode()
        loader.load(odd, sent, mode="history", key=names[:2])

    assert loader.sql(
        'SELECT valid_from_2, "Valid_To_2", valid_to IS NULL FROM raw.s'
        " ORDER BY valid_from_2"
    ) == [("a", "x", False), ("b", "x", True)]


def test_structures_and_lists_are_compared_by_what_they_hold(loader):
    deep = schema(key=["id"], id=INTEGER, o={"type": "object"})

    for inner in ('{"a":[1]}', '{"a":[1]}', '{"a":[2]}'):
        loader.load(deep, b'{"id":1,"o":%s}' % inner.encode(), **BY_LOAD)

    assert loader.sql("SELECT o FROM raw.s ORDER BY valid_from") == [
        ('{"a":[1]}',),
        ('{"a":[2]}',),
    ]


DELETED = schema(key=["id"], id=INTEGER, t=TEXT, at=MOMENT, _sdc_deleted_at=MOMENT)


def gone(number, day, text=None):
    at = f"2024-01-{day:02}T00:00:00Z"
    return json.dumps({"id": number, "t": text, "_sdc_deleted_at": at}).encode()


def test_a_deleted_row_has_no_current_version_any_more(loader):
    loader.load(DELETED, row(1, "a", 1), row(2, "x", 1), **BY_TIME)

    loader.load(DELETED, gone(1, 4), **BY_TIME)
    loader.load(DELETED, gone(1, 4), **BY_TIME)

    assert versions(loader) == [(1, "a", 1, 4), (1, None, 4, 4), (2, "x", 1, None)]


def test_a_deleted_row_that_comes_back_has_a_gap(loader):
    loader.load(DELETED, row(1, "a", 1), gone(1, 4), row(1, "a", 6), **BY_TIME)

    assert versions(loader) == [(1, "a", 1, 4), (1, None, 4, 4), (1, "a", 6, None)]


def test_what_comes_late_of_a_deleted_row_does_not_bring_it_back(loader):
    loader.load(DELETED, row(1, "a", 1), gone(1, 6), **BY_TIME)

    loader.load(DELETED, row(1, "b", 3), **BY_TIME)

    assert versions(loader) == [(1, "a", 1, 3), (1, "b", 3, 6), (1, None, 6, 6)]


def test_deletes_without_times_count_from_the_commit(loader):
    loader.load(DELETED, row(1, "a"), **BY_LOAD)
    loader.load(DELETED, gone(1, 4), **BY_LOAD)
    assert texts(loader) == ["a", None]

    loader.load(DELETED, row(1, "a"), **BY_LOAD)

    assert texts(loader) == ["a", None, "a now"]


def test_a_table_that_was_upserted_begins_its_history_with_what_it_has(loader):
    loader.load(
        DELETED, row(1, "a", 1), row(2, "x", 2), gone(3, 3), mode="upsert", key=["id"]
    )

    loader.load(DELETED, row(1, "b", 4), **BY_TIME)

    assert versions(loader) == [
        (1, "a", 1, 4),
        (1, "b", 4, None),
        (2, "x", 2, None),
        (3, None, 3, 3),
    ]


def test_an_appended_tables_rows_are_versions_by_their_times(loader):
    loader.load(TIMED, row(1, "b", 3), row(1, "a", 1), row(1, "c", 5))

    loader.load(TIMED, **BY_TIME)

    assert versions(loader) == [(1, "a", 1, 3), (1, "b", 3, 5), (1, "c", 5, None)]


def test_a_history_is_not_lost_to_another_mode(loader):
    loader.load(TIMED, row(1, "a", 1), row(1, "b", 2), **BY_TIME)

    for mode in ("upsert", "append", "overwrite"):
        streams = loader.load(TIMED, row(1, "c", 3), mode=mode, key=["id"])
        assert "keeps the history of its rows" in str(streams["s"].error)

    assert versions(loader) == [(1, "a", 1, 2), (1, "b", 2, None)]


def test_a_column_of_the_sources_that_has_the_name_is_never_taken_for_elts(loader):
    own = schema(key=["id"], id=INTEGER, valid_from=MOMENT, valid_to=MOMENT)
    loader.load(own, b'{"id":1}', mode="upsert", key=["id"])

    loader.load(own, b'{"id":2}', mode="upsert", key=["id"])
    streams = loader.load(own, b'{"id":3}', **BY_LOAD)

    assert "has a column `valid_from` of its own" in str(streams["s"].error)
    assert "valid_from_2" in streams["s"].error.hint
    assert loader.column("id") == [1, 2]


def test_a_filter_ends_the_version_of_a_row_that_no_longer_passes(loader):
    maps = Maps(filter="t <> 'b'")
    loader.load(TIMED, row(1, "a", 1), row(2, "b", 1), maps=maps, **BY_TIME)
    assert versions(loader) == [(1, "a", 1, None)]

    for _ in range(2):
        loader.load(TIMED, row(1, "b", 3), maps=maps, **BY_TIME)
    assert versions(loader) == [(1, "a", 1, 3)]

    loader.load(TIMED, row(1, "c", 5), maps=maps, **BY_TIME)
    assert versions(loader) == [(1, "a", 1, 3), (1, "c", 5, None)]


def test_history_needs_a_key():
    with pytest.raises(ConfigError, match="`history` needs a key"):
        decide(key=[], replication_method=None, table=StreamTable(mode="history"))


@pytest.mark.parametrize("method", ["FULL_TABLE", "INCREMENTAL", None])
def test_history_survives_a_full_refresh(method):
    table = StreamTable(mode="history")

    mode = decide(key=["id"], replication_method=method, table=table, full_refresh=True)

    assert mode.name == "history"
    assert not mode.makes_anew


# For all sequences of batches.

START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass
class Fact:
    """From a moment on a row is so; with `state` None it is gone."""

    moment: datetime
    state: tuple | None
    fresh: bool = False

    @property
    def dead(self):
        return self.state is not None and self.state[-1] is not None


@dataclass
class Model:
    """What the table should say, by the rules and without SQL."""

    facts: dict[int, list[Fact]] = field(default_factory=dict)

    def load(self, rows, now):
        for key in dict.fromkeys(one["id"] for one in rows):
            held = self.facts.setdefault(key, [])
            for moment, state in _timed([r for r in rows if r["id"] == key], held, now):
                _put(held, moment, state)
            held.sort(key=lambda fact: fact.moment)
            kept = []
            for fact in held:
                same = bool(kept) and kept[-1].state == fact.state
                if not (fact.fresh and same):
                    kept.append(fact)
                fact.fresh = False
            self.facts[key] = kept

    def lose(self, keys, now):
        for key in keys:
            last = self.facts[key][-1] if self.facts.get(key) else None
            if last and last.state is not None and not last.dead:
                self.facts[key].append(Fact(max(now, last.moment), None))

    def versions(self):
        found = [
            (fact.state, fact.moment, fact.moment if fact.dead else until)
            for held in self.facts.values()
            for fact, until in zip(
                held, [*(f.moment for f in held[1:]), NEVER], strict=False
            )
            if fact.state is not None
        ]
        return sorted(found, key=str)


NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def _timed(rows, held, now):
    """Give (moment, state) of a key's rows, in the order in which they came."""
    latest = max([now, *(fact.moment for fact in held)])
    gone = held[-1].moment if held and held[-1].state is None else None
    times = [_moment(one) for one in rows]
    last = max(range(len(rows)), key=lambda place: (times[place] or START, place))
    for place, one in enumerate(rows):
        moment = times[place]
        state = (one["id"], one["t"], one["at"], one["deleted"])
        back = place == last and gone and moment and moment < gone
        if moment is None or (back and one["deleted"] is None):
            moment = latest
        yield moment, state


def _moment(one):
    known = [at for at in (one["at"], one["deleted"]) if at is not None]
    return max(known) if one["timed"] and known else None


def _put(held, moment, state):
    known = [f for f in held if (f.moment, f.state) == (moment, state)]
    fact = known[0] if known else Fact(moment, state, fresh=True)
    if known:
        held.remove(fact)
    held.append(fact)


class Table:
    """A table that is loaded without a tap, in memory."""

    def __init__(self, folder, mode, *, timed):
        self.con = duckdb.connect()
        self.con.execute("SET TimeZone = 'UTC'")
        self.path = folder / "rows.jsonl"
        self.plan = StreamPlan(
            stream="s",
            schema="raw",
            table=mode,
            mode=Mode(mode, "in this test"),
            key=("id",),
            replication_key="at" if timed else None,
            full_table=True,
            on_missing="mark" if mode == "history" else "delete",
            allow_shrink=True,
        )

    def load(self, rows, now, *, whole=False, keep=True):
        names = {"id": "id", "t": "t", "at": "at", "deleted": "_sdc_deleted_at"}
        lines = [
            json.dumps({names[k]: _text(v) for k, v in one.items() if k in names})
            for one in rows
        ]
        self.path.write_text("".join(f"{one}\n" for one in lines))
        columns = columns_of(DELETED["schema"])
        batch = StreamBatch(
            plan=self.plan,
            columns=columns,
            parts=(Records(path=self.path, columns=columns, longest_bytes=200),)
            if rows
            else (),
            whole=whole,
        )
        stamp = Stamp(run_id="r", environment="e", tap="t", started_at=now, at=now)
        self.con.begin()
        found = tables_in(self.con, {"raw"}).get(("raw", self.plan.table))
        write_stream(self.con, batch, found=found, stamp=stamp, caution=Caution())
        self.con.commit() if keep else self.con.rollback()

    def rows(self, columns, where="true"):
        return sorted(
            self.con.execute(
                f"SELECT {columns} FROM raw.{self.plan.table} WHERE {where}"
            ).fetchall(),
            key=str,
        )


def _text(value):
    return value.isoformat() if isinstance(value, datetime) else value


def _records(times):
    return st.fixed_dictionaries(
        {
            "id": st.integers(1, 2),
            "t": st.sampled_from("ab"),
            "at": times,
            "deleted": st.none(),
        }
    )


_days = st.integers(1, 6).map(lambda day: START + timedelta(days=day))
_batch = st.lists(_records(_days), max_size=4)
_step = st.tuples(
    st.sampled_from(["load", "load", "again", "crash", "whole", "delete"]), _batch
)


def _play(steps, tables, model, *, timed):
    """Load the steps into tables and model; each begins a day after the one before."""
    last = []
    for number, (what, drawn) in enumerate(steps):
        now = START + timedelta(days=30 + number)
        rows = _meant(what, last if what == "again" else drawn, timed=timed)
        for table in tables:
            table.load(rows, now, whole=what == "whole", keep=what != "crash")
        if what == "crash":
            continue
        last = rows
        model.load(rows, now)
        if what == "whole":
            model.lose(model.facts.keys() - {one["id"] for one in rows}, now)


def _meant(what, rows, *, timed):
    def of(one):
        gone = one["at"] and what == "delete" and one["at"] + timedelta(hours=1)
        at = one["at"] if timed else None
        return {**one, "at": at, "deleted": gone or one["deleted"], "timed": timed}

    return [of(one) for one in rows]


RULES = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MANY = settings(RULES, max_examples=100)
COLUMNS = '(id, t, "at", _sdc_deleted_at), valid_from, valid_to'


def _known(table):
    found = table.rows(COLUMNS)
    return sorted(((*one[:2], one[2] or NEVER) for one in found), key=str)


@pytest.mark.parametrize("timed", [True, False])
@RULES
@given(steps=st.lists(_step, max_size=6))
def test_for_all_batches_the_table_says_what_the_rules_say(tmp_path, timed, steps):
    _compare_with_model(tmp_path, steps, timed=timed)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("timed", [True, False])
@MANY
@given(steps=st.lists(_step, max_size=8))
def test_for_very_many_batches_the_table_says_what_the_rules_say(
    tmp_path, timed, steps
):
    _compare_with_model(tmp_path, steps, timed=timed)


def _compare_with_model(tmp_path, steps, *, timed):
    table, model = Table(tmp_path, "history", timed=timed), Model()
    table.load([], START)

    _play(steps, [table], model, timed=timed)

    assert _known(table) == model.versions()


@RULES
@given(steps=st.lists(_step, max_size=6))
def test_for_all_batches_the_current_versions_are_the_rows_of_an_upsert(
    tmp_path, steps
):
    history = Table(tmp_path, "history", timed=False)
    upsert = Table(tmp_path, "upsert", timed=False)
    for table in (history, upsert):
        table.load([], START)

    _play(steps, [history, upsert], Model(), timed=False)

    current = history.rows('id, t, "at"', "valid_to IS NULL")
    assert current == upsert.rows('id, t, "at"')
