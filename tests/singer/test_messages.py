"""The reader of a tap's stdout."""

from __future__ import annotations

import contextlib
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.errors import EltError
from elt.singer.messages import decode, raw_json, read_chunks


def piped(content, **options):
    """Read what another thread writes into a pipe."""
    reading, writing = os.pipe()

    def write():
        # The reader may well stop before the end.
        with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
            pipe.write(content)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        return [line for lines in read_chunks(reading, **options) for line in lines]
    finally:
        os.close(reading)
        writer.join()


@given(st.lists(st.binary(max_size=50).filter(lambda line: b"\n" not in line)))
def test_for_all_lines_each_is_given_once_and_whole(lines):
    assert piped(b"".join(line + b"\n" for line in lines)) == lines


def test_a_last_line_without_newline_is_given_too():
    assert piped(b"a\nb") == [b"a", b"b"]


def test_a_line_longer_than_many_chunks_is_put_together():
    long = b"x" * 5_000_000

    assert piped(b"a\n" + long + b"\nb\n") == [b"a", long, b"b"]


def test_a_line_beyond_the_limit_is_an_error_that_shows_its_beginning():
    with pytest.raises(EltError, match="longer than 1 MB") as caught:
        piped(b"y" * 3_000_000, line_limit_bytes=1 << 20)

    assert caught.value.where.startswith("yyy")


def test_silence_is_taken_for_hanging():
    reading, writing = os.pipe()
    with pytest.raises(EltError, match="taken for hanging"):
        list(read_chunks(reading, idle_timeout_seconds=0.05))
    os.close(reading)
    os.close(writing)


def test_the_record_stays_raw():
    message = decode(b'{"type":"RECORD","stream":"s","record":{"a": 1.10}}')

    assert bytes(message.record) == b'{"a": 1.10}'


def test_digits_survive_what_is_not_quite_json():
    message = decode(b'{"type":"RECORD","stream":"s","record":{"a":1.10,"b":NaN}}')

    assert bytes(message.record) == b'{"a":1.10,"b":"NaN"}'


@given(st.binary(max_size=200))
def test_for_all_bytes_a_line_is_a_message_or_a_clear_error(content):
    with contextlib.suppress(EltError):
        assert isinstance(decode(content).type, str)


@pytest.mark.parametrize(
    "line",
    [b"[" * 100_000, b"null", b"5", b'{"type": 5}', b"{}", b'{"stream": "s"}'],
)
def test_what_is_json_but_no_message_is_a_clear_error(line):
    with pytest.raises(EltError, match="not a Singer message"):
        decode(line)


def test_numbers_beyond_all_floats_are_read_as_python_reads_them():
    message = decode(b'{"type": "STATE", "value": {"x": 1e400, "y": 12}}')

    assert raw_json(message.value) == {"x": float("inf"), "y": 12}
