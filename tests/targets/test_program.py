"""`elt-target-duckdb`: what goes in, what is in the tables, when STATE comes out."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from elt.errors import ConfigError, EltError
from elt.targets.program import place_of, settings_of
from elt.targets.singer_target import DuckdbTarget

PROGRAM = [sys.executable, "-m", "elt.targets.pipe"]


def schema(stream="s", key=("id",), **properties):
    properties = properties or {"id": {"type": "integer"}, "t": {"type": "string"}}
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"properties": properties},
        "key_properties": list(key),
    }


def record(number, stream="s", **more):
    record = {"id": number, **more}
    return {"type": "RECORD", "stream": stream, "record": record}


def state(**value):
    return {"type": "STATE", "value": value}


def text(*messages):
    return "".join(
        (one if isinstance(one, str) else json.dumps(one)) + "\n" for one in messages
    )


@pytest.fixture
def warehouse(tmp_path):
    """Load messages in this process, and look at what came of it."""
    return Warehouse(str(tmp_path / "w.duckdb"))


class Warehouse:
    def __init__(self, path):
        self.path = path

    def load(self, *messages, **config):
        target = DuckdbTarget(config={"path": self.path, **config})
        target.process_lines(io.StringIO(text(*messages)))
        target.process_endofpipe()

    def sql(self, query):
        with duckdb.connect(self.path) as db:
            db.execute("SET TimeZone = 'UTC'")
            return db.execute(query).fetchall()


@pytest.fixture
def pipe(tmp_path):
    """Start the program with a config, its pipes in our hands."""
    started = []

    def start(*arguments, **config):
        (tmp_path / "config.json").write_text(
            json.dumps({"path": str(tmp_path / "w.duckdb"), **config})
        )
        started.append(
            subprocess.Popen(
                [*PROGRAM, "--config", "config.json", *arguments],
                cwd=tmp_path,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        for end in (process.stdin, process.stdout, process.stderr):
            end.close()


def test_a_pipe_is_loaded_and_each_state_comes_out_as_it_was_written(pipe, warehouse):
    odd = '{"type": "STATE", "value": {"at": 1.10,  "é": "\\u00e9"}}'
    process = pipe(batch_size_rows=1)

    out, said = process.communicate(
        text(schema(), record(1), odd, record(2), state(at=2), record(3))
    )

    assert process.returncode == 0
    assert out == '{"at": 1.10,  "é": "\\u00e9"}\n{"at": 2}\n'
    assert "s: 3 rows into main.s" in said
    assert warehouse.sql("SELECT id FROM s ORDER BY id") == [(1,), (2,), (3,)]


def test_a_state_comes_out_only_when_its_rows_would_survive_a_kill(pipe, warehouse):
    process = pipe(batch_size_rows=1)
    process.stdin.write(text(schema(), record(1), record(2), state(at=2), record(3)))
    process.stdin.flush()

    said = process.stdout.readline()
    process.kill()
    process.wait()

    assert said == '{"at": 2}\n'
    assert warehouse.sql("SELECT id FROM s ORDER BY id") == [(1,), (2,)]


def test_what_a_killed_load_left_on_disk_is_swept_by_the_next(
    pipe, warehouse, tmp_path
):
    process = pipe(batch_size_rows=1)
    process.stdin.write(text(schema(), record(1), state(at=1)))
    process.stdin.flush()
    process.stdout.readline()
    process.kill()
    process.wait()
    assert list(tmp_path.glob(".elt-spool-*"))

    warehouse.load(schema(), record(2))

    assert list(tmp_path.glob(".elt-spool-*")) == []
    assert warehouse.sql("SELECT count(*) FROM s") == [(2,)]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
def test_a_signal_commits_what_the_last_state_covers(pipe, warehouse, number, code):
    process = pipe()
    process.stdin.write(text(schema(), record(1), state(at=1), record(2), state(at=2)))
    process.stdin.write(text(record(3)))
    process.stdin.flush()
    assert process.stdout.readline() == '{"at": 1}\n'

    process.send_signal(number)
    out, said = process.communicate(timeout=30)

    assert process.returncode == code
    assert out == '{"at": 2}\n'
    assert "error: stopped by" in said
    assert "Traceback" not in said
    assert warehouse.sql("SELECT id FROM s ORDER BY id") == [(1,), (2,)]


def test_a_record_that_does_not_fit_fails_the_load_and_says_so(pipe):
    process = pipe()

    out, said = process.communicate(
        text(schema(), record(1), record("one"), state(at=2))
    )

    assert process.returncode == 1
    assert out == ""
    assert "stream `s` has 1 reject among 2 records, more than" in said
    assert "not an integer" in said
    assert "Traceback" not in said


def test_rejects_up_to_the_limit_are_kept(warehouse, capsys):
    warehouse.load(schema(), record(1), record("one"), state(at=2), reject_limit=1)

    assert capsys.readouterr().out == '{"at": 2}\n'
    assert warehouse.sql("SELECT id FROM s") == [(1,)]
    assert warehouse.sql('SELECT stream, "column", value FROM _elt.rejects') == [
        ("s", "id", "one")
    ]


def test_an_empty_state_says_nothing(warehouse, capsys):
    warehouse.load(schema(), record(1), state(), record(2), "")

    assert capsys.readouterr().out == ""
    assert warehouse.sql("SELECT count(*) FROM s") == [(2,)]


def test_digits_and_offsets_are_kept(warehouse):
    warehouse.load(
        schema(
            id={"type": "integer"},
            price={"type": "number", "multipleOf": 0.01},
            seen={"type": "string", "format": "date-time"},
            more={"type": "object"},
        ),
        '{"type":"RECORD","stream":"s","record":{"id":9007199254740993,"price":1.10,'
        '"seen":"2024-01-01T00:00:00+02:00","more":{"p":1.10}}}',
    )

    assert warehouse.sql("SELECT id, price::VARCHAR, seen::VARCHAR, more FROM s") == [
        (9007199254740993, "1.10", "2023-12-31 22:00:00+00", '{"p":1.10}')
    ]


@pytest.mark.parametrize(
    ("method", "rows"),
    [
        ("upsert", [(1, "old"), (2, "new"), (3, "new")]),
        ("append-only", [(1, "old"), (2, "new"), (2, "old"), (3, "new")]),
        ("overwrite", [(2, "new"), (3, "new")]),
    ],
)
def test_the_load_method_decides_what_becomes_of_old_rows(warehouse, method, rows):
    warehouse.load(schema(), record(1, t="old"), record(2, t="old"))

    warehouse.load(schema(), record(2, t="new"), record(3, t="new"), load_method=method)

    assert warehouse.sql("SELECT id, t FROM s ORDER BY id, t") == rows


def test_overwrite_does_not_empty_a_table_unless_told(warehouse):
    warehouse.load(schema(), *(record(n) for n in range(9)))

    with pytest.raises(EltError, match="would shrink from 9 rows to 1"):
        warehouse.load(schema(), record(1), load_method="overwrite")
    warehouse.load(schema(), record(1), load_method="overwrite", allow_shrink=True)

    assert warehouse.sql("SELECT count(*) FROM s") == [(1,)]


def test_a_stream_without_a_key_is_appended(warehouse):
    for _ in range(2):
        warehouse.load(schema(key=()), record(1))

    assert warehouse.sql("SELECT count(*) FROM s") == [(2,)]


@pytest.mark.parametrize(
    ("stream", "default", "place"),
    [
        ("users", None, ("main", "users")),
        ("users", "raw", ("raw", "users")),
        ("public-users", None, ("public", "users")),
        ("shop-public-users", None, ("public", "users")),
        ("public-users", "raw", ("raw", "public_users")),
        ("a-b-c-d", None, ("main", "a_b_c_d")),
        ("-users", None, ("main", "users")),
        ("Special:Chars!", None, ("main", "special_chars")),
    ],
)
def test_a_streams_name_and_the_default_say_where_it_goes(stream, default, place):
    assert place_of(stream, default) == place


def test_two_streams_in_one_table_are_refused(warehouse):
    with pytest.raises(ConfigError, match=r"both load the table `raw\.a_b`"):
        warehouse.load(schema("a-b"), schema("a_b"), default_target_schema="raw")


@pytest.mark.parametrize(
    ("stream", "default", "why"),
    [
        ("s", "W", "takes for the file `w.duckdb` itself"),
        ("w-people", None, "takes for the file `w.duckdb` itself"),
        ("temp-people", None, "which is DuckDB's own"),
    ],
)
def test_a_schema_that_duckdb_takes_for_something_else_is_refused(
    warehouse, stream, default, why
):
    with pytest.raises(ConfigError, match=why):
        warehouse.load(schema(stream), default_target_schema=default)


def test_metadata_columns_come_on_request(warehouse):
    warehouse.load(
        schema(),
        {**record(1), "time_extracted": "2025-01-02T03:04:05Z", "version": 7},
        record(2, _sdc_deleted_at="2025-02-02T00:00:00Z"),
        '{"type":"RECORD","stream":"s","record":{"id": 1.10e1}}',
        add_record_metadata=True,
    )

    columns = "_sdc_extracted_at::VARCHAR, _sdc_table_version, _sdc_deleted_at::VARCHAR"
    assert warehouse.sql(f"SELECT id, {columns} FROM s ORDER BY id") == [
        (1, "2025-01-02 03:04:05+00", 7, None),
        (2, None, None, "2025-02-02 00:00:00+00"),
        (11, None, None, None),
    ]
    ((received, batched, sequence, started),) = warehouse.sql(
        "SELECT DISTINCT epoch_ms(_sdc_received_at), epoch_ms(_sdc_batched_at),"
        " _sdc_sequence, _sdc_sync_started_at FROM s"
    )
    assert received == batched == sequence >= started


def test_a_record_that_is_empty_gets_its_metadata_too(warehouse):
    empty = '{"type":"RECORD","stream":"s","record":{ }}'
    warehouse.load(schema(key=()), empty, add_record_metadata=True)

    assert warehouse.sql("SELECT id, _sdc_sequence > 0 FROM s") == [(None, True)]


def test_settings_of_duckdb_are_taken(warehouse):
    warehouse.load(schema(), record(1), memory_limit="200MB", threads=1)

    assert warehouse.sql("SELECT count(*) FROM s") == [(1,)]


@pytest.mark.parametrize("path", [":memory:", "md:shop"])
def test_a_path_that_is_no_file_is_refused(path):
    with pytest.raises(ConfigError, match="is no path of a file"):
        settings_of({"path": path})


def test_a_batch_of_files_is_loaded(warehouse, tmp_path):
    (tmp_path / "b.jsonl").write_text('{"id": 1}\n{"id": 2}\n')
    batch = {
        "type": "BATCH",
        "stream": "s",
        "encoding": {"format": "jsonl", "compression": "none"},
        "manifest": [(tmp_path / "b.jsonl").as_uri()],
    }
    warehouse.load(schema(), batch, state(at=1))

    assert warehouse.sql("SELECT id FROM s ORDER BY id") == [(1,), (2,)]


def run(*arguments, cwd, **environ):
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_input_and_settings_come_from_a_file_and_the_environment_too(tmp_path):
    (tmp_path / "messages").write_text(text(schema(), record(1), state(at=1)))

    done = run(
        *("--config", "ENV", "--input", "messages"),
        cwd=tmp_path,
        ELT_TARGET_DUCKDB_PATH="e.duckdb",
        ELT_TARGET_DUCKDB_DEFAULT_TARGET_SCHEMA="raw",
        ELT_TARGET_DUCKDB_THREADS="1",
    )

    assert (done.returncode, done.stdout) == (0, '{"at": 1}\n')
    assert Warehouse(str(tmp_path / "e.duckdb")).sql("SELECT id FROM raw.s") == [(1,)]


def test_about_tells_the_settings_and_only_those_that_are_there(tmp_path):
    done = run("--about", "--format", "json", cwd=tmp_path)

    told = json.loads(done.stdout)
    assert told["name"] == "elt-target-duckdb"
    assert set(told["settings"]["properties"]) == {
        "path",
        "default_target_schema",
        "load_method",
        "add_record_metadata",
        "batch_size_rows",
        "batch_size_megabytes",
        "batch_wait_limit_seconds",
        "reject_limit",
        "allow_shrink",
        "hard_delete",
        "process_activate_version_messages",
        "memory_limit",
        "threads",
    }


def test_the_guide_tells_every_setting_with_its_default():
    guide = Path(__file__).parents[2] / "docs" / "guides" / "singer-targets.md"
    rows = [line.split("|") for line in guide.read_text().splitlines()]
    told = {
        name: row[2].strip(" `")
        for row in rows
        if len(row) == 5
        for name in re.findall(r"`(\w+)`", row[1])
    }

    for name, declared in DuckdbTarget.config_jsonschema["properties"].items():
        default = declared.get("default")
        words = json.dumps(default).strip('"') if default is not None else ""
        assert told[name] in (words, "DuckDB's")


@pytest.mark.parametrize("content", [None, '{"path":'])
def test_a_config_that_cannot_be_read_is_one_message(tmp_path, content):
    if content:
        (tmp_path / "config.json").write_text(content)

    done = run("--config", "config.json", cwd=tmp_path)

    assert done.returncode == 2
    assert done.stderr.startswith("error: the config cannot be read")
    assert "Traceback" not in done.stderr


def test_a_setting_that_is_not_there_is_named(pipe):
    process = pipe(flattening_enabled=True)

    _, said = process.communicate("")

    assert process.returncode != 0
    assert "flattening_enabled" in said


def test_a_reader_of_state_that_has_gone_costs_no_row(pipe, warehouse):
    process = pipe(batch_size_rows=1)
    process.stdout.close()

    process.stdin.write(text(schema(), record(1), state(at=1)))
    process.stdin.close()
    said = process.stderr.read()

    assert process.wait(30) == 1
    assert "nobody reads the STATE" in said
    assert "Traceback" not in said
    assert warehouse.sql("SELECT id FROM s") == [(1,)]


def test_an_error_of_duckdb_is_one_message(tmp_path):
    config = {"path": "w.duckdb", "memory_limit": "plenty"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "messages").write_text(text(schema(), record(1)))

    done = run("--config", "config.json", "--input", "messages", cwd=tmp_path)

    assert done.returncode == 1
    assert "error: Parser Error: Memory" in done.stderr
    assert "Traceback" not in done.stderr


CTRL_C_AT_AN_IMPORT = """
import runpy, signal, sys

class CtrlC:
    def find_spec(self, name, *_):
        if name == sys.argv[2]:
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
runpy.run_module(sys.argv[1], run_name="__main__")
"""


@pytest.mark.parametrize(
    ("module", "imported"), [("elt", "typer"), ("elt.targets.pipe", "singer_sdk")]
)
def test_ctrl_c_while_a_program_is_still_being_imported_is_quiet(module, imported):
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C_AT_AN_IMPORT, module, imported],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_an_end_that_a_tap_tells_counts_in_a_pipe_too(warehouse, capsys):
    whole = {"load_method": "overwrite", "allow_shrink": True}
    warehouse.load(schema(), record(1, t="old"), schema("other"), **whole)
    capsys.readouterr()

    told = [
        {**schema(), "elt": {"end": "failed", "why": "HTTP 500"}},
        {**schema("gone"), "elt": {"end": "skipped", "why": "HTTP 403"}},
        {**schema("other"), "elt": {"end": "complete"}},
    ]
    sent = [schema(), record(2), schema("other"), record(3, "other")]
    warehouse.load(*sent, *told, state(bookmarks={"gone": 7, "s": 1}), **whole)

    assert warehouse.sql("SELECT id FROM s") == [(1,)]
    assert warehouse.sql("SELECT id FROM other") == [(3,)]
    assert warehouse.sql("FROM duckdb_tables() WHERE table_name = 'gone'") == []
    assert json.loads(capsys.readouterr().out) == {"bookmarks": {"gone": 7, "s": 1}}
