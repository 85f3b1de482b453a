from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from elt import stream
from elt.project.stream_settings import StreamTable
from elt.singer.catalog import select


@pytest.fixture
def tap(tmp_path):
    """Run the tap of a plugin file; give its messages and the finished process."""

    def run(code: str, *flags: str, config=None, state=None, catalog=None):
        path = tmp_path / "shop.py"
        path.write_text("from elt import stream\n" + textwrap.dedent(code))
        arguments = [*flags]
        for name, value in (("config", config), ("state", state), ("catalog", catalog)):
            if value is not None:
                file = tmp_path / f"{name}.json"
                file.write_text(json.dumps(value))
                arguments += [f"--{name}", str(file)]
        done = subprocess.run(
            [sys.executable, "-P", "-m", "elt.taps.functions", str(path), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        if "--discover" in flags and done.returncode == 0:
            return json.loads(done.stdout), done
        return [json.loads(line) for line in done.stdout.splitlines()], done

    return run


def kinds(messages) -> str:
    return " ".join(message["type"] for message in messages)


def records(messages) -> list[dict]:
    return [m["record"] for m in messages if m["type"] == "RECORD"]


TICKETS = """
@stream(key="id", cursor="updated_at")
def tickets(config, since):
    for ticket in config["tickets"]:
        if since is None or ticket["updated_at"] >= since:
            yield ticket
"""


def ticket(number: int, at: str, **more) -> dict:
    return {"id": number, "updated_at": at, **more}


def test_records_are_written_between_their_schema_and_their_bookmark(tap):
    tickets = [ticket(1, "2026-01-02T00:00:00Z"), ticket(2, "2026-01-01T00:00:00Z")]

    messages, done = tap(TICKETS, config={"tickets": tickets})

    assert done.returncode == 0
    assert kinds(messages) == "SCHEMA RECORD RECORD STATE"
    assert messages[0] == {
        "type": "SCHEMA",
        "stream": "tickets",
        "schema": {
            "type": "object",
            "properties": {
                "id": {"type": ["null", "integer"]},
                "updated_at": {"type": ["null", "string"], "format": "date-time"},
            },
        },
        "key_properties": ["id"],
        "bookmark_properties": ["updated_at"],
    }
    assert records(messages) == tickets
    assert messages[-1]["value"]["bookmarks"]["tickets"] == {
        "replication_key": "updated_at",
        "replication_key_value": "2026-01-02T00:00:00Z",
    }


def test_the_bookmark_is_handed_back_and_never_goes_back(tap):
    since = {"replication_key": "updated_at", "replication_key_value": "2026-05-01"}
    state = {"bookmarks": {"tickets": since, "other": {"kept": True}}, "more": 1}
    code = """
    @stream(cursor="updated_at")
    def tickets(since):
        yield {"updated_at": "2026-04-01", "since": since}
    """

    messages, _ = tap(code, state=state)

    assert records(messages)[0]["since"] == "2026-05-01"
    assert messages[-1]["value"] == state


def test_a_bookmark_of_another_cursor_does_not_count(tap):
    old = {"replication_key": "created_at", "replication_key_value": "2026-05-01"}

    messages, _ = tap(
        TICKETS,
        config={"tickets": [ticket(1, "2026-01-01")]},
        state={"bookmarks": {"tickets": old}},
    )

    assert messages[-1]["value"]["bookmarks"]["tickets"] == {
        "replication_key": "updated_at",
        "replication_key_value": "2026-01-01",
    }


def test_moments_are_compared_by_time_and_not_by_their_text(tap):
    times = [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.5Z",
        "2026-01-01T01:00:00+02:00",
    ]

    messages, _ = tap(TICKETS, config={"tickets": [ticket(1, at) for at in times]})

    bookmark = messages[-1]["value"]["bookmarks"]["tickets"]
    assert bookmark["replication_key_value"] == "2026-01-01T00:00:00.5Z"


def test_a_number_written_as_text_is_no_date_where_it_could_be_one(tap):
    numbers = ["20261129", "20261130", "20261131"]

    messages, _ = tap(TICKETS, config={"tickets": [ticket(1, at) for at in numbers]})

    bookmark = messages[-1]["value"]["bookmarks"]["tickets"]
    assert bookmark["replication_key_value"] == "20261131"


def test_without_a_cursor_the_whole_table_is_read(tap):
    code = """
    @stream
    def plans():
        return [{"name": "free"}, {"name": "pro"}]
    """

    catalog, _ = tap(code, "--discover")
    messages, _ = tap(code)

    assert catalog["streams"][0]["replication_method"] == "FULL_TABLE"
    assert kinds(messages) == "SCHEMA RECORD RECORD"
    assert messages[0]["key_properties"] == []


def test_discovery_calls_no_function_and_knows_declared_columns(tap):
    code = """
    @stream(key=["a", "b"], cursor="at", schema={"price": "decimal(18,2)", "a": "text"})
    def prices():
        raise RuntimeError

    @stream(name="other")
    def something(config): ...
    """

    catalog, done = tap(code, "--discover")

    assert done.returncode == 0
    prices, other = catalog["streams"]
    assert prices["key_properties"] == ["a", "b"]
    assert (prices["replication_method"], prices["replication_key"]) == (
        "INCREMENTAL",
        "at",
    )
    assert prices["schema"]["properties"] == {
        "price": {"type": ["null", "number"], "multipleOf": 0.01},
        "a": {"type": ["null", "string"]},
    }
    assert other["tap_stream_id"] == "other"


def test_python_values_are_written_exactly(tap):
    code = """
    from datetime import date, datetime, time, timezone
    from decimal import Decimal
    from uuid import UUID

    @stream
    def values():
        yield {
            "exact": Decimal("1.10"),
            "tiny": Decimal("1E-10"),
            "naive": datetime(2026, 1, 2, 3, 4, 5, 678),
            "aware": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
            "day": date(2026, 1, 2),
            "clock": time(3, 4, 5),
            "uuid": UUID(int=1),
            "bytes": b"ab",
            "wide": 2**64,
            "wider": 2**130,
            "nan": float("nan"),
            "decimal_nan": Decimal("NaN"),
            "list": [1, {"a": Decimal("2.50")}],
        }
    """

    messages, done = tap(code)

    line = done.stdout.splitlines()[1]
    for text in (
        '"exact":1.10,',
        '"tiny":1E-10,',
        '"naive":"2026-01-02T03:04:05.000678"',
        '"aware":"2026-01-02T03:04:05Z"',
        '"day":"2026-01-02"',
        '"clock":"03:04:05"',
        '"uuid":"00000000-0000-0000-0000-000000000001"',
        '"bytes":"YWI="',
        '"wide":18446744073709551616,',
        '"nan":null,',
        '"list":[1,{"a":2.50}]',
    ):
        assert text in line
    assert "decimal_nan" not in line
    properties = messages[0]["schema"]["properties"]
    assert properties["exact"] == {"type": ["null", "number"], "multipleOf": 0.01}
    assert properties["tiny"]["multipleOf"] == 1e-10
    assert properties["naive"]["format"] == "date-time"
    assert properties["day"]["format"] == "date"
    assert properties["wide"]["maximum"] == 2**127 - 1
    assert properties["wider"] == {"type": ["null", "string"]}


def test_a_later_column_or_a_wider_value_writes_a_new_schema_first(tap):
    code = """
    @stream
    def things():
        yield [{"a": 1}] * 1000
        yield [{"a": 2.5, "b": "x"}] * 1000
        yield [{"a": 3, "b": None}] * 1000
    """

    messages, _ = tap(code)

    schemas = [
        (i, m["schema"]["properties"])
        for i, m in enumerate(messages)
        if m["type"] == "SCHEMA"
    ]
    assert schemas == [
        (0, {"a": {"type": ["null", "integer"]}}),
        (
            1001,
            {"a": {"type": ["null", "number"]}, "b": {"type": ["null", "string"]}},
        ),
    ]


def test_a_column_of_nulls_waits_for_its_first_value(tap):
    code = """
    @stream
    def things():
        yield [{"a": None, "b": None}] * 1000
        yield [{"a": 1, "b": None}]
    """

    messages, _ = tap(code)

    assert messages[0]["schema"]["properties"] == {}
    assert messages[1]["record"] == {}
    assert messages[1001]["schema"]["properties"] == {
        "a": {"type": ["null", "integer"]}
    }
    assert messages[-1]["schema"]["properties"]["b"] == {"type": ["null", "string"]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("[1, True]", "string"),
        ("['2026-01-01', '2026-01-01 10:00:00']", "date-time"),
        ("['2026-01-01', 'soon']", "string"),
        ("['2026-02-30']", "string"),
        ("['12:30:00']", "string"),
        ("['2026-01-01T00:00:00.123456789Z']", "string"),
        ("[1, 2.5]", "number"),
        ("[{'a': 1}, 'text']", "json"),
        ("[[1], {}]", "json"),
        ("[2**63, 1]", "wide"),
    ],
)
def test_kinds_that_meet_in_a_column_widen(tap, values, expected):
    code = f"""
    @stream
    def things():
        yield [{{"a": value}} for value in {values}]
    """

    messages, _ = tap(code)

    found = messages[0]["schema"]["properties"]["a"]
    told = found.get("format") or found["type"][1]
    if "maximum" in found:
        told = "wide"
    assert told == ("object" if expected == "json" else expected)
    assert (len(found["type"]) > 2) == (expected == "json")


def test_declared_columns_are_never_widened(tap):
    code = """
    @stream(schema={"properties": {"a": {"type": "integer", "description": "A"}}})
    def things():
        yield {"a": "text", "b": 1}
    """

    messages, _ = tap(code)

    assert messages[0]["schema"]["properties"] == {
        "a": {"type": "integer", "description": "A"},
        "b": {"type": ["null", "integer"]},
    }


def test_an_exception_keeps_the_records_before_it_and_writes_no_state(tap):
    code = """
    @stream(cursor="n")
    def things():
        yield {"n": 1}
        raise ValueError("the API said no")
    """

    messages, done = tap(code)

    assert done.returncode == 1
    assert kinds(messages) == "SCHEMA RECORD"
    assert done.stderr.rstrip().endswith("ValueError: the API said no")
    assert "shop.py" in done.stderr


def test_a_sorted_stream_can_be_resumed_where_it_failed(tap):
    code = """
    @stream(cursor="n", sorted=True)
    def things(since):
        for n in range(since or 0, 2500):
            yield {"n": n}
        raise ValueError
    """

    messages, done = tap(code)

    assert done.returncode == 1
    states = [m["value"]["bookmarks"]["things"] for m in messages if "value" in m]
    assert [state["replication_key_value"] for state in states] == [999, 1999, 2499]
    assert messages[1001]["type"] == "STATE"
    assert len(records(messages)) == 2500


def test_a_sorted_stream_out_of_order_is_an_error(tap):
    code = """
    @stream(cursor="n", sorted=True)
    def things(since):
        yield [{"n": 2}, {"n": 1}]
    """

    messages, done = tap(code)

    assert done.returncode == 1
    assert "1 came after 2" in done.stderr
    assert "STATE" not in kinds(messages)


def test_rows_that_the_bookmark_covers_may_come_again_in_a_sorted_stream(tap):
    state = {
        "bookmarks": {"things": {"replication_key": "n", "replication_key_value": 5}}
    }
    code = """
    @stream(cursor="n", sorted=True)
    def things(since):
        yield [{"n": since - 1}, {"n": since}, {"n": since + 1}]
    """

    messages, done = tap(code, state=state)

    assert done.returncode == 0
    assert messages[-1]["value"]["bookmarks"]["things"]["replication_key_value"] == 6


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1", "there is no @stream function"),
        ("@stream\ndef a(since): ...", "has no `cursor`"),
        ("@stream\ndef a(config, token): ...", "asks for `token`"),
        ("@stream(sorted=True)\ndef a(): ...", "is `sorted` but has no `cursor`"),
        ("@stream(schema={'a': 'money'})\ndef a(): ...", "`money` is no type"),
        ("@stream\ndef a(): ...\n@stream(name='a')\ndef b(): ...", "two streams"),
        ("@stream\ndef a(): yield 1", "gave a int"),
        ("@stream\ndef a(): yield {'x': object()}", "`x`: a object cannot"),
        ("@stream(cursor='at')\ndef a(): yield {'b': 1}", "no record"),
        ("@stream(cursor='b')\ndef a(): yield [{'b': 1}, {'b': 'x'}]", "compared"),
    ],
)
def test_mistakes_are_told(tap, code, said):
    _, done = tap(code)

    assert done.returncode in (1, 2)
    assert said in done.stderr


def test_what_a_plugin_prints_goes_to_stderr(tap):
    code = """
    print("imported")

    @stream
    def things():
        print("reading")
        yield {"a": 1}
    """

    messages, done = tap(code)

    assert kinds(messages) == "SCHEMA RECORD"
    assert "imported" in done.stderr
    assert "reading" in done.stderr


def test_half_a_surrogate_pair_does_not_stop_the_page(tap):
    code = """
    @stream
    def things():
        yield [{"a": "\\ud800"}, {"a": "fine"}]
    """

    _, done = tap(code)

    assert r'"a": "\ud800"' in done.stdout
    assert '"a": "fine"' in done.stdout


def test_the_catalog_chooses_streams_and_columns(tap):
    code = """
    @stream(key="id")
    def users():
        yield {"id": 1, "name": "ann", "email": "a@example.com"}

    @stream
    def plans():
        raise RuntimeError
    """
    catalog, _ = tap(code, "--discover")

    messages, done = tap(code, catalog=select(catalog, ["users", "!*.email"], {}))

    assert done.returncode == 0
    assert records(messages) == [{"id": 1, "name": "ann"}]
    assert list(messages[0]["schema"]["properties"]) == ["id", "name"]


def test_named_columns_of_a_stream_come_with_its_key(tap):
    code = """
    @stream(key="id", schema={"id": "integer"})
    def users():
        yield {"id": 1, "name": "ann", "email": "a@example.com"}
    """
    catalog, _ = tap(code, "--discover")

    messages, _ = tap(code, catalog=select(catalog, ["users.name"], {}))

    assert records(messages) == [{"id": 1, "name": "ann"}]


def test_the_catalog_can_ask_for_the_whole_table_and_for_another_key(tap):
    catalog, _ = tap(TICKETS, "--discover")
    table = StreamTable(replication_method="FULL_TABLE", key=["number"])
    since = {"replication_key": "updated_at", "replication_key_value": "2027-01-01"}

    messages, _ = tap(
        TICKETS,
        config={"tickets": [ticket(1, "2026-01-01")]},
        catalog=select(catalog, [], {"tickets": table}),
        state={"bookmarks": {"tickets": since}},
    )

    assert kinds(messages) == "SCHEMA RECORD"
    assert messages[0]["key_properties"] == ["number"]


def test_a_reader_that_goes_away_ends_the_tap_quietly(tmp_path):
    path = tmp_path / "endless.py"
    path.write_text(
        "from elt import stream\n"
        "@stream\n"
        "def things():\n"
        "    while True: yield {'a': 1}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "elt.taps.functions", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(10) == 1


def test_a_stream_can_be_called_and_tried_alone():
    @stream(key="id")
    def numbers(config):
        yield {"id": config["start"]}

    assert list(numbers({"start": 4})) == [{"id": 4}]
    assert list(numbers.read({"start": 5}, None)) == [{"id": 5}]


def test_the_host_imports_no_singer_sdk(tap):
    code = """
    import sys

    @stream
    def modules():
        heavy = {"singer_sdk", "duckdb", "httpx", "dbt"}
        yield {"heavy": sorted(heavy & set(sys.modules))}
    """

    messages, _ = tap(code)

    assert records(messages) == [{"heavy": []}]
