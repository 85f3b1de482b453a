"""Records that do not fit: each kind becomes a reject, and too many fail the stream."""

from __future__ import annotations

import json

import pytest

import elt.targets.reading.readings
from elt.errors import Rejected
from elt.targets.writing.limits import KeyMissing, Limits
from tests.targets.conftest import line, schema, state

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
TYPES = {
    "BIGINT": INTEGER,
    "HUGEINT": {"type": "integer", "maximum": 2**70},
    "DOUBLE": {"type": "number"},
    "DECIMAL(18,2)": {"type": "number", "multipleOf": 0.01},
    "BOOLEAN": {"type": "boolean"},
    "TIMESTAMP WITH TIME ZONE": {"type": "string", "format": "date-time"},
    "DATE": {"type": "string", "format": "date"},
    "TIME": {"type": "string", "format": "time"},
}
ROWS = schema(key=["id"], id=INTEGER, n=INTEGER)


@pytest.mark.parametrize(
    ("type_", "good", "bad", "reason"),
    [
        ("BIGINT", "7", "1.5", "not an integer"),
        ("BIGINT", "7", '"seven"', "not an integer"),
        ("BIGINT", "7", "true", "not an integer"),
        ("BIGINT", "7", '{"a":1}', "not an integer"),
        ("BIGINT", "7", "[7]", "not an integer"),
        ("HUGEINT", "7", "1.5", "not an integer"),
        ("DOUBLE", "7", '"much"', "not a number"),
        ("DOUBLE", "7", "true", "not a number"),
        ("DOUBLE", "7", '"1_000"', "not a number"),
        (
            "DECIMAL(18,2)",
            "7",
            "0.125",
            "not a number that DECIMAL(18,2) holds without rounding",
        ),
        ("BOOLEAN", "true", "1", "not true or false"),
        ("BOOLEAN", "true", '"yes"', "not true or false"),
        ("TIMESTAMP WITH TIME ZONE", '"2024-05-01"', '"soon"', "not a date and time"),
        (
            "TIMESTAMP WITH TIME ZONE",
            '"2024-05-01"',
            '"2024-02-30T00:00:00Z"',
            "not a date and time",
        ),
        ("DATE", '"2024-05-01"', '"2024-02-30"', "not a date"),
        ("DATE", '"2024-05-01"', '"infinity"', "not a date"),
        (
            "TIME",
            '"08:00:00"',
            '"08:00:00+02:00"',
            "not a time of day without an offset",
        ),
    ],
)
def test_a_value_of_a_wrong_type_sets_its_record_aside(
    loader, type_, good, bad, reason
):
    record = b'{"id": 2,  "v": %s, "more": [1.10]}' % bad.encode()
    others = [b'{"id": 1, "v": %s}' % good.encode(), b'{"id": 3}']

    loader.load(
        schema(id=INTEGER, v=TYPES[type_]),
        others[0],
        record,
        others[1],
        state({"n": 3}),
    )

    assert loader.types()["v"] == type_
    assert loader.column("id") == [1, 3]
    ((column, value, why, raw),) = loader.rejects()
    assert column == "v"
    assert why.startswith(reason)
    assert value in (bad, bad.strip('"'))
    assert raw == record.decode()
    assert loader.state() == {"n": 3}


@pytest.mark.parametrize(
    ("record", "column", "reason"),
    [
        (b'{"n": 2}', "id", "the key is missing or null"),
        (b'{"id": null, "n": 2}', "id", "the key is missing or null"),
        (b"[1, 2]", None, "not a JSON object"),
        (b'"text"', None, "not a JSON object"),
        (b"7", None, "not a JSON object"),
        (b'{"id": 2, "n": 2, "n": 3}', None, "the same key twice"),
        (b'{"id": 2, "n": 2, "id": 2}', None, "the same key twice"),
    ],
)
def test_a_record_that_is_bad_as_a_whole_is_set_aside(loader, record, column, reason):
    good = [b'{"id": 1, "n": 1}', b'{"id": 3, "n": 3}']

    loader.load(ROWS, good[0], record, good[1], mode="upsert", key=["id"])

    assert loader.column("id") == [1, 3]
    ((found, value, why, raw),) = loader.rejects()
    assert (found, value, why, raw) == (column, None, reason, record.decode())


def test_a_line_that_is_not_json_is_set_aside_as_it_came(loader, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"id": 1}\n\n{"id": 2\nnonsense\n{"id": 4}\n')
    batch = {
        "type": "BATCH",
        "stream": "s",
        "encoding": {"format": "jsonl"},
        "manifest": [str(path)],
    }

    loader.load(ROWS, batch, mode="upsert", key=["id"])

    assert loader.column("id") == [1, 4]
    rejects = [(why, raw) for _, _, why, raw in loader.rejects()]
    assert rejects == [("not JSON", '{"id": 2'), ("not JSON", "nonsense")]


def test_a_reject_says_where_it_came_from(loader):
    loader.load(ROWS, b'{"id": 1, "n": "x"}', b'{"id": 2}', run="r7")

    rows = loader.sql("SELECT run_id, environment, tap, stream FROM _elt.rejects")
    assert rows == [("r7", "default", "t", "s")]
    assert loader.sql("SELECT rows, rejects FROM _elt.loads") == [(1, 1)]


def test_a_record_with_several_faults_is_one_reject(loader):
    loader.load(ROWS, b'{"n": "x", "m": 1}', mode="upsert", key=["id"])

    assert len(loader.rejects()) == 1


@pytest.mark.parametrize(
    ("rejects", "records", "limit"),
    [
        (10, 10, None),
        (10, 1_000, None),
        (11, 1_000, "`reject_percent = 1`"),
        (11, 1_100, None),
        (1_000, 100_000, None),
        (1_001, 1_000_000, "`reject_limit = 1000`"),
    ],
)
def test_the_limits_are_a_number_and_a_share_of_at_least_a_thousand_records(
    rejects, records, limit
):
    assert Limits().exceeded(rejects, records) == limit


def test_ten_bad_records_never_fail_a_small_load(loader):
    streams = loader.load(ROWS, *(b'{"id": "x"}' for _ in range(10)))

    assert streams["s"].error is None
    assert len(loader.rejects()) == 10


def test_one_bad_record_in_a_hundred_is_too_many(loader):
    bad = [
        *(b'{"id": 1, "n": "none"}' for _ in range(7)),
        *(b'{"id": "x%d"}' % number for number in range(3)),
        b'{"id": 2, "n": 2, "n": 2}',
    ]
    good = [b'{"id": %d}' % number for number in range(900)]

    streams = loader.load(ROWS, *good, *bad, state({"n": 1}))

    error = streams["s"].error
    assert isinstance(error, Rejected)
    assert str(error) == (
        "stream `s` has 11 rejects among 911 records, more than"
        " `reject_percent = 1` allows\n"
        "  7 x not an integer in column `n`, for example `none`;"
        " 3 x not an integer in column `id`, for example `x0`;"
        " 1 x the same key twice\n"
        "hint: Correct the source, or pin the columns with `types`, or raise"
        " `reject_percent`"
    )
    assert loader.state() is None
    assert loader.sql(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name='raw'"
    ) == [(0,)]


def test_rejects_count_over_all_commits_of_a_run(loader):
    loading = loader.start(load={"commit_bytes": 1}, limit=3)
    good, bad = b'{"id": 1}', b'{"id": "x"}'

    loading.feed([line(m) for m in (ROWS, good, bad, bad, state({"n": 1}))])
    loading.feed([line(m) for m in (good, bad, bad, state({"n": 2}))])
    with pytest.raises(Rejected, match="has 4 rejects among 6 records"):
        loading.finish()
    loading.abandon()

    assert len(loader.rejects()) == 2
    assert loader.state() == {"n": 1}


def test_a_share_is_of_all_records_so_far(loader):
    loading = loader.start(load={"commit_bytes": 1})
    good = [b'{"id": %d}' % number for number in range(2_000)]
    bad = [b'{"id": "x"}' for _ in range(15)]

    loading.feed([line(m) for m in (ROWS, *good, state({"n": 1}))])
    loading.feed([line(m) for m in (*bad, state({"n": 2}))])
    loading.finish()

    assert loading.streams["s"].rejects == 15
    assert loader.state() == {"n": 2}


def test_quarantined_records_count_as_rejects_do(loader):
    loader.load(ROWS, b'{"id": 1}')
    many = [b'{"id": %d, "new": 1}' % number for number in range(20)]

    streams = loader.load(ROWS, *many, policy="quarantine", run="r2")

    assert "20 x the table has no such column in column `new`" in str(
        streams["s"].error
    )


def test_a_missing_key_is_told_apart_where_it_is_most_of_the_trouble(loader):
    streams = loader.load(ROWS, b'{"n": 1}', mode="upsert", key=["id"], limit=0)

    assert isinstance(streams["s"].error, KeyMissing)


def test_a_long_value_is_cut_in_the_message_and_whole_in_the_reject(loader):
    loader.load(ROWS, json.dumps({"id": "x" * 500}).encode())
    streams = loader.load(ROWS, json.dumps({"id": "x" * 500}).encode(), limit=0)

    assert loader.rejects()[0][1] == "x" * 500
    assert f"`{'x' * 80}...`" in str(streams["s"].error)


def test_one_bad_row_costs_its_part_one_careful_pass_and_others_none(loader):
    loading = loader.start(load={"commit_bytes": 1_000_000})
    read, passes = elt.targets.reading.readings.read_texts, []

    def counted(cursor, road, columns, **about):
        passes.append(road.path.name)
        return read(cursor, road, columns, **about)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elt.targets.reading.readings, "read_texts", counted)
        loading.feed([line(ROWS)])
        for start in range(0, 200_000, 20_000):
            numbers = range(start, start + 20_000)
            records = [b'{"id": %d, "n": 1}' % number for number in numbers]
            if start == 100_000:
                records[7] = b'{"id": 100007, "n": "x"}'
            loading.feed([line(m) for m in (*records, state({"n": start}))])
        loading.finish()

    assert len(passes) == 1
    assert loading.streams["s"].rows == 199_999
    assert loader.sql("SELECT count(*) FROM raw.s") == [(199_999,)]
    assert loader.rejects() == [
        ("n", "x", "not an integer", '{"id": 100007, "n": "x"}')
    ]


@pytest.mark.parametrize("rows", [2_000, 24_000])  # few and many for one statement
def test_as_many_bad_rows_as_good_ones_are_told_apart(loader, rows):
    records = [b'{"id": %s}' % (b'"x"' if n % 2 else b"%d" % n) for n in range(rows)]

    loader.load(ROWS, *records, limit=rows, percent=100)

    assert loader.sql("SELECT count(*), min(id), max(id) FROM raw.s") == [
        (rows // 2, 0, rows - 2)
    ]
    assert loader.sql("SELECT count(*) FROM _elt.rejects") == [(rows // 2,)]
