from __future__ import annotations

import gzip

import duckdb
import pytest

from elt.errors import ConfigError

INTEGER = {"type": ["null", "integer"]}
NUMBER = {"type": ["null", "number"]}
MONEY = {"type": ["null", "number"], "multipleOf": 0.01}
BOOLEAN = {"type": ["null", "boolean"]}
STRING = {"type": ["null", "string"]}
DATE = {"type": ["null", "string"], "format": "date"}
DATE_TIME = {"type": ["null", "string"], "format": "date-time"}
OBJECT = {"type": ["null", "object"]}
ARRAY = {"type": ["null", "array"]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "-2", "0", ""], INTEGER),
        (["9223372036854775807"], INTEGER),
        (["9223372036854775808"], STRING),
        (["007", "8"], STRING),
        (["+49", "30"], STRING),
        (["-0"], NUMBER),
        (["1_000"], STRING),
        (["9.99", "10", "-0.50"], MONEY),
        (["9.99", "9.9"], NUMBER),
        (["1.5", "2.5"], NUMBER),
        (["1e5", "2.25"], NUMBER),
        (["0.1234567890123456789"], STRING),
        (["12345678901234567.89"], STRING),
        (["1,5"], STRING),
        (["true", "FALSE"], BOOLEAN),
        (["true", "1"], STRING),
        (["2026-01-31"], DATE),
        (["2026-02-30"], STRING),
        (["31.01.2026"], STRING),
        (["2026-01-31", "2026-01-31 10:00:00"], DATE_TIME),
        (["2026-01-31T10:00:00Z", "2026-01-31 10:00:00.5+02:00"], DATE_TIME),
        (["2026-01-31T10:00:00.123456789Z"], STRING),
        (["10:00:00"], STRING),
        (["", ""], STRING),
        (["NaN", "1.5"], STRING),
    ],
)
def test_a_csv_column_gets_a_type_only_if_nothing_is_lost(files, values, expected):
    rows = "".join(
        f'{i},"{value}"\n' if value else f"{i},\n" for i, value in enumerate(values)
    )
    files.write("a.csv", "n,value\n" + rows)

    assert files.schema(path="a.csv") == {"n": INTEGER, "value": expected}


def test_the_whole_sample_counts_and_not_only_its_beginning(files):
    files.write("a.csv", "a,b\n" + "1,9.99\n" * 5000 + "x,9.999\n")

    assert files.schema(path="a.csv") == {"a": STRING, "b": NUMBER}


def test_all_files_of_a_stream_count(files):
    files.write("d/1.csv", "id,a\n1,1\n")
    files.write("d/2.csv", "ID,b\n2,x\n")

    assert files.schema(path="d/*.csv") == {"id": INTEGER, "a": INTEGER, "b": STRING}


@pytest.mark.parametrize(
    ("content", "table", "expected"),
    [
        ("id;name\n1;a,b\n", {}, ["id", "name"]),
        ("id\tname\n1\ta\n", {}, ["id", "name"]),
        ("id|name\n1|a\n", {}, ["id", "name"]),
        ("id,name\n1,a\n2\n3,b,c\n", {}, ["id", "name"]),
        ("only\na\nb\n", {}, ["only"]),
        ("\ufeffid,name\n1,a\n", {}, ["id", "name"]),
        ("id,name\r\n1,a\r\n", {}, ["id", "name"]),
        (' id , "the name" \n1,a\n', {}, ["id", '"the name"']),
        ("id,id,ID\n1,2,3\n", {}, ["id", "id_1", "ID_2"]),
        ("id,,_file\n1,2,3\n", {}, ["id", "column2", "_file_1"]),
        ('id,"a\nb"\n1,2\n', {}, ["id", "a\nb"]),
        ("1,a\n2,b\n", {"header": False}, ["column1", "column2"]),
        ("# note\n\nid,name\n1,a\n", {"skip_rows": 2}, ["id", "name"]),
        ("id~name\n1~a\n", {"delimiter": "~"}, ["id", "name"]),
        ("id,'a,b'\n1,x\n", {"quote": "'"}, ["id", "a,b"]),
        ("id,name\n", {}, ["id", "name"]),
        ("", {}, []),
    ],
)
def test_a_csv_header_is_understood(files, content, table, expected):
    files.write("a.csv", content)

    assert list(files.schema(path="a.csv", **table)) == expected


def test_a_ragged_line_does_not_hide_the_types(files):
    files.write("a.csv", "id,name\n1,a\n2\n3,b,c\n")

    assert files.schema(path="a.csv") == {"id": INTEGER, "name": STRING}


def test_another_encoding_is_an_error_until_it_is_named(files):
    files.write("a.csv", "id,stadt\n1,Köln\n".encode("latin-1"))

    with pytest.raises(ConfigError, match="is not utf-8") as caught:
        files.schema(path="a.csv")

    assert caught.value.where == "a.csv"
    assert list(files.schema(path="a.csv", encoding="latin-1")) == ["id", "stadt"]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_encodings_that_duckdb_does_not_read_are_read_too(files, encoding):
    files.write("a.csv", "id,stadt\n1,Köln\n".encode(encoding))

    assert files.schema(path="a.csv", encoding=encoding)["id"] == INTEGER


def test_an_unknown_encoding_is_an_error(files):
    with pytest.raises(ConfigError, match="no encoding `utf-9`"):
        files.schema(path="a.csv", encoding="utf-9")


def test_json_lines_keep_nested_values_and_exact_numbers(files):
    files.write(
        "a.jsonl",
        '{"id":1,"o":{"x":1},"l":[1],"n":1.5,"mixed":1,"big":9223372036854775808}\n'
        '{"id":2,"o":null,"at":"2026-01-01T00:00:00Z","mixed":"a"}\n'
        "broken\n"
        '{"exact":0.1234567890123456789,"json":1}\n'
        '{"json":{}}',
    )

    found = files.schema(path="a.jsonl")

    assert found["big"].pop("maximum") == 2**127 - 1
    del found["big"]["minimum"]
    assert found["exact"].pop("x-sql-datatype") == "DECIMAL(20,19)"
    assert found["exact"].pop("multipleOf") == 1e-19
    assert found["json"]["type"][1:3] == ["object", "array"]
    del found["json"]
    assert found == {
        "id": INTEGER,
        "o": OBJECT,
        "l": ARRAY,
        "n": NUMBER,
        "mixed": STRING,
        "big": INTEGER,
        "at": DATE_TIME,
        "exact": NUMBER,
    }


def test_parquet_columns_keep_their_types(files):
    duckdb.connect().sql(
        "COPY (SELECT 1 AS i, 2::UBIGINT AS u, 1.5::DOUBLE AS d, 9.99 AS m, true AS b,"
        " DATE '2026-01-01' AS dt, TIMESTAMP '2026-01-01' AS ts, 'x' AS t, [1] AS l,"
        " {'a': 1} AS o) TO 'a.parquet'"
    )

    found = files.schema(path="a.parquet")

    assert found == {
        "i": INTEGER,
        "u": {**INTEGER, "minimum": -(2**127), "maximum": 2**127 - 1},
        "d": NUMBER,
        "m": MONEY,
        "b": BOOLEAN,
        "dt": DATE,
        "ts": DATE_TIME,
        "t": STRING,
        "l": ARRAY,
        "o": OBJECT,
    }


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst"])
def test_compressed_csv_is_found_by_its_ending(files, ending):
    text = "id,name\n1,a\n"
    if ending == "csv.zst":
        duckdb.connect().sql(
            "COPY (SELECT 1 id, 'a' AS name) TO 'a.csv.zst' (COMPRESSION zstd)"
        )
    else:
        content = text.encode()
        files.write(
            f"a.{ending}", gzip.compress(content) if "gz" in ending else content
        )

    assert files.schema(path=f"a.{ending}") == {"id": INTEGER, "name": STRING}


def test_declared_types_win(files):
    files.write("a.csv", "id,price\n007,9.99\n")

    found = files.schema(path="a.csv", columns={"id": "integer", "more": "json"})

    assert found["id"] == INTEGER
    assert found["price"] == MONEY
    assert "more" in found


def test_no_file_at_all_is_an_error_unless_it_is_allowed(files):
    with pytest.raises(ConfigError, match=r"no file matches `x/\*\.csv`"):
        files.schema(path="x/*.csv")

    assert files.schema(path="x/*.csv", missing_ok=True) == {}


def test_files_of_two_formats_are_an_error(files):
    files.write("d/a.csv", "id\n1\n")
    files.write("d/b.jsonl", "{}\n")

    with pytest.raises(ConfigError, match="more than one format: csv, jsonl"):
        files.schema(path="d")

    assert files.schema(path="d", format="csv") == {"id": INTEGER}


def test_a_folder_gives_what_is_visible_in_it(files):
    files.write("d/sub/a.csv", "id\n1\n")
    files.write("d/.hidden.csv", "x\n")
    files.write("d/notes.md", "#")

    assert files.schema(path="d") == {"id": INTEGER}


def test_an_unknown_ending_needs_a_format(files):
    files.write("a.dat", "id\n1\n")

    with pytest.raises(ConfigError, match="format of a file is not known"):
        files.schema(path="a.dat")

    assert files.schema(path="a.dat", format="csv") == {"id": INTEGER}


def test_a_key_that_is_no_column_is_an_error(files):
    files.write("a.csv", "id\n1\n")

    with pytest.raises(ConfigError, match="no column `key`"):
        files.schema(path="a.csv", key="key")
