from __future__ import annotations

import csv
import hashlib
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest

from elt.errors import ConfigError
from elt.reverse.destination import Added, Changed, Column, Removed, Route
from elt.reverse.destinations.file import FileDestination

COLUMNS = (Column(name="id", type="VARCHAR"), Column(name="score", type="BIGINT"))
ROWS = ['{"id":"a","score":1}', '{"id":"b","score":null}']
CHANGES = [
    Added("a", '{"id":"a","score":1}'),
    Changed("b", '{"id":"b","score":2}', '{"id":"b","score":1}'),
    Removed("c", '{"id":"c","score":3}'),
    Removed("d"),
]


def route(name, *, columns=COLUMNS, run_id="r1"):
    return Route(
        sync="s", run_id=run_id, object=name, key="id", mode="mirror", columns=columns
    )


def write(folder, name, *, rows=ROWS, changes=CHANGES, columns=COLUMNS, **config):
    destination = FileDestination({"path": "out", **config}, folder)
    said = destination.write(route(name, columns=columns), iter(changes), iter(rows))
    return folder / "out", said


def test_json_lines_are_the_payloads_themselves(tmp_path):
    out, said = write(tmp_path, "people.jsonl")

    assert (out / "people.jsonl").read_text() == "\n".join(ROWS) + "\n"
    assert said == "2 rows in people.jsonl"


def test_csv_tells_null_from_an_empty_text(tmp_path):
    columns = (*COLUMNS, Column(name="tags", type="VARCHAR[]"))
    rows = [
        '{"id":"a \\"x\\", é\\n","score":1.5,"tags":["p","q"]}',
        '{"id":"","score":null,"tags":null}',
        '{"id":"c","score":true}',
    ]

    out, _ = write(tmp_path, "people.csv", rows=rows, columns=columns)

    text = (out / "people.csv").read_text()
    assert text == (
        '"id","score","tags"\n"a ""x"", é\n",1.5,"[""p"",""q""]"\n"",,\n"c",true,\n'
    )
    with (out / "people.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 4


def test_parquet_has_the_models_types(tmp_path):
    values = {
        "id": ("VARCHAR", '"\\\\N"'),
        "n": ("HUGEINT", "12345678901234567890"),
        "price": ("DECIMAL(38,9)", "12345678901234567890.123456789"),
        "ok": ("BOOLEAN", "true"),
        "day": ("DATE", '"2025-01-31"'),
        "seen": ("TIMESTAMP WITH TIME ZONE", '"2025-01-31T11:05:00.000000Z"'),
        "raw": ("BLOB", '"YWI="'),
        "none": ('"NULL"', "null"),
        "nested": ("STRUCT(a DECIMAL(4,2))[]", '[{"a":1.1}]'),
        "lines": ("VARCHAR", '"x\\r\\ny, \\"z\\""'),
    }
    columns = tuple(Column(name=n, type=t) for n, (t, _) in values.items())
    row = "{" + ",".join(f'"{n}":{v}' for n, (_, v) in values.items()) + "}"

    out, _ = write(tmp_path, "people.parquet", rows=[row], columns=columns)

    found = (
        duckdb.connect()
        .execute(
            f"SELECT * REPLACE (seen::VARCHAR AS seen) FROM '{out / 'people.parquet'}'"
        )
        .fetchone()
    )
    assert found is not None
    stamp = datetime.fromisoformat(found[5]).astimezone(UTC)
    assert found[:5] == (
        "\\N",
        Decimal(12345678901234567890),
        Decimal("12345678901234567890.123456789"),
        True,
        date(2025, 1, 31),
    )
    assert stamp == datetime(2025, 1, 31, 11, 5, tzinfo=UTC)
    assert found[6:] == (b"ab", None, '[{"a":1.1}]', 'x\r\ny, "z"')
    assert sorted(p.name for p in out.iterdir()) == [
        "people.parquet",
        "people.parquet.manifest.json",
    ]


def test_changes_are_a_file_of_each_run(tmp_path):
    out, said = write(tmp_path, "people.jsonl", content="changes")

    lines = (out / "people.r1.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"_op": "added", "id": "a", "score": 1},
        {"_op": "changed", "id": "b", "score": 2},
        {"_op": "removed", "id": "c", "score": 3},
        {"_op": "removed", "id": "d"},
    ]
    assert said == "4 rows in people.r1.jsonl"


@pytest.mark.parametrize("name", ["people.csv", "people.parquet"])
def test_changes_have_their_operation_in_every_format(tmp_path, name):
    out, _ = write(tmp_path, name, content="changes")

    path = next(p for p in out.iterdir() if p.suffix != ".json")
    found = duckdb.connect().execute(f"SELECT * FROM '{path}' ORDER BY id").fetchall()
    assert found == [
        ("added", "a", 1),
        ("changed", "b", 2),
        ("removed", "c", 3),
        ("removed", "d", None),
    ]


def test_the_manifest_proves_that_the_file_is_whole(tmp_path):
    out, _ = write(tmp_path, "sub/people-{run}.csv", format="jsonl")

    path = out / "sub" / "people-r1.csv"
    manifest = json.loads((out / "sub" / "people-r1.csv.manifest.json").read_text())
    assert manifest == {
        "file": "people-r1.csv",
        "rows": 2,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "sync": "s",
        "run_id": "r1",
        "columns": ["id", "score"],
    }


def breaking():
    yield '{"id":"x","score":9}'
    raise OSError("no space left")


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl", "people.parquet"])
def test_a_file_that_could_not_be_finished_leaves_the_old_one(tmp_path, name):
    out, _ = write(tmp_path, name)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    with pytest.raises(OSError, match="no space"):
        write(tmp_path, name, rows=breaking())

    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_name_outside_the_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="outside the destination's folder"):
        write(tmp_path, "../people.csv")


def test_a_name_that_tells_no_format_is_explained(tmp_path):
    with pytest.raises(ConfigError) as caught:
        write(tmp_path, "people")

    assert "End it in .csv" in (caught.value.hint or "")


def test_a_name_that_cannot_be_written_is_found_before_anything_is_sent(tmp_path):
    destination = FileDestination({"path": "out"}, tmp_path)

    for name in ("people", "../people.csv"):
        with pytest.raises(ConfigError):
            destination.check_route(route(name))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"pth": "out"}, "unknown setting `pth`"),
        ({}, "missing required field `path`"),
        ({"path": "out", "content": "all"}, "Invalid enum value"),
    ],
)
def test_wrong_settings_are_explained(tmp_path, config, message):
    with pytest.raises(ConfigError, match=message):
        FileDestination(config, tmp_path)


def test_a_file_is_local_and_wants_all_rows_only_when_it_is_full(tmp_path):
    full = FileDestination({"path": "out"}, tmp_path).traits
    delta = FileDestination({"path": "out", "content": "changes"}, tmp_path).traits

    assert (full.is_local, full.wants_rows, delta.wants_rows) == (True, True, False)
    assert full.modes == {"upsert", "mirror"}
