"""Stream maps: columns renamed, dropped and hashed, and rows that stay out."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import duckdb
import pytest

from elt.errors import ConfigError
from elt.targets.columns import Column
from elt.targets.reading.maps import Maps, mapped
from elt.targets.retry import Retry, retry
from elt.targets.writing.evolve import tables_in
from elt.targets.writing.modes import Mode
from elt.targets.writing.plans import Stamp, StreamPlan
from elt.warehouse.rejects import Wanted, rejects
from tests.targets.conftest import schema, state
from tests.targets.test_batch import CSV, batch

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
PEOPLE = schema(key=["id"], id=INTEGER, mail=TEXT, age=INTEGER)
HIDDEN = Maps(drop={"ssn"}, hash={"mail"}, salt="pepper")
UNFIT = b'{"id": 9, "mail": "z@b.c", "ssn": "s-9", "age": "old"}'


def digest(text, salt="pepper"):
    return hashlib.sha256((salt + text).encode()).hexdigest()


def table(loader, order="ALL"):
    names = "* EXCLUDE (_elt_loaded_at, _elt_run_id)"
    return loader.sql(f"SELECT {names} FROM raw.s ORDER BY {order}")


def people(*ids, ssn="s-%d", age=30):
    record = '{"id": %d, "mail": "%d@b.c", "age": %d, "ssn": "%s"}'
    return [(record % (n, n, age, ssn.replace("%d", str(n)))).encode() for n in ids]


def parquet(path, columns, *rows):
    values = ", ".join(repr(row) for row in rows)
    sql = f"COPY (FROM (VALUES {values}) AS t({columns})) TO '{path}' (FORMAT parquet)"
    with duckdb.connect() as connection:
        connection.execute(sql)
    return path


def stored_bytes(loader):
    """Give all that lies on the disk where the warehouse is."""
    loader.close()
    with duckdb.connect(str(loader.warehouse.path)) as connection:
        connection.execute("FORCE CHECKPOINT")
    folder = loader.warehouse.path.parent
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("mode", ["append", "upsert", "overwrite", "history"])
def test_columns_are_renamed_dropped_and_hashed_in_every_mode(loader, mode):
    maps = Maps(rename={"mail": "email"}, drop={"ssn"}, hash={"mail"}, salt="pepper")
    asked = schema(key=["id"], id=INTEGER, mail=TEXT, ssn=TEXT)
    record = b'{"id": 1, "mail": "a@b.c", "ssn": "s-1"}'

    loader.load(asked, record, mode=mode, key=["id"], maps=maps)

    assert loader.sql("SELECT id, email FROM raw.s") == [(1, digest("a@b.c"))]
    assert "ssn" not in loader.types()
    assert "mail" not in loader.types()


def test_what_is_missing_or_null_has_no_digest(loader):
    records = [b'{"id": 1, "mail": null}', b'{"id": 2}', b'{"id": 3, "mail": ""}']

    loader.load(PEOPLE, *records, maps=HIDDEN)

    assert loader.column("mail") == [None, None, digest("")]


def test_a_digest_is_of_the_text_as_it_came(loader):
    asked = schema(a=INTEGER, b={"type": "number"}, c={"type": "object"}, d={})
    record = b'{"a": 7, "b": 1.10, "c": {"x": 1.10}, "d": "text"}'
    texts = [digest("7"), digest("1.10"), digest('{"x":1.10}'), digest("text")]

    loader.load(asked, record, maps=Maps(hash={*"abcd"}, salt="pepper"))

    assert table(loader) == [tuple(texts)]
    assert set(loader.types().values()) >= {"VARCHAR"}


def test_the_slow_road_gives_the_same_digests(loader):
    asked = schema(n=INTEGER, a=INTEGER, c={"type": "object"}, d={})
    records = [b'{"n": 1, "a": 7, "c": {"x": 1.10}, "d": "text"}', b'{"n": "x"}']

    loader.load(asked, *records, maps=Maps(hash={*"acd"}, salt="pepper"))

    texts = [digest("7"), digest('{"x":1.10}'), digest("text")]
    assert table(loader) == [(1, *texts)]


def test_a_hashed_key_is_a_key(loader):
    asked = schema(key=["mail"], mail=TEXT, age=INTEGER)
    about = {"mode": "upsert", "key": ["mail"], "maps": HIDDEN}

    loader.load(asked, b'{"mail": "a", "age": 1}', b'{"mail": "b", "age": 1}', **about)
    loader.load(asked, b'{"mail": "a", "age": 2}', b'{"mail": null}', **about)

    assert sorted(table(loader)) == sorted([(digest("a"), 2), (digest("b"), 1)])
    assert loader.rejects()[0][:3] == ("mail", None, "the key is missing or null")


@pytest.mark.parametrize("value", [b'"a-secret"', b"4711", b'{"a-secret": 1}'])
def test_keys_that_the_schema_lacks_are_dropped_renamed_and_hashed_too(loader, value):
    maps = Maps(drop={"x"}, hash={"y"}, rename={"z": "Zed", "y": "why"})
    record = b'{"id": 1, "x": %b, "y": %b, "z": 5}' % (value, value)

    loader.load(schema(id=INTEGER), record, maps=maps)

    text = value.decode().strip('"').replace('": ', '":')
    found = loader.sql("SELECT id, why, Zed FROM raw.s")
    assert found == [(1, digest(text, salt=""), 5)]
    assert list(loader.types())[:3] == ["id", "why", "Zed"]


def test_a_column_that_is_renamed_may_take_the_name_of_a_dropped_one(loader):
    asked = schema(mail=TEXT, email=TEXT)
    maps = Maps(rename={"mail": "email"}, drop={"email"})

    loader.load(asked, b'{"mail": "new", "email": "old"}', maps=maps)

    assert table(loader) == [("new",)]


def test_a_reject_has_digests_and_nothing_of_what_is_dropped(loader):
    record = b'{"id": 1.10, "mail": "a@b.c", "ssn": "s-1", "age": "old", "n": null}'

    loader.load(PEOPLE, record, *people(2), maps=HIDDEN)

    text = digest("a@b.c")
    kept = f'{{"id":1.10,"mail":"sha256:{text}","age":"old","n":null}}'
    assert loader.rejects() == [("id", "1.10", "not an integer", kept)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"id": 1, "mail": "a-secret", "ssn": "a-secret", "id": 2}',
        b'["a-secret"]',
        b'"a-secret"',
    ],
)
def test_of_what_cannot_be_searched_only_the_length_is_kept(loader, line):
    loader.load(PEOPLE, line, *people(2), maps=HIDDEN)

    ((column, value, _, record),) = loader.rejects()
    assert (column, value) == (None, None)
    assert record.endswith(
        " characters that are not kept: the stream has columns to be dropped or hashed"
    )


def test_a_broken_line_of_a_file_is_not_kept(loader, tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"id": 1}\n{"id": 2, "ssn": "a-secret\n')

    loader.load(schema(id=INTEGER), batch(file), maps=HIDDEN)

    ((_, _, reason, record),) = loader.rejects()
    assert reason == "not JSON"
    assert record.startswith("26 characters that are not kept")


def test_nothing_hidden_reaches_the_disk_of_the_warehouse(tmp_path, loader):
    asked = schema(key=["id"], id=INTEGER, mail=TEXT, ssn=TEXT, age=INTEGER)
    file = tmp_path / "away" / "a.csv"
    file.parent.mkdir()
    file.write_text("id,mail,age,ssn\n1,hide-me,old,hide-me\n2,hide-me,3,hide-me\n3\n")
    encoding = {**CSV, "columns": ["id", "mail", "age", "ssn"]}
    message = batch(file, encoding=encoding, name="f")
    records = [
        b'{"id": 5, "mail": "hide-me", "ssn": "hide-me", "age": "old"}',
        b'{"id": 6, "mail": "hide-me", "ssn": "hide-me", "age": 1}',
        b'{"id": 7, "mail": "hide-me", "ssn": ["hide-me"], "ssn": 1}',
        b'["hide-me"]',
    ]
    about = {"mode": "upsert", "key": ["id"], "maps": HIDDEN, "limit": 1000}

    loader.load(asked, *records, message, **about)

    away = file.read_bytes()
    file.unlink()
    assert b"hide-me" in away
    assert b"hide-me" not in stored_bytes(loader)
    assert len(loader.rejects()) == 5
    assert loader.sql("SELECT count(*) FROM raw.s") == [(2,)]


def test_too_many_rejects_are_told_without_what_is_hidden(loader):
    records = [b'{"id": 1, "mail": "hide-me", "ssn": "hide-me", "age": "old"}'] * 3

    streams = loader.load(PEOPLE, *records, maps=HIDDEN, limit=1)

    error = streams["s"].error
    assert error is not None
    assert "hide-me" not in f"{error} {loader.events}"


def test_files_are_mapped_too(loader, tmp_path):
    asked = schema(id=INTEGER, mail=TEXT)
    lines, rows = tmp_path / "a.jsonl", tmp_path / "a.csv"
    lines.write_text('{"id": 1, "mail": "a", "ssn": "s-1"}\n')
    rows.write_text("id,mail,ssn\n2,b,s-2\n")
    columns = parquet(tmp_path / "a.parquet", "id, mail, ssn", (3, "c", "s-3"))
    maps = Maps(rename={"id": "number"}, drop={"ssn"}, hash={"mail"}, salt="pepper")
    messages = [
        batch(lines),
        batch(rows, encoding={**CSV, "columns": ["id", "mail", "ssn"]}),
        batch(columns, encoding={"format": "parquet"}),
    ]

    loader.load(asked, *messages, maps=maps)

    assert loader.sql("SELECT * EXCLUDE (_elt_loaded_at, _elt_run_id) FROM raw.s") == [
        (1, digest("a")),
        (2, digest("b")),
        (3, digest("c")),
    ]


# Rejects that are loaded again


@pytest.fixture
def again(loader, tmp_path):
    """Load the stream's rejects again, with ages as texts."""

    def run(*, mode="append", age="VARCHAR", ids=(), **maps):
        known = Maps(**{"salt": "pepper", **maps})
        plan = StreamPlan(
            stream="s",
            schema="raw",
            table="s",
            mode=Mode(mode, "in this test"),
            key=("id",),
            maps=known,
        )
        types = {"id": "BIGINT", "mail": "VARCHAR", "ssn": "VARCHAR", "age": age}
        now = datetime.now(UTC)
        stamp = Stamp(
            run_id="retry-1", environment="default", tap="t", started_at=now, at=now
        )
        with loader.warehouse.writer() as cursor:
            wanted = Retry(
                plan=plan,
                columns=mapped((Column(n, n, t) for n, t in types.items()), known),
                ignored=tuple(known.drop),
                reads_again=False,
                found=tables_in(cursor, {"raw"})["raw", "s"],
                rejects=rejects(cursor, "default", Wanted(ids=ids)),
                folder=tmp_path,
            )
            return retry(cursor, wanted, stamp)

    return run


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_retry_does_not_hash_twice(loader, again, mode):
    about = {"mode": mode, "key": ["id"], "maps": HIDDEN}
    loader.load(PEOPLE, UNFIT, *people(1), **about)

    done = again(mode=mode, drop={"ssn"}, hash={"mail"})

    assert done.loaded == 1
    found = loader.sql("SELECT id, mail, age FROM raw.s ORDER BY id")
    assert found == [(1, digest("1@b.c"), "30"), (9, digest("z@b.c"), "old")]
    assert loader.rejects() == []


def test_what_stays_a_reject_keeps_its_digest_and_is_loaded_by_a_later_retry(
    loader, again
):
    loader.load(PEOPLE, UNFIT, *people(1), maps=HIDDEN)
    before = loader.rejects()

    again(age="BIGINT", drop={"ssn"}, hash={"mail"})

    assert loader.rejects() == before
    again(drop={"ssn"}, hash={"mail"})
    assert loader.column("mail", order="id") == [digest("1@b.c"), digest("z@b.c")]


def test_a_retry_takes_out_of_older_rejects_what_is_hidden_by_now(loader, again):
    loader.load(PEOPLE, UNFIT, *people(1), maps=Maps(drop={"ssn"}))
    assert "z@b.c" in loader.rejects()[0][3]

    again(age="BIGINT", drop={"ssn"}, hash={"mail"})

    text = digest("z@b.c")
    kept = f'{{"id":9,"mail":"sha256:{text}","age":"old"}}'
    assert loader.rejects() == [("age", "old", "not an integer", kept)]
    again(drop={"ssn"}, hash={"mail"})
    assert loader.sql("SELECT mail FROM raw.s WHERE id = 9") == [(digest("z@b.c"),)]


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_reject_that_fits_and_does_not_pass_goes_without_becoming_a_row(
    loader, again, mode
):
    about = {"mode": mode, "key": ["id"]}
    loader.load(PEOPLE, UNFIT, *people(1), **about)

    done = again(mode=mode, drop={"ssn"}, filter="age <> 'old'")

    assert (done.loaded, done.filtered, done.kept) == (0, 1, {})
    assert loader.column("id") == [1]
    assert loader.rejects() == []


# Rows that stay out


@pytest.mark.parametrize("mode", ["append", "upsert", "overwrite", "history"])
def test_a_row_for_which_the_filter_is_not_true_stays_out(loader, mode):
    records = [
        b'{"id": 1, "age": 30}',
        b'{"id": 2, "age": 3}',
        b'{"id": 3, "age": null}',
        b'{"id": 4, "age": 40}',
    ]
    about = {"mode": mode, "key": ["id"], "maps": Maps(filter="age >= 18 -- adults")}

    streams = loader.load(PEOPLE, *records, state({"at": 4}), **about)

    assert loader.column("id", order="id") == [1, 4]
    assert (streams["s"].rows, streams["s"].filtered) == (2, 2)
    assert loader.rejects() == []
    assert loader.state() == {"at": 4}


def test_a_bad_row_is_a_reject_whatever_the_filter_says_of_it(loader):
    records = [b'{"id": 1, "age": "old"}', b'{"id": 2, "age": 3}', b'{"id": 3}']

    streams = loader.load(PEOPLE, *records, maps=Maps(filter="age > 2"))

    assert loader.column("id") == [2]
    assert (streams["s"].rejects, streams["s"].filtered) == (1, 1)


def test_a_row_that_passes_no_longer_leaves_the_table(loader):
    maps = Maps(filter="age < 65")
    about = {"mode": "upsert", "key": ["id"], "maps": maps}
    loader.load(PEOPLE, *people(1, 2, 3, age=64), **about)

    loader.load(PEOPLE, *people(2, age=65), *people(4, 5, age=70), **about)

    assert loader.column("id", order="id") == [1, 3]


def test_of_a_key_that_comes_twice_the_last_one_decides(loader):
    about = {"mode": "upsert", "key": ["id"], "maps": Maps(filter="age < 65")}

    loader.load(PEOPLE, *people(1, age=70), *people(1, age=60), **about)
    loader.load(PEOPLE, *people(2, age=60), *people(2, age=70), **about)

    assert loader.column("id") == [1]


def test_a_version_that_passes_no_longer_ends_the_one_before_it(loader):
    about = {"mode": "history", "key": ["id"], "maps": Maps(filter="age < 65")}
    loader.load(PEOPLE, *people(1, 2, age=64), **about)

    streams = loader.load(PEOPLE, *people(1, age=65), run="r2", **about)

    found = loader.sql("SELECT id, valid_to IS NULL FROM raw.s ORDER BY id")
    assert found == [(1, False), (2, True)]
    assert streams["s"].filtered == 1


def test_rows_of_earlier_loads_stay_when_the_filter_changes(loader):
    loader.load(PEOPLE, *people(1, age=70))

    loader.load(PEOPLE, *people(2, 3, age=70), maps=Maps(filter="age < 65"))

    assert loader.column("id") == [1]


def test_a_filter_sees_columns_by_their_new_names_and_digests(loader):
    text = f"email = '{digest('1@b.c')}' AND NOT \"Old Age\" > 60"
    maps = Maps(
        rename={"mail": "email", "age": "Old Age"},
        hash={"mail"},
        salt="pepper",
        filter=text,
    )

    loader.load(PEOPLE, *people(1, 2, 3), maps=maps)

    assert loader.column("id") == [1]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("agee > 1", "agee"),
        ("age >", "syntax error"),
        ("true; DROP TABLE raw.s", "syntax error"),
        ("true); SELECT (true", "more than one condition"),
        ("true), (false", "more than one condition"),
        ("id IN (SELECT 1)", "it has a SELECT in it"),
        ("age", "it gives BIGINT, not true or false"),
        ("sum(age) > 1", "aggregates"),
        ("nothing(age)", "nothing"),
        ("age > ?", "parameters"),
        ("mail::INTEGER > 1", "Could not convert string '1@b.c'"),
    ],
)
def test_a_filter_that_cannot_be_used_stops_the_stream_and_says_why(loader, text, why):
    loader.load(PEOPLE, *people(0), state({"at": 0}))

    streams = loader.load(PEOPLE, *people(1), state({"at": 1}), maps=Maps(filter=text))

    error = streams["s"].error
    assert isinstance(error, ConfigError)
    assert why in error.what
    assert error.where == "[taps.t.streams.s]"
    assert loader.column("id") == [0]
    assert loader.state() == {"at": 0}


def test_a_filter_with_an_unknown_column_names_those_that_there_are(loader):
    streams = loader.load(PEOPLE, *people(1), maps=Maps(filter="agee > 1"))

    assert "`id`, `mail`, `age`" in streams["s"].error.hint


def test_a_file_is_replaced_though_the_column_of_its_name_is_renamed(loader, tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"id": 1}\n')
    asked = schema(id=INTEGER, _file=TEXT)
    maps = Maps(rename={"_file": "source"})
    loader.load(asked, batch(file), maps=maps)

    file.write_bytes(b'{"id": 2}\n')
    loader.load(asked, batch(file, replace=True), maps=maps)

    assert table(loader) == [(2, "f")]


@pytest.mark.parametrize("word", ["drop", "hash"])
def test_a_column_by_which_files_are_told_apart_cannot_be_hidden(
    loader, tmp_path, word
):
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"id": 1}\n')

    streams = loader.load(
        schema(id=INTEGER, _file=TEXT), batch(file), maps=Maps(**{word: {"_file"}})
    )

    assert "cannot drop or hash `_file`" in streams["s"].error.what
