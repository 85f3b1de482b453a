"""BATCHes of foreign taps: any encoding, from anywhere, and nothing of it lost."""

from __future__ import annotations

import gzip
import http.server
import importlib.util
import json
import sys
import threading
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.parquet
import pytest

from elt.errors import ConfigError, EltError, Unavailable
from elt.targets.load import SchemaMissing
from tests.targets.conftest import line, schema, state

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

INTEGER = {"type": ["null", "integer"]}
TEXT = {"type": ["null", "string"]}
ASKED = schema(id=INTEGER, t=TEXT)
ROWS = [{"id": 1, "t": "x"}, {"id": 2, "t": None}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
LONG = b"".join(b'{"id": %d, "t": "%d"}\n' % (n, n * n) for n in range(50_000))


def foreign(*uris, **encoding):
    return {
        "type": "BATCH",
        "stream": "s",
        "encoding": encoding or {"format": "jsonl", "compression": "none"},
        "manifest": [str(uri) for uri in uris],
    }


def parquet(compression):
    buffer = pa.BufferOutputStream()
    table = pa.Table.from_pylist(ROWS)
    pa.parquet.write_table(table, buffer, compression=compression)
    return buffer.getvalue().to_pybytes()


def arrow(new, compression=None):
    buffer = pa.BufferOutputStream()
    table = pa.Table.from_pylist(ROWS)
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with new(buffer, table.schema, options=options) as writer:
        writer.write_table(table)
    return buffer.getvalue().to_pybytes()


ENCODINGS = {
    "plain": ({"format": "jsonl", "compression": "none"}, LINES),
    "untold": ({"format": "jsonl"}, LINES),
    "gzip": ({"format": "jsonl", "compression": "gzip"}, gzip.compress(LINES)),
    "zstd": ({"format": "jsonl", "compression": "zstd"}, zstd.compress(LINES)),
    "gzip-untold": ({"format": "jsonl", "compression": None}, gzip.compress(LINES)),
    "plain-told-gzip": ({"format": "jsonl", "compression": "gzip"}, LINES),
    "parquet": ({"format": "parquet"}, parquet("snappy")),
    "parquet-gzip": ({"format": "parquet", "compression": "gzip"}, parquet("gzip")),
    "parquet-zstd": ({"format": "parquet", "compression": "zstd"}, parquet("zstd")),
    "arrow": ({"format": "arrow"}, arrow(pa.ipc.new_file)),
    "arrow-lz4": ({"format": "arrow", "compression": "lz4"}, arrow(pa.ipc.new_file)),
    "arrow-zstd": ({"format": "arrow"}, arrow(pa.ipc.new_file, "zstd")),
    "arrow-stream": ({"format": "arrow"}, arrow(pa.ipc.new_stream, "lz4")),
}


def put(place, folder, content):
    """Write a file in a place and give its URI."""
    path = folder / "tap a" / "f#1"
    path.parent.mkdir()
    path.write_bytes(content)
    match place:
        case "path":
            return path
        case "uri":
            return path.as_uri()
        case "unquoted":
            return f"file://{path}"
        case "host":
            return f"file://localhost{path}"
        case "memory":
            fsspec.filesystem("memory").pipe(f"/{folder.name}/f", content)
            return f"memory://{folder.name}/f"
        case "zip":
            with zipfile.ZipFile(folder / "f.zip", "w") as packed:
                packed.writestr("in/f", content)
            return f"zip://in/f::file://{folder / 'f.zip'}"
    raise AssertionError(place)


@pytest.mark.parametrize("place", ["path", "uri", "memory"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_is_read_from_every_place(loader, tmp_path, encoding, place):
    told, content = ENCODINGS[encoding]
    uri = put(place, tmp_path, content)

    loader.load(ASKED, foreign(uri, **told), state({"at": 1}))

    assert loader.sql("SELECT id, t FROM raw.s") == [(1, "x"), (2, None)]
    assert loader.state() == {"at": 1}


@pytest.mark.parametrize("place", ["unquoted", "host", "zip"])
def test_a_place_may_be_written_in_many_ways(loader, tmp_path, place):
    loader.load(ASKED, foreign(put(place, tmp_path, LINES)))

    assert loader.column("id") == [1, 2]


class Hdfs(http.server.BaseHTTPRequestHandler):
    """The two calls of WebHDFS with which a file is read; there is one file."""

    def do_GET(self):
        address = urlparse(self.path)
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path != "/webhdfs/v1/out/f":
            missing = {"exception": "FileNotFoundException", "message": "no such file"}
            self.answer(404, json.dumps({"RemoteException": missing}).encode())
        elif asked["op"] == "GETFILESTATUS":
            status = {"length": len(LINES), "type": "FILE"}
            self.answer(200, json.dumps({"FileStatus": status}).encode())
        else:
            first = int(asked["offset"])
            self.answer(200, LINES[first : first + int(asked["length"])])

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def hdfs():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hdfs) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"webhdfs://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_file_of_another_machine_is_fetched_when_its_batch_comes(loader, hdfs):
    loading = loader.start()

    loading.feed([line(ASKED), line(foreign(f"{hdfs}/out/f"))])
    kept = [path.read_bytes() for path in (loader.folder / "spool").iterdir()]
    loading.finish()

    assert kept == [LINES]
    assert loader.column("id") == [1, 2]
    assert list((loader.folder / "spool").iterdir()) == []


def test_a_file_that_another_machine_lacks_is_named(loader, hdfs):
    with pytest.raises(EltError, match=r"(?s)not there.*out/gone"):
        loader.load(ASKED, foreign(f"{hdfs}/out/gone"), state({"at": 1}))


def test_files_are_kept_until_the_commit_and_the_taps_own_for_ever(loader, tmp_path):
    file, gone = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    file.write_bytes(LINES)
    gone.write_bytes(LINES)
    loading = loader.start()

    loading.feed([line(ASKED), line(foreign(file, gone))])
    gone.unlink()
    loading.finish()

    assert loader.column("id") == [1, 2, 1, 2]
    assert file.exists()
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_was_kept_goes_when_the_tap_fails(loader, tmp_path):
    file = tmp_path / "f.jsonl"
    file.write_bytes(LINES)

    loader.load(ASKED, foreign(file), ok=False)

    assert file.exists()
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_file_behind_a_symbolic_link_is_kept_too(loader, tmp_path):
    file, link = tmp_path / "f.jsonl", tmp_path / "link.jsonl"
    file.write_bytes(LINES)
    link.symlink_to(file)
    loading = loader.start()

    loading.feed([line(ASKED), line(foreign(link))])
    file.unlink()
    loading.finish()

    assert loader.column("id") == [1, 2]


def test_a_tap_that_writes_over_its_file_is_found_out(loader, tmp_path):
    file = tmp_path / "f.jsonl"
    file.write_bytes(LINES)
    loading = loader.start()

    loading.feed([line(ASKED), line(foreign(file)), line(state({"at": 1}))])
    file.write_bytes(b'{"id": 7}\n')
    loading.finish()

    assert "changed while it was read" in str(loading.streams["s"].error)
    assert loader.state() is None


def test_a_pattern_in_a_name_is_only_a_name(loader, tmp_path):
    for name in ("a*.jsonl", "ab.jsonl", "a[1].jsonl", "a1.jsonl"):
        (tmp_path / name).write_text(f'{{"t": "{name}"}}\n')
    seen = (tmp_path / "a*.jsonl").stat()
    about = {"size": seen.st_size, "mtime_ns": seen.st_mtime_ns}
    message = foreign(tmp_path / "a*.jsonl", tmp_path / "a[1].jsonl")

    loader.load(ASKED, {**message, "elt": {"files": [about, {}]}})

    assert loader.column("t") == ["a*.jsonl", "a[1].jsonl"]


@pytest.mark.parametrize("uri", ["{}/none.jsonl", "{}", "memory://none/f.jsonl"])
def test_a_file_that_is_not_there_is_named(loader, tmp_path, uri):
    message = foreign(uri.format(tmp_path))

    with pytest.raises(EltError, match=r"(?s)not there.*none|not there.*test_a_file"):
        loader.load(ASKED, message, state({"at": 1}))

    assert loader.sql(
        "SELECT count(*) FROM duckdb_tables() WHERE schema_name='raw'"
    ) == [(0,)]


def test_a_manifest_without_files_loads_nothing_and_harms_nothing(loader):
    loader.load(ASKED, foreign(), state({"at": 1}))

    assert loader.column("id") == []
    assert loader.state() == {"at": 1}


def test_an_unknown_format_is_refused_with_what_there_is(loader, tmp_path):
    with pytest.raises(EltError, match="BATCH of `avro` files") as refused:
        loader.load(ASKED, foreign(tmp_path / "f", format="avro"))

    assert refused.value.hint == "elt reads batches of jsonl, parquet, arrow and csv"


def test_an_unknown_packing_is_refused_with_what_there_is(loader, tmp_path):
    file = tmp_path / "f"
    file.write_bytes(b"\xff\x06\x00\x00sNaPpY")

    with pytest.raises(EltError, match="packed as `snappy`"):
        loader.load(ASKED, foreign(file, format="jsonl", compression="snappy"))

    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize("uri", ["nowhere://bucket/f", "gs://bucket/f"])
def test_a_place_that_needs_a_package_names_it(loader, uri):
    if importlib.util.find_spec("gcsfs"):
        pytest.skip("gcsfs is installed")

    with pytest.raises(EltError, match="BATCH in") as refused:
        loader.load(ASKED, foreign(uri))

    if uri.startswith("gs:"):
        assert isinstance(refused.value, ConfigError)
        assert refused.value.hint == "pip install 'elt-toolkit[gcs]'"


def test_a_place_that_does_not_answer_may_be_tried_again(loader):
    with pytest.raises(Unavailable, match="cannot be reached"):
        loader.load(ASKED, foreign("ftp://127.0.0.1:1/f"))


DAMAGED = {
    "gzip-cut": ("jsonl", gzip.compress(LONG)[:-5000]),
    "gzip-end": ("jsonl", gzip.compress(LONG)[:-3]),
    "zstd-cut": ("jsonl", zstd.compress(LONG)[:-3]),
    "parquet-cut": ("parquet", parquet("snappy")[:-20]),
    "parquet-empty": ("parquet", b""),
    "parquet-text": ("parquet", LINES),
    "arrow-cut": ("arrow", arrow(pa.ipc.new_file)[:-20]),
    "arrow-empty": ("arrow", b""),
    "arrow-text": ("arrow", LINES),
    "arrow-stream-cut": ("arrow", arrow(pa.ipc.new_stream)[:-60]),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_an_error_and_no_bookmark_moves(loader, tmp_path, damage):
    form, content = DAMAGED[damage]
    file = tmp_path / "f"
    file.write_bytes(content)

    streams = loader.load(ASKED, foreign(file, format=form), state({"at": 1}))

    assert isinstance(streams["s"].error, EltError)
    assert loader.state() is None


def with_checksum(content):
    return zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1})


@pytest.mark.parametrize("pack", [gzip.compress, with_checksum], ids=["gzip", "zstd"])
def test_lines_that_do_not_unpack_are_not_taken_for_bad_lines(loader, tmp_path, pack):
    content = bytearray(pack(LONG))
    content[len(content) // 2] ^= 0xFF
    file = tmp_path / "f"
    file.write_bytes(content)

    streams = loader.load(ASKED, foreign(file), state({"at": 1}), limit=100_000)

    assert streams["s"].error is not None
    assert loader.state() is None


def test_damage_inside_a_parquet_file_is_an_error(loader, tmp_path):
    file = tmp_path / "f.parquet"
    duckdb.connect().execute(
        f"COPY (SELECT range AS id FROM range(100_000)) TO '{file}' (FORMAT parquet)"
    )
    content = bytearray(file.read_bytes())
    content[200:400] = bytes(200)
    file.write_bytes(content)

    streams = loader.load(ASKED, foreign(file, format="parquet"), state({"at": 1}))

    assert "cannot be read" in str(streams["s"].error)
    assert loader.state() is None


def test_a_batch_before_its_schema_is_an_error(loader, tmp_path):
    file = tmp_path / "f"
    file.write_bytes(LINES)

    with pytest.raises(SchemaMissing, match="wrote a BATCH of stream `s` before"):
        loader.load(foreign(file))


def test_records_and_batches_of_two_encodings_keep_their_order(loader, tmp_path):
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_bytes(arrow(pa.ipc.new_file))
    two.write_bytes(gzip.compress(b'{"id": 1, "t": "jsonl"}\n'))

    loader.load(
        ASKED,
        b'{"id": 1, "t": "before"}',
        b'{"id": 2, "t": "before"}',
        foreign(one, format="arrow"),
        b'{"id": 2, "t": "between"}',
        foreign(two),
        b'{"id": 3, "t": "after"}',
        mode="upsert",
        key=["id"],
    )

    assert loader.sql("SELECT id, t FROM raw.s ORDER BY id") == [
        (1, "jsonl"),
        (2, "between"),
        (3, "after"),
    ]


def test_a_null_in_the_key_of_a_columnar_file_is_a_reject(loader, tmp_path):
    file = tmp_path / "f"
    file.write_bytes(arrow(pa.ipc.new_file))

    loader.load(ASKED, foreign(file, format="arrow"), mode="upsert", key=["t"])

    assert loader.column("id") == [1]
    assert loader.rejects() == [
        ("t", None, "the key is missing or null", '{"id":2,"t":null}')
    ]


def test_the_options_of_a_taps_storage_open_its_place(loader, tmp_path):
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as packed:
        packed.writestr("f", LINES)
    loading = loader.start(load={"storage": {"fo": str(Path(tmp_path, "f.zip"))}})

    loading.feed([line(ASKED), line(foreign("zip://f"))])
    loading.finish()

    assert loader.column("id") == [1, 2]
