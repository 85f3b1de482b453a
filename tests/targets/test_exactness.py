"""Nothing is rounded, guessed or dropped, on the fast road and on the slow one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from elt.errors import EltError
from tests.targets.conftest import schema

INTEGER = {"type": ["null", "integer"]}
NUMBER = {"type": ["null", "number"]}
MONEY = {"type": ["null", "number"], "multipleOf": 0.01}
TEXT = {"type": ["null", "string"]}
MOMENT = {"type": ["null", "string"], "format": "date-time"}
DAY = {"type": ["null", "string"], "format": "date"}
ANY = {}


def test_a_fraction_in_an_integer_column_is_a_reject_and_its_neighbours_load(loader):
    loader.load(schema(n=INTEGER), b'{"n": 1}', b'{"n": 1.7}', b'{"n": 2}')

    assert loader.column("n") == [1, 2]
    assert loader.rejects() == [("n", "1.7", "not an integer", '{"n": 1.7}')]


def test_true_in_an_integer_column_is_a_reject_and_not_one(loader):
    loader.load(schema(n=INTEGER), b'{"n": true}', b'{"n": 2}')

    assert loader.column("n") == [2]
    assert loader.rejects()[0][:3] == ("n", "true", "not an integer")


def test_a_whole_number_may_be_written_in_any_way(loader):
    loader.load(schema(n=INTEGER), b'{"n": 1.0}', b'{"n": 1e3}', b'{"n": "12"}')

    assert loader.column("n", order="n") == [1, 12, 1000]
    assert loader.rejects() == []


def test_an_integer_of_any_length_widens_its_column(loader):
    loader.load(schema(n=INTEGER), b'{"n": 1}', b'{"n": 18446744073709551616}')

    assert loader.column("n") == [1, 2**64]
    assert loader.types()["n"] == "HUGEINT"

    loader.load(schema(n=INTEGER), b'{"n": ' + b"9" * 60 + b"}")

    assert loader.column("n") == ["1", str(2**64), "9" * 60]


def test_decimals_keep_every_digit(loader):
    loader.load(schema(m=MONEY), b'{"m": 1.10}', b'{"m": 9007199254740993.07}')

    assert loader.column("m") == [Decimal("1.10"), Decimal("9007199254740993.07")]


def test_more_decimals_than_the_scale_are_a_reject_and_not_rounded(loader):
    loader.load(schema(m=MONEY), b'{"m": 1.999}', b'{"m": 1.500}', b'{"m": 1e-1}')

    assert loader.column("m") == [Decimal("1.50"), Decimal("0.10")]
    assert loader.rejects()[0][1] == "1.999"


def test_an_amount_that_outgrows_its_decimal_widens_the_column(loader):
    loader.load(schema(m=MONEY), b'{"m": 99999999999999999999.99}')

    assert loader.column("m") == [Decimal("99999999999999999999.99")]
    assert loader.types()["m"] == "DECIMAL(38,2)"


def test_numbers_keep_their_text_in_string_and_json_columns(loader):
    loader.load(schema(t=TEXT, j=ANY), b'{"t": 1.10, "j": {"x": 1.10, "y": [1E5]}}')

    assert loader.column("t") == ["1.10"]
    assert loader.column("j") == ['{"x":1.10,"y":[1E5]}']


def test_a_key_that_differs_in_case_gets_a_column_of_its_own(loader):
    loader.load(schema(id=INTEGER), b'{"id": 1}', b'{"ID": 2}', b'{"id": 3, "ID": 4}')

    assert loader.sql('SELECT id, "ID_2" FROM raw.s ORDER BY rowid') == [
        (1, None),
        (None, 2),
        (3, 4),
    ]


def test_an_unknown_key_becomes_a_column_of_the_type_of_its_values(loader):
    loader.load(
        schema(id=INTEGER),
        b'{"id": 1, "age": 3, "tags": ["a"], "name": "ann", "ok": true, "no": null}',
        b'{"id": 2, "age": 2.5}',
    )

    types = loader.types()
    assert [types[name] for name in ("age", "tags", "name", "ok")] == [
        "DOUBLE",
        "JSON",
        "VARCHAR",
        "BOOLEAN",
    ]
    assert "no" not in types
    assert loader.column("age") == [3.0, 2.5]


def test_an_unknown_key_far_behind_the_sample_is_found(loader):
    records = [b'{"id": %d}' % n for n in range(3000)]

    loader.load(schema(id=INTEGER), *records, b'{"id": 3000, "late": "x"}')

    assert loader.sql("SELECT id FROM raw.s WHERE late = 'x'") == [(3000,)]
    assert loader.sql("SELECT count(*) FROM raw.s") == [(3001,)]


def test_the_same_key_twice_is_a_reject(loader):
    loader.load(schema(id=INTEGER), b'{"id": 1, "id": 2}', b'{"id": 3}')

    assert loader.column("id") == [3]
    assert loader.rejects()[0][2] == "the same key twice"


def test_half_of_a_surrogate_pair_is_a_reject_with_its_record(loader):
    loader.load(schema(t=TEXT), b'{"t": "\\ud800"}', b'{"t": "\\ud83d\\ude00"}')

    assert loader.column("t") == ["\N{GRINNING FACE}"]
    (reject,) = loader.rejects()
    assert reject[2] == "not JSON"
    assert "ud800" in reject[3]


def test_a_time_without_offset_is_utc_and_one_with_offset_is_converted(loader):
    loader.load(
        schema(t=MOMENT),
        b'{"t": "2024-06-01 10:00:00"}',
        b'{"t": "2024-06-01T10:00:00+02:00"}',
        b'{"t": "1899-12-31T23:59:59Z"}',
        b'{"t": "9999-12-31T23:59:59Z"}',
        b'{"t": "infinity"}',
        b'{"t": 1700000000}',
    )

    assert loader.column("t") == [
        datetime(2024, 6, 1, 10, tzinfo=UTC),
        datetime(2024, 6, 1, 8, tzinfo=UTC),
        datetime(1899, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ]
    assert [reject[1] for reject in loader.rejects()] == ["infinity", "1700000000"]


def test_a_time_of_day_in_a_date_column_is_not_cut_off(loader):
    loader.load(
        schema(d=DAY),
        b'{"d": "2024-06-01"}',
        b'{"d": "2024-06-02T00:00:00Z"}',
        b'{"d": "2024-06-01T10:00:00Z"}',
    )

    assert loader.column("d") == [date(2024, 6, 1), date(2024, 6, 2)]
    assert loader.rejects()[0][1] == "2024-06-01T10:00:00Z"


def test_what_python_writes_beyond_json_is_read_as_what_it_says(loader):
    loader.load(schema(n=NUMBER, i=INTEGER), b'{"n": NaN, "i": 1}', b'{"i": Infinity}')

    assert [str(value) for value in loader.column("n")] == ["nan"]
    assert loader.rejects()[0][:2] == ("i", "Infinity")


def test_a_number_beyond_the_range_of_a_double_is_a_reject_and_not_infinite(loader):
    loader.load(schema(n=NUMBER), b'{"n": 1e400}', b'{"n": 1e300}')

    assert loader.column("n") == [1e300]
    assert loader.rejects()[0][1] == "1e400"


@pytest.mark.parametrize("sign", ["", "-"])
def test_an_integer_that_a_double_would_round_makes_its_column_text(loader, sign):
    loader.load(schema(n=NUMBER), b'{"n": 0.1}', b'{"n": 1e300}')

    number = f"{sign}9007199254740993"
    loader.load(schema(n=NUMBER), b'{"n": %s}' % number.encode(), b'{"n": 1.10}')

    assert sorted(loader.column("n")) == sorted(["0.1", "1e+300", number, "1.10"])
    assert loader.types()["n"] == "VARCHAR"
    assert any(getattr(event, "column", None) == "n" for event in loader.events)


def test_integers_that_a_double_holds_exactly_stay_doubles(loader):
    exact = [2**53, -(2**53), 2**60, 10**22]

    loader.load(schema(n=NUMBER), *[b'{"n": %d}' % number for number in exact])

    assert loader.column("n") == [float(number) for number in exact]


def test_an_unknown_key_with_a_large_integer_keeps_its_digits(loader):
    loader.load(schema(id=INTEGER), b'{"id": 1, "big": 123456789012345678901}')

    assert loader.column("big") == ["123456789012345678901"]


@pytest.mark.parametrize("number", ["1e-20", "1.0000000000001e0", "15e-1"])
def test_a_power_that_an_exact_column_would_round_is_a_reject(loader, number):
    text = number.encode()
    loader.load(schema(i=INTEGER, m=MONEY), b'{"i": %s}' % text, b'{"i": 12e1}')

    assert loader.column("i") == [120]
    assert loader.rejects()[0][:2] == ("i", number)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    st.lists(
        st.from_regex(
            r"-?[0-9]{1,20}(\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}", fullmatch=True
        ),
        min_size=20,
        max_size=40,
    )
)
@example(["5.015012002251510112E14", "0.0512345678901234567E15", "-0.00e-9", "1e-2"])
def test_for_all_powers_an_amount_has_every_digit_or_is_a_reject(loader, numbers):
    if loader.warehouse.exists():
        loader.sql("DROP TABLE IF EXISTS raw.s")
        loader.sql("DELETE FROM _elt.rejects")
    lines = [b'{"k": "%s", "m": "%s"}' % ((n.encode(),) * 2) for n in numbers]

    loader.load(schema(k={"type": "string"}, m=MONEY), *lines, percent=100)

    for text, kept in loader.sql("SELECT k, m FROM raw.s"):
        assert kept == Decimal(text), text
    fits = [n for n in numbers if _fits_money(Decimal(n))]
    assert len(loader.rejects()) == len(numbers) - len(fits)


def _fits_money(number):
    return abs(number) < 10**16 and number == round(number, 2)


MOMENTS = {
    "2024-06-01T10:00:00+05:30": "2024-06-01 04:30:00+00",
    "2024-06-01T10:00:00-00:00": "2024-06-01 10:00:00+00",
    "2024-06-01t10:00:00z": "2024-06-01 10:00:00+00",
    "2024-06-01 10:00:00,5Z": "2024-06-01 10:00:00.5+00",
    "2024-06-01 10:00:00 +0200": "2024-06-01 08:00:00+00",
    "2024-06-01 10:00:00 UTC": "2024-06-01 10:00:00+00",
    "2024-06-01T24:00:00Z": "2024-06-02 00:00:00+00",
    "2024-06-01T10:00:00.123456000Z": "2024-06-01 10:00:00.123456+00",
    "2024-06-01": "2024-06-01 00:00:00+00",
    "10000-01-01T00:00:00Z": "10000-01-01 00:00:00+00",
    "-0044-03-15T00:00:00Z": "0045-03-15 (BC) 00:00:00+00",
}
NO_MOMENTS = [
    "2024-06-01T10:00:00.1234567Z",
    "2024-06-01T23:59:60Z",
    "2024-06-01T24:00:01Z",
    "2024-06-01T10:00:00+25:00",
    "2024-06-01 10:00:00 IST",
    "2024-06-01 10:00:00 America/New_York",
    "2024-02-30T00:00:00Z",
    "24-06-01",
    "now",
    "epoch",
    "",
]


def test_moments_are_instants_however_they_are_written(loader):
    records = [
        json.dumps({"t": text, "id": number}).encode()
        for number, text in enumerate(MOMENTS)
    ]

    loader.load(schema(t=MOMENT, id=INTEGER), *records)

    shown = loader.sql("SELECT t::VARCHAR FROM raw.s ORDER BY id")
    assert [text for (text,) in shown] == [*MOMENTS.values()]
    assert loader.rejects() == []


def test_moments_that_no_column_holds_exactly_are_rejects(loader):
    records = [json.dumps({"t": text}).encode() for text in NO_MOMENTS]

    loader.load(schema(t=MOMENT), *records, percent=100)

    assert [reject[1] for reject in loader.rejects()] == NO_MOMENTS
    assert {reject[2] for reject in loader.rejects()} == {
        "not a date and time, or finer than microseconds"
    }


def test_days_of_any_year_are_kept_and_nothing_of_a_moment_is_cut_off(loader):
    kept = ["1582-10-10", "9999-12-31", "10000-01-01", "-0044-03-15", "2024/6/1"]
    bad = ["24-06-01", "infinity", "2024-06-01T00:00:00.0000001Z", "2024-02-30"]
    records = [json.dumps({"d": text}).encode() for text in (*kept, *bad)]

    loader.load(schema(d=DAY), *records, percent=100)

    shown = loader.sql("SELECT d::VARCHAR FROM raw.s ORDER BY d")
    assert [text for (text,) in shown] == [
        "0045-03-15 (BC)",
        "1582-10-10",
        "2024-06-01",
        "9999-12-31",
        "10000-01-01",
    ]
    assert [reject[1] for reject in loader.rejects()] == bad


def test_a_time_of_day_with_another_offset_is_a_reject(loader):
    clock = {"type": "string", "format": "time"}
    texts = ["10:00:00Z", "10:00:00.1234560", "10:00:00+02:00", "10:00:00.1234567"]
    records = [json.dumps({"t": text}).encode() for text in texts]

    loader.load(schema(t=clock), *records, percent=100)

    shown = loader.sql("SELECT t::VARCHAR FROM raw.s ORDER BY t")
    assert shown == [("10:00:00",), ("10:00:00.123456",)]
    assert [reject[1] for reject in loader.rejects()] == texts[2:]


def test_a_pinned_type_holds_and_does_not_widen(loader):
    pinned = {"a": "decimal(18, 2)", "b": "BIGINT", "new": "VARCHAR"}

    loader.load(
        schema(a=NUMBER, b=INTEGER),
        b'{"a": 1.10, "b": 1, "new": 1.10}',
        b'{"a": 1.105}',
        b'{"b": 123456789012345678901}',
        types=pinned,
        percent=100,
    )

    types = loader.types()
    assert (types["a"], types["b"]) == ("DECIMAL(18,2)", "BIGINT")
    assert loader.sql("SELECT a, b, new FROM raw.s") == [(Decimal("1.10"), 1, "1.10")]
    assert [reject[0] for reject in loader.rejects()] == ["a", "b"]


def test_a_pinned_type_widens_a_table_that_has_another(loader):
    loader.load(schema(a=TEXT), b'{"a": "x"}')
    loader.load(schema(a=TEXT), b'{"a": 1.10}', types={"a": "DECIMAL(18,2)"})

    assert loader.column("a") == ["x", "1.10"]


def test_text_in_a_column_that_became_json_is_a_string_on_every_road(loader):
    loader.load(schema(c=ANY, n=INTEGER), b'{"c": {"x": 1}}')

    loader.load(schema(c=TEXT, n=INTEGER), b'{"c": "a"}', b'{"c": 1.10, "n": 1.0}')

    assert sorted(loader.column("c")) == ['"a"', "1.10", '{"x":1}']


@pytest.mark.parametrize("odd", [b"", b', "n": 1.0'])
def test_the_empty_name_keeps_its_digits_too(loader, odd):
    told = schema(**{"": MONEY, "n": INTEGER})

    loader.load(told, b'{"": 12345678901234567.10%s}' % odd)

    assert loader.column("_") == [Decimal("12345678901234567.10")]


@pytest.mark.parametrize(
    "declared",
    [{"multipleOf": 0.25}, {"x-sql-datatype": "DECIMAL(50,2)"}],
)
def test_what_duckdb_has_no_type_for_is_loaded_all_the_same(loader, declared):
    loader.load(schema(n={"type": "number", **declared}), b'{"n": 1.5}')

    assert str(loader.column("n")[0]) == "1.5"


def test_odd_names_are_columns_like_any_other(loader):
    names = ["select", 'a"b', "a.b", "Ünï", "x" * 300, "$ref", "new\nline", "a'b"]
    record = {name: number for number, name in enumerate(names)}

    loader.load(schema(**dict.fromkeys(names, INTEGER)), json.dumps(record).encode())

    assert [loader.column(name.replace('"', '""')) for name in names] == [
        [number] for number in range(len(names))
    ]


def test_missing_null_and_empty_stay_what_they_are(loader):
    loader.load(schema(t=TEXT, j=ANY), b'{"t": ""}', b'{"t": null, "j": {}}', b"{}")

    assert loader.column("t") == ["", None, None]
    assert loader.column("j") == [None, "{}", None]
    assert loader.rejects() == []


def test_a_null_character_survives(loader):
    loader.load(schema(t=TEXT), b'{"t": "a\\u0000b"}')

    assert loader.column("t") == ["a\x00b"]


@pytest.mark.parametrize("record", [b"5", b"[1]", b'"x"', b"null"])
def test_a_record_that_is_no_object_is_a_reject(loader, record):
    loader.load(schema(n=INTEGER), record, b'{"n": 1}')

    assert loader.column("n") == [1]
    assert len(loader.rejects()) == 1


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(values=st.lists(json_values, min_size=1, max_size=20))
def test_for_all_json_values_what_is_loaded_reads_back_equal(loader, values):
    loader.load(
        schema(j=ANY),
        *[json.dumps({"j": value}).encode() for value in values],
        mode="overwrite",
        allow_shrink=True,
    )

    found = loader.column("j")
    assert [None if text is None else json.loads(text) for text in found] == values


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    numbers=st.lists(
        st.decimals(
            allow_nan=False, allow_infinity=False, places=2, min_value=-(10**30)
        ).filter(lambda number: abs(number) < 10**30),
        min_size=1,
        max_size=20,
    )
)
def test_for_all_amounts_every_digit_is_kept(loader, numbers):
    loader.load(
        schema(m=MONEY),
        *[b'{"m": %s}' % str(number).encode() for number in numbers],
        mode="overwrite",
        allow_shrink=True,
    )

    assert loader.column("m") == numbers


def test_names_that_elt_uses_itself_are_columns_like_any_other(loader):
    names = ["_elt_loaded_at", "_elt_run_id", "_ELT_keep_number_text", "place", "raw"]
    record = json.dumps(dict.fromkeys(names, "mine")).encode()

    for _ in range(2):
        loader.load(schema(**dict.fromkeys(names, TEXT)), record)

    columns = ["_elt_loaded_at_2", "_elt_run_id_2", *names[2:]]
    assert [loader.column(name) for name in columns] == [["mine", "mine"]] * 5


@pytest.mark.parametrize("names", [["a", "A", "A_2"], ["", "_"]])
def test_names_that_clash_mean_the_same_columns_with_every_load(loader, names):
    record = json.dumps({name: number for number, name in enumerate(names)}).encode()

    for _ in range(2):
        loader.load(schema(**dict.fromkeys(names, INTEGER)), record)

    first, second = loader.sql(
        "SELECT * EXCLUDE (_elt_loaded_at, _elt_run_id) FROM raw.s"
    )
    assert first == second
    assert sorted(first) == list(range(len(names)))


def test_a_table_of_somebody_else_gets_types_that_hold_every_value(loader):
    loader.load(schema(n=INTEGER), b'{"n": 1}')
    loader.sql(
        "CREATE OR REPLACE TABLE raw.s AS"
        " SELECT 1::INTEGER AS n, 0.5::FLOAT AS f, uuid() AS u, [1] AS l"
    )

    loader.load(
        schema(n=INTEGER, f=NUMBER, u=TEXT, l=ANY),
        b'{"n": 3000000000, "f": 0.1, "u": "no uuid", "l": {"x": 1}}',
        b'{"n": 1.5}',
    )

    assert loader.sql("SELECT n, f, u, l FROM raw.s ORDER BY n DESC LIMIT 1") == [
        (3000000000, 0.1, "no uuid", '{"x":1}')
    ]
    assert loader.rejects()[0][:2] == ("n", "1.5")


def test_a_record_nested_too_deeply_is_named(loader):
    record = b'{"j": ' + b"[" * 5000 + b"]" * 5000 + b"}"

    with pytest.raises(EltError, match="not a Singer message"):
        loader.load(schema(j=ANY), record)


VALUES = {
    "BIGINT": (INTEGER, "9007199254740993"),
    "HUGEINT": ({"type": "integer", "maximum": 2**70}, str(2**100)),
    "DOUBLE": (NUMBER, "0.1"),
    "DECIMAL(18,2)": (MONEY, "9007199254740993.07"),
    "DECIMAL(18,4)": ({"type": "number", "multipleOf": 1e-4}, "123456789012.0001"),
    "BOOLEAN": ({"type": "boolean"}, "true"),
    "DATE": (DAY, "2024-06-01"),
    "TIME": ({"type": "string", "format": "time"}, "10:00:00.5"),
    "TIMESTAMPTZ": (MOMENT, "2024-06-01 10:00:00.5+00"),
    "VARCHAR": (TEXT, "a b"),
    "JSON": (ANY, '{"a":1.10}'),
}
QUOTED = ("DATE", "TIME", "TIMESTAMPTZ", "VARCHAR")


@pytest.mark.parametrize("old", VALUES)
def test_whatever_columns_become_their_old_value_reads_back_equal(loader, old):
    become(loader, old, VALUES)


@pytest.mark.slow
@pytest.mark.parametrize("new", VALUES)
@pytest.mark.parametrize("old", VALUES)
def test_whatever_one_column_becomes_its_old_value_reads_back_equal(loader, old, new):
    become(loader, old, [new])


def become(loader, old, new):
    """Load columns of one type, then of as many others; look for the first row."""
    for types in (dict.fromkeys(new, old), {type_: type_ for type_ in new}):
        declared = {name: VALUES[type_][0] for name, type_ in types.items()}
        values = [f"{json.dumps(name)}: {written(t)}" for name, t in types.items()]
        loader.load(schema(**declared), f"{{{', '.join(values)}}}".encode())

    for name in new:
        text = f"""trim("{name}"::VARCHAR, '"')"""  # quotes in JSON, but of numbers
        kept = loader.sql(f"SELECT TRY_CAST({text} AS {old})::VARCHAR FROM raw.s")

        assert (VALUES[old][1],) in kept, name
        assert len(kept) == 2


def written(type_):
    text = VALUES[type_][1]
    return json.dumps(text) if type_ in QUOTED else text
