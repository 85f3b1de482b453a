from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote, urlparse

import duckdb
import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from elt.errors import EltError
from elt.project.stream_settings import StreamTable
from elt.singer.catalog import select
from elt.taps.files import batches
from elt.taps.files.tap import FilesTap

SHOP = Path(__file__).parent / "shop"

TestFilesTap = get_tap_test_class(
    FilesTap,
    config={
        "streams": [
            {"name": "orders", "path": str(SHOP / "orders.csv"), "key": "id"},
            {"name": "events", "path": str(SHOP / "events.jsonl")},
        ]
    },
    suite_config=SuiteConfig(max_records_limit=10),
)


def manifest(batch) -> list[str]:
    return [Path(unquote(urlparse(uri).path)).name for uri in batch["manifest"]]


def content(batch) -> str:
    return "".join(
        Path(unquote(urlparse(uri).path)).read_text() for uri in batch["manifest"]
    )


def flags(batch) -> list[tuple[str, bool]]:
    return [
        (file["constants"]["_file"], file["replace"]) for file in batch["elt"]["files"]
    ]


# Records, for any target


def test_csv_rows_are_written_with_their_types(files):
    files.write(
        "a.csv",
        "id,zip,price,f,ok,at,note\r\n"
        '1,007,9.90,1.5,true,2026-01-01 10:00:00,"a\r\nb"\r\n'
        '2,123,10,0.25,FALSE,,""\r\n',
    )

    assert files.sync(path="a.csv").rows == [
        {
            "id": 1,
            "zip": "007",
            "price": 9.90,
            "f": 1.5,
            "ok": True,
            "at": "2026-01-01 10:00:00",
            "note": "a\r\nb",
        },
        {
            "id": 2,
            "zip": "123",
            "price": 10,
            "f": 0.25,
            "ok": False,
            "at": None,
            "note": "",
        },
    ]


def test_numbers_keep_their_text(files):
    files.write("a.jsonl", '{"n":1.10,"o":{"x":[0.1234567890123456789,2.50]}}\n')
    tap = files.tap({"path": "a.jsonl"})
    files.capsys.readouterr()

    tap.sync_all()

    assert '{"n":1.10,"o":{"x":[0.1234567890123456789,2.50]},' in (
        files.capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("content", "table", "rows"),
    [
        ("\ufeffid,a\n1,x\n", {}, [{"id": 1, "a": "x"}]),
        ("id,a\n1,x", {}, [{"id": 1, "a": "x"}]),
        ("id,a\n", {}, []),
        ("", {}, []),
        ("1,x\n", {"header": False}, [{"column1": 1, "column2": "x"}]),
        ("id,id\n1,2\n", {}, [{"id": 1, "id_1": 2}]),
        ("# x\nid,a\n1,x\n", {"skip_rows": 1}, [{"id": 1, "a": "x"}]),
        ("id,a\n1,-\n", {"null_values": ["-"]}, [{"id": 1, "a": None}]),
        (r"id,a" + '\n1,"x\\"y"\n', {}, [{"id": 1, "a": 'x"y'}]),
        ("id;a\n1;x,y\n", {}, [{"id": 1, "a": "x,y"}]),
    ],
)
def test_odd_csv_files_are_read(files, content, table, rows):
    files.write("a.csv", content)

    assert files.sync(path="a.csv", **table).rows == rows


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_other_encodings_are_read(files, encoding):
    files.write("a.csv", "id,stadt\n1,Köln\n".encode(encoding))

    synced = files.sync(path="a.csv", encoding=encoding)

    assert synced.rows == [{"id": 1, "stadt": "Köln"}]


def test_a_byte_order_mark_in_json_lines_is_read(files):
    files.write("a.jsonl", '\ufeff{"a":1}\n{"a":2}')

    assert files.sync(path="a.jsonl").rows == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.csv.gz", "a.csv.zst"])
def test_compressed_files_are_read(files, name):
    plain = "a.csv" if "csv" in name else "a.jsonl"
    kind = "FORMAT csv" if "csv" in name else "FORMAT json"
    if name.endswith("zst"):
        duckdb.connect().sql(
            f"COPY (SELECT 1 id, 'ö' a) TO '{name}' ({kind}, COMPRESSION zstd)"
        )
    else:
        duckdb.connect().sql(f"COPY (SELECT 1 id, 'ö' a) TO '{plain}' ({kind})")
        files.write(name, gzip.compress(Path(plain).read_bytes()))

    assert files.sync(path=name).rows == [{"id": 1, "a": "ö"}]


def test_parquet_rows_are_read(files):
    duckdb.connect().sql(
        "COPY (SELECT 1 AS i, 9.90::DECIMAL(9,2) AS m, DATE '2026-01-02' AS d,"
        " [1.5] AS l, 'x'::BLOB AS b, NULL AS n) TO 'a.parquet'"
    )

    assert files.sync(path="a.parquet").rows == [
        {"i": 1, "m": 9.90, "d": "2026-01-02", "l": [1.5], "b": "eA==", "n": None}
    ]


def test_a_value_that_is_not_of_its_type_stays_text(files):
    files.write("a.csv", "id,b,n\nx,maybe,1_000\n")

    synced = files.sync(
        path="a.csv", columns={"id": "integer", "b": "boolean", "n": "number"}
    )

    assert synced.rows == [{"id": "x", "b": "maybe", "n": "1_000"}]


def test_ragged_rows_are_an_error_after_the_good_ones(files):
    files.write("a.csv", "id,name\n1,a\n2\n3,b,c\n4,d\n")
    tap = files.tap({"path": "a.csv"})
    files.capsys.readouterr()

    with pytest.raises(EltError) as caught:
        tap.sync_all()

    assert caught.value.what == ("2 rows do not fit the header; the first is line 3: 2")
    lines = [json.loads(line) for line in files.capsys.readouterr().out.splitlines()]
    assert [m["record"]["id"] for m in lines if "record" in m] == [1, 4]
    assert not any(m["type"] == "STATE" for m in lines)


def test_a_broken_json_line_is_an_error_that_names_it(files):
    files.write("a.jsonl", '{"a":1}\n\nbroken\n')

    with pytest.raises(EltError, match="line 3 is not a JSON object"):
        files.sync(path="a.jsonl")


# What is new


def test_a_second_run_reads_nothing(files):
    files.write("a.csv", "id\n1\n")
    first = files.sync(path="a.csv")

    second = files.sync(first.state, path="a.csv")

    assert second.records == []
    assert second.state == first.state


def test_new_files_are_read_and_old_ones_are_not(files):
    files.write("d/1.csv", "id\n1\n")
    first = files.sync(path="d/*.csv")
    files.write("d/0.csv", "id\n2\n")

    second = files.sync(first.state, path="d/*.csv")

    assert second.records == [{"id": 2, "_file": "d/0.csv"}]


def test_a_touched_file_is_not_read_again(files):
    path = files.write("a.csv", "id\n1\n")
    first = files.sync(path="a.csv")
    os.utime(path, ns=(1, 1))

    second = files.sync(first.state, path="a.csv")

    assert second.records == []
    assert second.state["bookmarks"]["s"]["files"]["a.csv"]["mtime_ns"] == 1


def test_new_content_under_the_old_size_and_time_is_found(files):
    path = files.write("a.csv", "id\n1\n")
    before = path.stat()
    first = files.sync(path="a.csv")
    path.write_text("id\n2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    second = files.sync(first.state, path="a.csv")

    assert second.rows == [{"id": 2}]


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("a.jsonl", '{"id":1}\n', '{"id":2}\n', [2]),
        ("a.csv", "id,t\n1,x\n", "2,y\n", [2]),
        ("a.csv", 'id,t\n1,"a\nb"\n', '2,"c\nd"\n', [2]),
        ("a.csv", "id,t\n", "1,x\n", [1]),
    ],
)
def test_of_a_file_that_grew_only_the_end_is_read(files, name, old, new, expected):
    path = files.write(name, old)
    first = files.sync(path=name)
    with path.open("a") as file:
        file.write(new)

    second = files.sync(first.state, path=name)
    third = files.sync(second.state, path=name)

    assert [row["id"] for row in second.rows] == expected
    assert third.rows == []


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("a.jsonl", '{"id":1}\n{"id":2}', '\n{"id":3}\n', [1, 2, 3]),
        ("a.csv", "id,t\n1,x\n2,y", "z\n3,a\n", [1, 2, 3]),
        ("a.csv", "id,t\n1,x\n2", "3,z\n", [1, 23]),
        ("a.csv", 'id,t\n1,x\n2,"a\n', 'b"\n3,y\n', [1, 2, 3]),
        ("a.csv", "", "id,t\n1,x\n", [1]),
    ],
)
def test_a_file_whose_last_row_was_not_whole_is_read_whole_again(
    files, name, old, new, expected
):
    path = files.write(name, old)
    columns = {"id": "integer", "t": "text"}
    first = files.sync(batch=True, path=name, key="id", columns=columns)
    with path.open("a") as file:
        file.write(new)

    second = files.sync(first.state, batch=True, path=name, key="id", columns=columns)
    rows = files.sync(path=name, columns=columns).rows

    [batch] = second.batches
    assert batch["elt"]["temporary"] is False
    assert flags(batch) == [(name, old != "")]
    assert [row["id"] for row in rows] == expected


def test_a_file_that_is_gone_is_noted_once_and_its_return_is_not_news(files):
    path = files.write("d/a.csv", "id\n1\n")
    files.write("d/b.csv", "id\n2\n")
    first = files.sync(path="d")
    aside = path.rename(files.folder / "aside")

    second = files.sync(first.state, path="d")
    aside.rename(path)
    third = files.sync(second.state, path="d")

    known = second.state["bookmarks"]["s"]["files"]
    assert known["d/a.csv"]["missing"] is True
    assert second.rows == third.rows == []
    assert "missing" not in third.state["bookmarks"]["s"]["files"]["d/a.csv"]


# Batches, for a target that reads files


def test_a_batch_names_the_users_own_file(files):
    path = files.write("my data/a.csv", 'id;t\n1;"x"\n')

    synced = files.sync(batch=True, path="my data/*.csv")

    assert synced.kinds == "SCHEMA BATCH STATE"
    seen = path.stat()
    assert synced.batches[0] == {
        "type": "BATCH",
        "stream": "s",
        "encoding": {
            "format": "csv",
            "compression": "none",
            "delimiter": ";",
            "quote": '"',
            "escape": '"',
            "header": True,
            "columns": ["id", "t"],
            "skip_rows": 0,
            "encoding": "utf-8",
            "null_values": [""],
        },
        "manifest": [path.as_uri()],
        "elt": {
            "temporary": False,
            "files": [
                {
                    "size": seen.st_size,
                    "mtime_ns": seen.st_mtime_ns,
                    "constants": {"_file": "my data/a.csv"},
                    "replace": True,
                }
            ],
        },
    }


def test_files_of_one_layout_are_named_together(files):
    files.write("d/1.csv", "id,a\n1,2\n")
    files.write("d/2.csv", "ID,A\n1,2\n")
    files.write("d/3.csv", "a,id\n1,2\n")

    synced = files.sync(batch=True, path="d")

    assert synced.kinds == "SCHEMA BATCH STATE BATCH STATE"
    assert [manifest(batch) for batch in synced.batches] == [
        ["1.csv", "2.csv"],
        ["3.csv"],
    ]
    assert [b["encoding"]["columns"] for b in synced.batches] == [
        ["id", "a"],
        ["a", "id"],
    ]


def test_many_files_come_in_groups_each_with_its_state(files, monkeypatch):
    monkeypatch.setattr(batches, "GROUP_FILES", 2)
    for number in range(5):
        files.write(f"d/{number}.jsonl", "{}\n")

    synced = files.sync(batch=True, path="d")

    assert synced.kinds == "SCHEMA BATCH STATE BATCH STATE BATCH STATE"
    assert [len(batch["manifest"]) for batch in synced.batches] == [2, 2, 1]
    states = [m["value"] for m in synced.messages if m["type"] == "STATE"]
    assert [len(state["bookmarks"]["s"]["files"]) for state in states] == [2, 4, 5]


def test_an_interrupted_run_goes_on_with_the_next_group(files, monkeypatch):
    monkeypatch.setattr(batches, "GROUP_FILES", 2)
    for number in range(3):
        files.write(f"d/{number}.jsonl", "{}\n")
    synced = files.sync(batch=True, path="d")
    first_state = synced.messages[2]["value"]

    again = files.sync(first_state, batch=True, path="d")

    assert [manifest(batch) for batch in again.batches] == [["2.jsonl"]]


@pytest.mark.parametrize(("key", "replaces"), [((), True), (("id",), False)])
def test_a_rewritten_file_replaces_its_rows_unless_they_have_a_key(
    files, key, replaces
):
    files.write("a.jsonl", '{"id":1}\n')
    first = files.sync(batch=True, path="a.jsonl", key=list(key))
    files.write("a.jsonl", '{"id":2}\n')

    second = files.sync(first.state, batch=True, path="a.jsonl", key=list(key))

    assert flags(second.batches[0]) == [("a.jsonl", replaces)]


def test_the_new_end_of_a_file_is_handed_over_as_a_private_copy(files):
    path = files.write("a.csv", "id,t\n1,x\n")
    first = files.sync(batch=True, path="a.csv")
    with path.open("a") as file:
        file.write("2,y\n")

    [batch] = files.sync(first.state, batch=True, path="a.csv").batches

    assert batch["elt"]["temporary"] is True
    assert flags(batch) == [("a.csv", False)]
    assert batch["encoding"]["header"] is False
    assert batch["encoding"]["columns"] == ["id", "t"]
    assert content(batch) == "2,y\n"
    copy = Path(unquote(urlparse(batch["manifest"][0]).path))
    assert copy.parent == files.folder / "tmp"
    assert copy.stat().st_mode & 0o777 == 0o600


def test_latin_1_needs_no_copy_and_other_encodings_do(files):
    files.write("a.csv", "stadt\nKöln\n".encode("latin-1"))
    files.write("b.csv", "stadt\nKöln\n".encode("utf-16"))

    [latin] = files.sync(batch=True, path="a.csv", encoding="latin-1").batches
    [utf_16] = files.sync(batch=True, path="b.csv", encoding="utf-16").batches

    assert latin["encoding"]["encoding"] == "latin-1"
    assert manifest(latin) == ["a.csv"]
    assert utf_16["encoding"]["encoding"] == "utf-8"
    assert utf_16["elt"]["temporary"] is True
    assert content(utf_16) == "stadt\nKöln\n"


def test_an_empty_file_is_remembered_and_not_handed_over(files):
    files.write("d/a.csv", "")
    files.write("d/b.csv", "id\n1\n")

    synced = files.sync(batch=True, path="d")

    assert [manifest(batch) for batch in synced.batches] == [["b.csv"]]
    assert set(synced.state["bookmarks"]["s"]["files"]) == {"d/a.csv", "d/b.csv"}


def test_a_file_written_to_while_it_is_handed_over_is_not_noted(files, monkeypatch):
    path = files.write("a.jsonl", "{}\n")
    original = FilesTap.write_message

    def write_and_append(tap, message):
        original(tap, message)
        if isinstance(message, batches.BatchMessage):
            path.write_text("{}\n{}\n")

    monkeypatch.setattr(FilesTap, "write_message", write_and_append)

    synced = files.sync(batch=True, path="a.jsonl")

    assert len(synced.batches) == 1
    assert synced.state["bookmarks"]["s"]["files"] == {}


def test_deselected_columns_are_named_so_that_nobody_loads_them(files):
    files.write("a.jsonl", '{"id":1,"email":"x"}\n')
    catalog = files.tap({"path": "a.jsonl"}).catalog_dict

    chosen = select(catalog, ["s", "!*.email"], {})
    batch = files.sync(batch=True, catalog=chosen, path="a.jsonl")
    plain = files.sync(catalog=chosen, path="a.jsonl")

    assert list(batch.messages[0]["schema"]["properties"]) == ["_file", "id"]
    assert batch.batches[0]["elt"]["ignore"] == ["email"]
    assert plain.rows == [{"id": 1}]


def test_full_table_reads_all_files_every_time(files):
    files.write("a.jsonl", '{"id":1}\n')
    catalog = files.tap({"path": "a.jsonl"}).catalog_dict
    table = StreamTable(replication_method="FULL_TABLE")
    chosen = select(catalog, [], {"s": table})
    first = files.sync(batch=True, catalog=chosen, path="a.jsonl")

    second = files.sync(first.state, chosen, batch=True, path="a.jsonl")

    assert flags(second.batches[0]) == [("a.jsonl", False)]


def test_the_catalog_says_that_files_are_read_incrementally(files):
    files.write("a.jsonl", '{"id":1}\n')

    [stream] = files.tap({"path": "a.jsonl", "key": "id"}).catalog_dict["streams"]

    assert stream["replication_method"] == "INCREMENTAL"
    assert list(stream["key_properties"]) == ["id"]
    assert "replication_key" not in stream


def test_a_catalog_saves_looking_into_the_files(files):
    files.write("a.csv", "id,t\n1,x\n")
    catalog = files.tap({"path": "a.csv"}).catalog_dict
    catalog["streams"][0]["schema"]["properties"]["id"] = {"type": ["null", "string"]}

    assert files.sync(catalog=catalog, path="a.csv").rows == [{"id": "1", "t": "x"}]


def test_stream_maps_turn_batches_into_records(files):
    files.write("a.jsonl", '{"id":1}\n')
    tap = FilesTap(
        config={
            "streams": {"s": {"path": "a.jsonl"}},
            "batch_config": {"storage": {"root": "tmp"}},
            "stream_maps": {"s": {"double": "id * 2"}},
        }
    )
    files.capsys.readouterr()

    tap.sync_all()

    assert '"double":2' in files.capsys.readouterr().out


def test_two_streams_may_share_a_file(files):
    files.write("a.csv", "id\n1\n")
    table = {"path": "a.csv"}
    tap = FilesTap(config={"streams": [{"name": "x", **table}, {"name": "y", **table}]})
    files.capsys.readouterr()

    tap.sync_all()

    out = [json.loads(line) for line in files.capsys.readouterr().out.splitlines()]
    assert [m["stream"] for m in out if m["type"] == "RECORD"] == ["x", "y"]


def test_any_sequence_of_appends_and_rewrites_ends_with_the_files_rows(files):
    path = files.write("a.jsonl", "")
    rows: dict[str, list] = {"a.jsonl": []}
    state = None
    steps = [
        '{"n":1}',
        "\n",
        '{"n":2}\n{"n":',
        "3}\n",
        "",
        '{"n":4}\n',
        "REWRITE",
        "\n",
    ]

    for step in steps:
        if step == "REWRITE":
            path.write_text('{"n":9}')
        else:
            with path.open("a") as file:
                file.write(step)
        synced = files.sync(state, batch=True, path="a.jsonl")
        state = synced.state
        for batch in synced.batches:
            for name, replaces in flags(batch):
                loaded = [] if replaces else rows[name]
                rows[name] = loaded + content(batch).splitlines()

    assert [line for line in rows["a.jsonl"] if line] == ['{"n":9}']


# As a program


def test_it_runs_alone(files):
    files.write("a.csv", "id,price\n1,9.99\n")
    files.write("config.json", '{"streams": {"s": {"path": "a.csv"}}}')
    alone = [sys.executable, "-P", "-m", "elt.taps.files"]

    about = subprocess.run([*alone, "--about"], capture_output=True, check=True)
    synced = subprocess.run(
        [*alone, "--config", "config.json"], capture_output=True, check=True
    )

    assert b"tap-files" in about.stdout
    line = synced.stdout.splitlines()[1]
    assert json.loads(line, parse_float=Decimal)["record"] == {
        "id": 1,
        "price": Decimal("9.99"),
        "_file": "a.csv",
    }


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"streams": {"s": {"path": "none.csv"}}}, "no file matches `none.csv`"),
        ({"streams": {"s": {"paht": "a.csv"}}}, "paht"),
        ({}, "streams"),
    ],
)
def test_mistakes_are_told_without_a_traceback(files, config, said):
    files.write("config.json", json.dumps(config))

    done = subprocess.run(
        [sys.executable, "-m", "elt.taps.files", "--config", "config.json"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
