"""Every change of a stream's columns and key, and what each policy does with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from elt.errors import Guarded
from tests.targets.conftest import line, schema, state

INTEGER = {"type": ["null", "integer"]}
HUGE = {"type": "integer", "maximum": 2**70}
NUMBER = {"type": ["null", "number"]}
CENTS = {"type": "number", "multipleOf": 0.01}
MILLS = {"type": "number", "multipleOf": 0.0001}
FLAG = {"type": ["null", "boolean"]}
TEXT = {"type": ["null", "string"]}
DAY = {"type": "string", "format": "date"}
MOMENT = {"type": "string", "format": "date-time"}
CLOCK = {"type": "string", "format": "time"}
THING = {"type": ["null", "object"]}
LIST = {"type": "array", "items": {"type": "integer"}}

NO_COLUMN = "the table has no such column"
MAY = datetime(2024, 5, 1, tzinfo=UTC)


@dataclass(frozen=True)
class End:
    """How a table ends: its stream's columns, its rows by id, what was set aside."""

    types: str  # a column's name and type, as in CREATE TABLE, without the id
    rows: Sequence[tuple[Any, ...]]
    rejects: Sequence[tuple[str | None, str]] = ()  # column and reason


@dataclass(frozen=True)
class Change:
    """A change at the source: what comes before it, and what comes with it.

    Records have ids 1, 2, ... in the order given. `freeze` is what the error names,
    or None where the table need not change, and freeze ends as quarantine does.
    """

    name: str
    before: Mapping[str, Any]
    old: Sequence[str]
    after: Mapping[str, Any]
    new: Sequence[str]
    evolve: End
    freeze: str | None
    quarantine: End
    by_hand: str = ""  # SQL between the two


def value(name, first, old, then, new, *, evolve, freeze, quarantine):
    """Change the type of a property `v`; `old` and `new` are one JSON value each."""
    return Change(
        name,
        {"v": first},
        [f'"v": {old}'],
        {"v": then},
        [f'"v": {new}'],
        evolve=End(f"v {evolve[0]}", [(1, evolve[1]), (2, evolve[2])]),
        freeze=freeze,
        quarantine=quarantine,
    )


def fits(type_, old, new):
    return End(f"v {type_}", [(1, old), (2, new)])


def set_aside(type_, old, reason):
    return End(f"v {type_}", [(1, old)], [("v", reason)])


COLUMNS = [
    Change(
        "a new column",
        {"a": TEXT},
        ['"a": "x"'],
        {"a": TEXT, "b": INTEGER},
        ['"a": "y", "b": 7', '"a": "z"', '"b": null'],
        evolve=End(
            "a VARCHAR, b BIGINT",
            [(1, "x", None), (2, "y", 7), (3, "z", None), (4, None, None)],
        ),
        freeze="`b`: new column BIGINT",
        quarantine=End(
            "a VARCHAR", [(1, "x"), (3, "z"), (4, None)], [("b", NO_COLUMN)]
        ),
    ),
    Change(
        "a key that no schema names",
        {},
        [""],
        {},
        ['"u": 2.5', '"u": null', ""],
        evolve=End("u DOUBLE", [(1, None), (2, 2.5), (3, None), (4, None)]),
        freeze="`u`: new column DOUBLE",
        quarantine=End("", [(1,), (3,), (4,)], [("u", NO_COLUMN)]),
    ),
    Change(
        "a key that no schema names and that is always null",
        {},
        [""],
        {},
        ['"u": null'],
        evolve=End("", [(1,), (2,)]),
        freeze=None,
        quarantine=End("", [(1,), (2,)]),
    ),
    Change(
        "several at once",
        {"a": INTEGER},
        ['"a": 1'],
        {"a": TEXT, "b": THING, "c": TEXT},
        ['"a": "one", "b": {"x": 1}', '"a": "2", "c": "c"', '"a": "3"'],
        evolve=End(
            "a VARCHAR, b JSON, c VARCHAR",
            [
                (1, "1", None, None),
                (2, "one", '{"x":1}', None),
                (3, "2", None, "c"),
                (4, "3", None, None),
            ],
        ),
        freeze="`a`: BIGINT widened to VARCHAR; `b`: new column JSON;"
        " `c`: new column VARCHAR",
        quarantine=End(
            "a BIGINT",
            [(1, 1), (4, 3)],
            [("a", "not an integer"), ("c", NO_COLUMN)],
        ),
    ),
    Change(
        "a dropped column",
        {"a": TEXT, "b": TEXT},
        ['"a": "x", "b": "x"'],
        {"a": TEXT},
        ['"a": "y"'],
        evolve=End("a VARCHAR, b VARCHAR", [(1, "x", "x"), (2, "y", None)]),
        freeze=None,
        quarantine=End("a VARCHAR, b VARCHAR", [(1, "x", "x"), (2, "y", None)]),
    ),
    Change(
        "a column renamed",
        {"a": TEXT},
        ['"a": "x"'],
        {"b": TEXT},
        ['"b": "y"'],
        evolve=End("a VARCHAR, b VARCHAR", [(1, "x", None), (2, None, "y")]),
        freeze="`b`: new column VARCHAR",
        quarantine=End("a VARCHAR", [(1, "x")], [("b", NO_COLUMN)]),
    ),
    Change(
        "a column renamed by case",
        {"Name": TEXT},
        ['"Name": "x"'],
        {"name": TEXT},
        ['"name": "y"'],
        evolve=End("Name VARCHAR", [(1, "x"), (2, "y")]),
        freeze=None,
        quarantine=End("Name VARCHAR", [(1, "x"), (2, "y")]),
    ),
    Change(
        "two properties that differ by case only",
        {"a": TEXT},
        ['"a": "x"'],
        {"a": TEXT, "A": TEXT},
        ['"a": "y", "A": "Y"', '"a": "z"'],
        evolve=End(
            "a VARCHAR, A_2 VARCHAR", [(1, "x", None), (2, "y", "Y"), (3, "z", None)]
        ),
        freeze="`A_2`: new column VARCHAR",
        quarantine=End("a VARCHAR", [(1, "x"), (3, "z")], [("A", NO_COLUMN)]),
    ),
    Change(
        "columns in another order",
        {"a": TEXT, "b": INTEGER},
        ['"a": "x", "b": 1'],
        {"b": INTEGER, "a": TEXT},
        ['"b": 2, "a": "y"'],
        evolve=End("a VARCHAR, b BIGINT", [(1, "x", 1), (2, "y", 2)]),
        freeze=None,
        quarantine=End("a VARCHAR, b BIGINT", [(1, "x", 1), (2, "y", 2)]),
    ),
    Change(
        "nullable to not",
        {"a": INTEGER},
        ['"a": null'],
        {"a": {"type": "integer"}},
        ['"a": 2', '"a": null'],
        evolve=End("a BIGINT", [(1, None), (2, 2), (3, None)]),
        freeze=None,
        quarantine=End("a BIGINT", [(1, None), (2, 2), (3, None)]),
    ),
    Change(
        "not nullable to nullable",
        {"a": {"type": "integer"}},
        ['"a": 1'],
        {"a": INTEGER},
        ['"a": null'],
        evolve=End("a BIGINT", [(1, 1), (2, None)]),
        freeze=None,
        quarantine=End("a BIGINT", [(1, 1), (2, None)]),
    ),
    Change(
        "a column made by hand that nobody declares",
        {},
        [""],
        {},
        [""],
        by_hand="ALTER TABLE raw.s ADD COLUMN mine INTEGER; UPDATE raw.s SET mine = 7",
        evolve=End("mine INTEGER", [(1, 7), (2, None)]),
        freeze=None,
        quarantine=End("mine INTEGER", [(1, 7), (2, None)]),
    ),
    Change(
        "values for a column made by hand",
        {},
        [""],
        {"mine": INTEGER},
        ['"mine": 8', '"mine": 3000000000'],
        by_hand="ALTER TABLE raw.s ADD COLUMN mine INTEGER; UPDATE raw.s SET mine = 7",
        evolve=End("mine BIGINT", [(1, 7), (2, 8), (3, 3_000_000_000)]),
        freeze=None,
        quarantine=End(
            "mine INTEGER",
            [(1, 7), (2, 8)],
            [("mine", "not a value that INTEGER holds exactly")],
        ),
    ),
    Change(
        "a moment for a column of naive timestamps made by hand",
        {},
        [""],
        {"met": MOMENT},
        ['"met": "2024-05-01T02:00:00+02:00"'],
        by_hand="ALTER TABLE raw.s ADD COLUMN met TIMESTAMP",
        evolve=End("met TIMESTAMP WITH TIME ZONE", [(1, None), (2, MAY)]),
        freeze=None,
        quarantine=End("met TIMESTAMP", [(1, None), (2, datetime(2024, 5, 1))]),  # noqa: DTZ001
    ),
]

BIG = 2**53 + 1
TYPES = [
    value(
        "integer to number",
        *(INTEGER, "1", NUMBER, "1.5"),
        evolve=("DOUBLE", 1.0, 1.5),
        freeze="`v`: BIGINT widened to DOUBLE",
        quarantine=set_aside("BIGINT", 1, "not an integer"),
    ),
    value(
        "integer to number, of a value that the table holds",
        *(INTEGER, "1", NUMBER, "2.0"),
        evolve=("DOUBLE", 1.0, 2.0),
        freeze="`v`: BIGINT widened to DOUBLE",
        quarantine=fits("BIGINT", 1, 2),
    ),
    value(
        "integer to number, with integers that no double holds",
        *(INTEGER, BIG, NUMBER, "1.5"),
        evolve=("VARCHAR", "9007199254740993", "1.5"),
        freeze="`v`: BIGINT widened to VARCHAR",
        quarantine=set_aside("BIGINT", BIG, "not an integer"),
    ),
    value(
        "integer to a larger one",
        *(INTEGER, "-1", HUGE, 2**70),
        evolve=("HUGEINT", -1, 2**70),
        freeze="`v`: BIGINT widened to HUGEINT",
        quarantine=set_aside("BIGINT", -1, "more digits than BIGINT holds"),
    ),
    value(
        "an integer that outgrows its column, declared as ever",
        *(INTEGER, "-1", INTEGER, 2**64),
        evolve=("HUGEINT", -1, 2**64),
        freeze="`v`: BIGINT widened to HUGEINT",
        quarantine=set_aside("BIGINT", -1, "more digits than BIGINT holds"),
    ),
    value(
        "integer to decimal",
        *(INTEGER, 2**62, CENTS, "0.10"),
        evolve=("DECIMAL(21,2)", Decimal(2**62), Decimal("0.10")),
        freeze="`v`: BIGINT widened to DECIMAL(21,2)",
        quarantine=set_aside("BIGINT", 2**62, "not an integer"),
    ),
    value(
        "integer to boolean",
        *(INTEGER, "1", FLAG, "true"),
        evolve=("VARCHAR", "1", "true"),
        freeze="`v`: BIGINT widened to VARCHAR",
        quarantine=set_aside("BIGINT", 1, "not an integer"),
    ),
    value(
        "integer to string",
        *(INTEGER, "1", TEXT, '"one"'),
        evolve=("VARCHAR", "1", "one"),
        freeze="`v`: BIGINT widened to VARCHAR",
        quarantine=set_aside("BIGINT", 1, "not an integer"),
    ),
    value(
        "integer to object",
        *(INTEGER, "1", THING, '{"a": 1.10}'),
        evolve=("JSON", "1", '{"a":1.10}'),
        freeze="`v`: BIGINT widened to JSON",
        quarantine=set_aside("BIGINT", 1, "not an integer"),
    ),
    value(
        "decimal to one with more places",
        *(CENTS, "1234567890123456.78", MILLS, "0.0001"),
        evolve=(
            "DECIMAL(20,4)",
            Decimal("1234567890123456.78"),
            Decimal("0.0001"),
        ),
        freeze="`v`: DECIMAL(18,2) widened to DECIMAL(20,4)",
        quarantine=set_aside(
            "DECIMAL(18,2)",
            Decimal("1234567890123456.78"),
            "not a number that DECIMAL(18,2) holds without rounding",
        ),
    ),
    value(
        "decimal to number",
        *(CENTS, "0.10", NUMBER, "1e-3"),
        evolve=("DOUBLE", 0.1, 0.001),
        freeze="`v`: DECIMAL(18,2) widened to DOUBLE",
        quarantine=set_aside(
            "DECIMAL(18,2)",
            Decimal("0.10"),
            "not a number that DECIMAL(18,2) holds without rounding",
        ),
    ),
    value(
        "decimal to number, with digits that no double holds",
        *(CENTS, "1234567890123456.78", NUMBER, "0.5"),
        evolve=("VARCHAR", "1234567890123456.78", "0.5"),
        freeze="`v`: DECIMAL(18,2) widened to VARCHAR",
        quarantine=fits(
            "DECIMAL(18,2)", Decimal("1234567890123456.78"), Decimal("0.50")
        ),
    ),
    value(
        "number to string",
        *(NUMBER, "0.1", TEXT, '"much"'),
        evolve=("VARCHAR", "0.1", "much"),
        freeze="`v`: DOUBLE widened to VARCHAR",
        quarantine=set_aside("DOUBLE", 0.1, "not a number"),
    ),
    value(
        "boolean to string",
        *(FLAG, "true", TEXT, '"perhaps"'),
        evolve=("VARCHAR", "true", "perhaps"),
        freeze="`v`: BOOLEAN widened to VARCHAR",
        quarantine=set_aside("BOOLEAN", True, "not true or false"),
    ),
    value(
        "date to date-time",
        *(DAY, '"2024-05-01"', MOMENT, '"2024-05-01T02:00:00+02:00"'),
        evolve=("TIMESTAMP WITH TIME ZONE", MAY, MAY),
        freeze="`v`: DATE widened to TIMESTAMPTZ",
        quarantine=set_aside("DATE", date(2024, 5, 1), "not a date"),
    ),
    value(
        "date-time to date",
        *(MOMENT, '"2024-05-01T00:00:00Z"', DAY, '"2024-05-01"'),
        evolve=("TIMESTAMP WITH TIME ZONE", MAY, MAY),
        freeze=None,
        quarantine=fits("TIMESTAMP WITH TIME ZONE", MAY, MAY),
    ),
    value(
        "date-time to string",
        *(MOMENT, '"2024-05-01T00:00:00.000001Z"', TEXT, '"soon"'),
        evolve=("VARCHAR", "2024-05-01 00:00:00.000001+00", "soon"),
        freeze="`v`: TIMESTAMPTZ widened to VARCHAR",
        quarantine=set_aside(
            "TIMESTAMP WITH TIME ZONE",
            MAY.replace(microsecond=1),
            "not a date and time",
        ),
    ),
    value(
        "time to string",
        *(CLOCK, '"08:00:00"', TEXT, '"early"'),
        evolve=("VARCHAR", "08:00:00", "early"),
        freeze="`v`: TIME widened to VARCHAR",
        quarantine=set_aside("TIME", time(8), "not a time of day without an offset"),
    ),
    value(
        "string to integer",
        *(TEXT, '"x"', INTEGER, "7"),
        evolve=("VARCHAR", "x", "7"),
        freeze=None,
        quarantine=fits("VARCHAR", "x", "7"),
    ),
    value(
        "number to integer",
        *(NUMBER, "0.5", INTEGER, "7"),
        evolve=("DOUBLE", 0.5, 7.0),
        freeze=None,
        quarantine=fits("DOUBLE", 0.5, 7.0),
    ),
    value(
        "string to object",
        *(TEXT, '"say \\"x\\""', THING, '{"a": [1.10, null]}'),
        evolve=("JSON", '"say \\"x\\""', '{"a":[1.10,null]}'),
        freeze="`v`: VARCHAR widened to JSON",
        quarantine=fits("VARCHAR", 'say "x"', '{"a":[1.10,null]}'),
    ),
    value(
        "object to string",
        *(THING, '{"a": 1.10}', TEXT, '"x"'),
        evolve=("JSON", '{"a":1.10}', '"x"'),
        freeze=None,
        quarantine=fits("JSON", '{"a":1.10}', '"x"'),
    ),
    value(
        "string to anything",
        *(TEXT, '"x"', {}, "1.50"),
        evolve=("JSON", '"x"', "1.50"),
        freeze="`v`: VARCHAR widened to JSON",
        quarantine=fits("VARCHAR", "x", "1.50"),
    ),
    value(
        "array to object",
        *(LIST, "[1, 2]", THING, '{"a": 1}'),
        evolve=("JSON", "[1,2]", '{"a":1}'),
        freeze=None,
        quarantine=fits("JSON", "[1,2]", '{"a":1}'),
    ),
]

every_change = pytest.mark.parametrize(
    "change", [*COLUMNS, *TYPES], ids=lambda change: change.name
)


@every_change
def test_evolve_lets_the_table_change_and_loads_all(loader, change):
    begin(loader, change)

    go_on(loader, change, policy="evolve")

    expect(loader, change.evolve)


@every_change
def test_freeze_loads_nothing_where_the_table_would_have_to_change(loader, change):
    begin(loader, change)

    streams = go_on(loader, change, policy="freeze")

    if change.freeze is None:
        expect(loader, change.quarantine)
        return
    error = streams["s"].error
    assert isinstance(error, Guarded)
    assert "the table `raw.s` would have to change" in str(error)
    assert change.freeze in str(error)
    expect(loader, End(change.quarantine.types, change.quarantine.rows[:1]), at=1)


@every_change
def test_quarantine_sets_aside_what_the_table_does_not_hold(loader, change):
    begin(loader, change)

    streams = go_on(loader, change, policy="quarantine")

    assert streams["s"].error is None
    expect(loader, change.quarantine)


def begin(loader, change):
    records = numbered(change.old, 1)
    loader.load(schema(id=INTEGER, **change.before), *records, state({"at": 1}))
    if change.by_hand:
        with loader.warehouse.session() as cursor:
            cursor.execute(change.by_hand)


def go_on(loader, change, *, policy):
    records = numbered(change.new, 1 + len(change.old))
    after = schema(id=INTEGER, **change.after)
    return loader.load(after, *records, state({"at": 2}), policy=policy)


def numbered(records, first):
    return [
        b'{"id": %d%s}' % (number, f", {about}".encode() if about else b"")
        for number, about in enumerate(records, start=first)
    ]


def expect(loader, end, *, at=2):
    with loader.warehouse.session() as cursor:
        names = cursor.execute("DESCRIBE raw.s").fetchall()
        rows = cursor.execute("FROM raw.s ORDER BY id").fetchall()
        rejects = 'SELECT "column", reason FROM _elt.rejects ORDER BY id'
        reasons = cursor.execute(rejects).fetchall()
        states = cursor.execute("SELECT state FROM _elt.bookmarks").fetchall()
    types = {name: type_ for name, type_, *_ in names}
    ours = [n for n, name in enumerate(types) if not name.startswith("_elt_")]
    listed = [f"{[*types][n]} {[*types.values()][n]}" for n in ours]
    assert ", ".join(one for one in listed if one != "id BIGINT") == end.types
    assert [tuple(row[n] for n in ours) for row in rows] == list(end.rows)
    assert [column for column, _ in reasons] == [column for column, _ in end.rejects]
    told = zip(reasons, end.rejects, strict=True)
    assert all(reason.startswith(begin) for (_, reason), (_, begin) in told)
    assert states == [(f'{{"at": {at}}}',)]


ID = schema(key=["id"], id=INTEGER, n=INTEGER)
BOTH = schema(key=["id", "n"], id=INTEGER, n=INTEGER)
NONE = schema(id=INTEGER, n=INTEGER)


def row(id_, n=None):
    return b'{"id": %d, "n": %s}' % (id_, b"null" if n is None else b"%d" % n)


def loaded_by(loader, key, *rows, policy="evolve", mode="", **about):
    """Load by a key, in the mode that follows from it unless told otherwise."""
    columns = schema(key=key, id=INTEGER, n=INTEGER)
    mode = mode or ("upsert" if key else "append")
    streams = loader.load(
        columns,
        *rows,
        state({"by": key or "nothing"}),
        key=key,
        mode=mode,
        policy=policy,
        **about,
    )
    return streams["s"]


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ([], ["id"], "the key was none, now it is `id`"),
        (["id"], ["id", "n"], "the key was `id`, now it is `id`, `n`"),
        (["id"], [], "the key was `id`, now it is none"),
        (["id"], ["n"], "the key was `id`, now it is `n`"),
    ],
)
def test_a_changed_key_is_noted_or_stops_the_stream(loader, was, now, words):
    loaded_by(loader, was, row(1), row(2))

    for policy in ("freeze", "quarantine"):
        stopped = loaded_by(loader, now, row(3, 3), policy=policy)
        assert isinstance(stopped.error, Guarded)
        assert words in str(stopped.error)
    assert loader.column("id") == [1, 2]
    assert loader.state() == {"by": was or "nothing"}

    loaded_by(loader, now, row(3, 3))

    assert loader.column("id") == [1, 2, 3]
    assert loader.state() == {"by": now or "nothing"}
    (noted,) = loader.sql("SELECT change FROM _elt.schema_changes")
    assert noted[0].startswith(words)


def test_a_key_that_the_old_rows_do_not_have_is_warned_of(loader):
    loaded_by(loader, ["id"], row(1), row(2))

    stream = loaded_by(loader, ["n"], row(1, 1))

    (change,) = stream.to_look_at
    assert change.column == "n"
    assert "rows may be there twice; `--full-refresh` of the stream" in change.sentence


def test_a_key_that_all_old_rows_have_is_nothing_to_warn_of(loader):
    loaded_by(loader, ["id"], row(1, 10), row(2, 20))

    stream = loaded_by(loader, ["n"], row(3, 20))

    assert stream.to_look_at == []
    assert loader.sql("SELECT id, n FROM raw.s ORDER BY n") == [(1, 10), (3, 20)]
    assert loader.sql("SELECT change FROM _elt.schema_changes") == [
        ("the key was `id`, now it is `n`",)
    ]


def test_a_key_that_old_rows_have_twice_is_warned_of(loader):
    loaded_by(loader, [], row(1), row(1))

    stream = loaded_by(loader, ["id"], row(2))

    assert "known by the old one" in stream.to_look_at[0].sentence


def test_a_key_that_goes_away_is_warned_of(loader):
    loaded_by(loader, ["id"], row(1))

    stream = loaded_by(loader, [], row(1))

    assert "rows are added, and none takes the place" in stream.to_look_at[0].sentence
    assert loader.column("id") == [1, 1]


def test_a_table_that_comes_anew_has_no_old_key_to_warn_of(loader):
    loaded_by(loader, ["id"], row(1))

    stream = loaded_by(loader, ["n"], row(1, 1), mode="overwrite")

    assert stream.to_look_at == []


def test_rows_that_are_added_anyway_have_no_key_to_change(loader):
    loaded_by(loader, ["id"], row(1), mode="append")

    stream = loaded_by(loader, ["n"], row(1), mode="append", policy="freeze")

    assert stream.error is None
    assert loader.column("id") == [1, 1]


def test_a_table_of_before_keys_were_noted_takes_any(loader):
    loaded_by(loader, ["id"], row(1))
    loader.sql("UPDATE _elt.streams SET key = NULL")

    stream = loaded_by(loader, ["n"], row(2, 2), policy="freeze")

    assert stream.error is None
    assert loader.sql("SELECT key FROM _elt.streams") == [('["n"]',)]


def test_a_table_made_anew_by_hand_has_no_old_key(loader):
    loaded_by(loader, ["id"], row(1))
    loader.sql("CREATE OR REPLACE TABLE raw.s (id BIGINT, n BIGINT)")

    stream = loaded_by(loader, ["n"], row(2, 2), policy="freeze")

    assert stream.error is None


def test_a_key_that_changes_in_mid_stream_leaves_the_rows_before_it_to_the_old_one(
    loader,
):
    messages = [
        *(ID, row(1, 1), row(1, 2), row(2, 1)),
        *(BOTH, row(2, 2), row(2, 1), row(2, 2)),
        state({"at": 1}),
    ]
    loader.load(*messages, learns_key=True)

    rows = loader.sql("SELECT id, n FROM raw.s ORDER BY ALL")
    assert rows == [(1, 2), (2, 1), (2, 2)]
    assert loader.sql("SELECT key FROM _elt.streams") == [('["id", "n"]',)]
    assert loader.sql("SELECT sum(rows) FROM _elt.loads") == [(6,)]


def test_a_key_that_appears_in_mid_stream_keeps_the_appended_rows(loader):
    messages = [NONE, row(1, 1), row(1, 1), ID, row(2, 1), row(2, 2), state({"at": 1})]
    loader.load(*messages, learns_key=True)

    rows = loader.sql("SELECT id, n FROM raw.s ORDER BY ALL")
    assert rows == [(1, 1), (1, 1), (2, 2)]


def test_a_key_that_goes_away_in_mid_stream_lets_rows_be_added(loader):
    loader.load(ID, row(1), row(1), NONE, row(1), state({"at": 1}), learns_key=True)

    assert loader.column("id") == [1, 1]


def test_a_key_that_changes_in_mid_stream_holds_from_the_next_commit_on(loader):
    loading = loader.start(learns_key=True, load={"commit_bytes": 1})

    loading.feed([line(m) for m in (ID, row(1), row(2), state({"at": 1}))])
    loading.feed([line(m) for m in (BOTH, row(2, 1), row(3, 1), state({"at": 2}))])
    loading.finish()

    rows = loader.sql("SELECT id, n FROM raw.s ORDER BY id, n NULLS FIRST")
    assert rows == [(1, None), (2, None), (2, 1), (3, 1)]
    assert loading.streams["s"].to_look_at[0].column == "id, n"


def test_a_table_that_comes_anew_is_swapped_once_when_its_key_changes_in_between(
    loader,
):
    loader.load(ID, row(8), row(9), mode="overwrite", key=["id"])

    messages = [ID, row(1), row(1), BOTH, row(2, 1), row(2, 2), state({"at": 1})]
    loader.load(*messages, mode="overwrite", key=["id"], learns_key=True)

    rows = loader.sql("SELECT id, n FROM raw.s ORDER BY ALL")
    assert rows == [(1, None), (2, 1), (2, 2)]


def test_a_frozen_key_stops_a_stream_in_mid_stream_and_keeps_nothing_behind_it(loader):
    loader.load(ID, row(1), state({"at": 1}), learns_key=True)

    messages = [ID, row(2), BOTH, row(3, 1), state({"at": 2})]
    streams = loader.load(*messages, learns_key=True, policy="freeze")

    assert "now it is `id`, `n`" in str(streams["s"].error)
    assert loader.column("id") == [1]
    assert loader.state() == {"at": 1}


def test_a_failing_tap_keeps_of_a_changed_key_what_its_state_covers(loader):
    messages = [ID, row(1), row(1), state({"at": 1}), BOTH, row(1, 5)]
    loader.load(*messages, learns_key=True, ok=False)

    assert loader.sql("SELECT id, n FROM raw.s") == [(1, None)]
    assert loader.state() == {"at": 1}


@pytest.mark.parametrize("policy", ["freeze", "quarantine"])
def test_the_first_load_makes_the_table_under_any_policy(loader, policy):
    loader.load(ID, row(1), b'{"id": 2, "more": "x"}', policy=policy)

    assert loader.sql("SELECT id, more FROM raw.s") == [(1, None), (2, "x")]


def test_a_full_refresh_does_not_change_a_frozen_table(loader):
    loader.load(ID, row(1), row(2))
    wider = schema(key=["id"], id=INTEGER, n=NUMBER)

    streams = loader.load(
        wider, row(3), row(4), mode="overwrite", why="full refresh", policy="freeze"
    )

    assert "`n`: BIGINT widened to DOUBLE" in str(streams["s"].error)
    assert loader.column("id") == [1, 2]


def test_an_unknown_key_far_behind_the_first_records_is_found_under_each_policy(loader):
    loader.load(ID, row(0))
    many = [*(row(n) for n in range(1, 3000)), b'{"id": 3000, "late": 1}']

    frozen = loader.load(ID, *many, policy="freeze", run="r2")
    loader.load(ID, *many, policy="quarantine", run="r3")

    assert "`late`: new column BIGINT" in str(frozen["s"].error)
    assert loader.sql("SELECT count(*) FROM raw.s") == [(3000,)]
    (reject,) = loader.rejects()
    assert reject == ("late", "1", NO_COLUMN, '{"id": 3000, "late": 1}')


def test_a_quarantined_table_without_the_key_cannot_be_loaded(loader):
    loader.load(schema(n=INTEGER), b'{"n": 1}')

    streams = loader.load(ID, row(1), mode="upsert", key=["id"], policy="quarantine")

    assert isinstance(streams["s"].error, Guarded)
    assert "`id`" in str(streams["s"].error)
