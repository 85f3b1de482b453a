"""What nobody foresaw: it fails one stream by name, or sets one record aside."""

from __future__ import annotations

import threading

import duckdb
import pytest

import elt.targets.writing.commit
from elt.errors import EltError
from elt.targets.metadata import Stamping
from tests.targets.conftest import line, schema, state

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
ROWS = schema(key=["id"], id=INTEGER, t=TEXT)
OTHER = schema("other", key=["id"], id=INTEGER)
MORE = {"type": "RECORD", "stream": "other", "record": {"id": 1}}


@pytest.fixture
def failing():
    """Let the writing of stream `s` raise some errors, one each time."""
    write_stream = elt.targets.writing.commit.write_stream

    with pytest.MonkeyPatch.context() as patch:

        def fail(*errors):
            waiting = list(errors)

            def write(cursor, batch, **known):
                if batch.plan.stream == "s" and waiting:
                    raise waiting.pop(0)
                return write_stream(cursor, batch, **known)

            patch.setattr(elt.targets.writing.commit, "write_stream", write)

        yield fail


def stamped(*messages):
    return Stamping().stamped([line(message) for message in messages])


def test_a_constraint_that_somebody_made_fails_its_stream_alone(loader):
    loader.load(ROWS, b'{"id": 1, "t": "a"}', mode="upsert", key=["id"])
    loader.sql("ALTER TABLE raw.s ALTER t SET NOT NULL")

    records = [b'{"id": 1}', OTHER, MORE, state({"at": 1})]
    streams = loader.load(ROWS, *records, mode="upsert", key=["id"])

    said = str(streams["s"].error)
    assert "stream `s`: the table `raw.s` cannot be loaded into: Constraint" in said
    assert "Drop the constraint" in said
    assert loader.sql("SELECT id, t FROM raw.s") == [(1, "a")]
    assert loader.sql("SELECT id FROM raw.other") == [(1,)]
    assert loader.state() is None


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (duckdb.BinderException("odd"), "bug of elt"),
        (duckdb.ConversionException("odd"), "bug of elt"),
        (duckdb.OutOfMemoryException("odd"), "memory_limit"),
    ],
)
def test_any_error_of_duckdb_fails_its_stream_alone(loader, failing, error, hint):
    failing(error)

    streams = loader.load(ROWS, b'{"id": 1}', OTHER, MORE)

    said = str(streams["s"].error)
    assert "stream `s`: the table `raw.s` cannot be loaded into: odd" in said
    assert hint in said
    assert loader.sql("SELECT id FROM raw.other") == [(1,)]


def test_a_conflict_with_another_thread_is_still_tried_again(loader, failing):
    failing(duckdb.TransactionException("write-write conflict"))

    loader.load(ROWS, b'{"id": 1}')

    assert loader.column("id") == [1]


def test_an_error_in_mid_run_names_the_stream(loader, failing):
    failing(duckdb.BinderException("odd"))
    loading = loader.start(load={"commit_bytes": 1})

    loading.feed([line(m) for m in (ROWS, b'{"id": 1}', state({"at": 1}))])
    with pytest.raises(EltError, match="stream `s`: the table"):
        loading.feed([line(m) for m in (b'{"id": 2}', state({"at": 2}))])
    loading.abandon()

    assert loader.state() is None


@pytest.mark.parametrize("refusal", ["elt: unknown keys", "elt: unusual values", "CSV"])
def test_a_broken_line_that_reads_like_a_refusal_of_ours_is_a_reject(loader, refusal):
    path = loader.folder / "rows.jsonl"
    path.write_text(f'{{"id": 1}}\n{refusal}\n{{"id": 2}}\n')
    batch = {
        "type": "BATCH",
        "stream": "s",
        "encoding": {"format": "jsonl"},
        "manifest": [path.as_uri()],
        "elt": {"files": [{}]},
    }

    # A load that never ends would keep these tests from ending.
    args = (schema(id=INTEGER), batch)
    thread = threading.Thread(target=loader.load, args=args, daemon=True)
    thread.start()
    thread.join(60)

    assert not thread.is_alive()
    assert loader.column("id") == [1, 2]
    assert [row[2:] for row in loader.rejects()] == [("not JSON", refusal)]


@pytest.mark.parametrize(
    ("properties", "value"),
    [
        ({"*": {"type": "object", "properties": {"m": INTEGER}}}, '{"*":{"m":1}}'),
        ({"*": INTEGER}, '{"*":1,"b":2}'),
        ({"a": INTEGER}, '{"a":1,"*":2}'),
    ],
)
def test_an_object_with_the_key_that_means_all_keys_is_json(loader, properties, value):
    about = {"type": "object", "properties": properties}

    record = b'{"id": 1, "v": %s}' % value.encode()
    loader.load(schema(id=INTEGER, v=about), record, nested="struct")

    assert loader.types()["v"] == "JSON"
    assert loader.column("v") == [value]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"type": "RECORD", "stream": "s"}, "not a JSON object"),
        (b'["_sdc_x"]', "not a JSON object"),
        (b'{"id": 1, "id": 2}', "the same key twice"),
        (b'{"id": 1, "id": 2, "_sdc_sequence": 3}', "the same key twice"),
        (b'{"_sdc_sequence": 3, "_sdc_sequence": 4}', "the same key twice"),
        (b'{"\xff": 1, "_sdc_sequence": 3}', "not JSON"),
    ],
)
def test_a_bad_record_is_a_reject_with_metadata_asked_for_too(loader, message, reason):
    loading = loader.start()

    loading.feed(stamped(ROWS, b'{"id": 7}', message, b'{"id": 8}'))
    loading.finish()

    assert loader.column("id") == [7, 8]
    assert [row[2] for row in loader.rejects()] == [reason]


def test_metadata_that_the_tap_has_filled_in_is_as_it_wrote_it(loader):
    loading = loader.start()

    record = b'{"id": 1, "_sdc_sequence": 3, "t": "say \\"_sdc_x\\""}'
    loading.feed(stamped(ROWS, record))
    loading.finish()

    found = "id, t, _sdc_sequence, _sdc_received_at IS NOT NULL"
    assert loader.sql(f"SELECT {found} FROM raw.s") == [(1, 'say "_sdc_x"', 3, True)]
