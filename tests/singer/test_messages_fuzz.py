"""Whatever comes through the pipe: each line is a message, or one clear error."""

from __future__ import annotations

import contextlib
import json
import os
import threading

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from elt.errors import EltError
from elt.singer import messages
from elt.singer.messages import (
    CHUNK_BYTES,
    Message,
    decode,
    raw_json,
    read_chunks,
    utf_8,
)

NO_NEWLINE = st.binary(max_size=60).filter(lambda line: b"\n" not in line)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner)
    ),
    max_leaves=12,
)
# What breaks lines in practice, put in at any place.
ODD = st.sampled_from(
    [
        b"NaN", b"-Infinity", b"\xff", b"\xc3", b"\x00", b"\x01", b"\r", b"\\", b'"',
        b"{", b"}", b"[", b"]", b",", b":", b"\\ud800", b"1e999999999999999999999",
        b"\xef\xbb\xbf", b"null", b"01", b"+1", b" ", b"\t", b"\x85", b"\xe2\x80\xa8",
    ]
)  # fmt: skip
TYPES = st.sampled_from(["RECORD", "SCHEMA", "STATE", "BATCH", "ACTIVATE_VERSION", "X"])
FIELDS = st.sampled_from(
    ["stream", "record", "schema", "value", "encoding", "elt", "key_properties",
     "manifest", "version", "time_extracted", "other"]
)  # fmt: skip


@st.composite
def envelopes(draw):
    """Write a message whose fields may hold anything."""
    message = {"type": draw(TYPES | JSON), **draw(st.dictionaries(FIELDS, JSON))}
    return json.dumps(message, ensure_ascii=draw(st.booleans()), allow_nan=True)


@st.composite
def broken_lines(draw):
    """Write a message, then cut it, or put into it what does not belong there."""
    line = draw(envelopes()).encode("utf-8", "surrogatepass")
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(line)))
        line = line[:at] + draw(ODD) + line[at + draw(st.integers(0, 2)) :]
    return line[: draw(st.integers(0, len(line)))] if draw(st.booleans()) else line


def sent_through(pieces, **options):
    """Read what another thread writes into a pipe, one write for each piece."""
    reading, writing = os.pipe()

    def write():
        # The reader may well stop before the end.
        with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb", 0) as pipe:
            for piece in pieces:
                pipe.write(piece)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        return [line for lines in read_chunks(reading, **options) for line in lines]
    finally:
        os.close(reading)
        writer.join()


def outcome(read, *of, **options):
    """Give what was read, or the one error that may come instead."""
    try:
        return read(*of, **options)
    except EltError as error:
        return error


def record_line(record):
    return b'{"type":"RECORD","stream":"s","record":' + record + b"}"


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_for_all_bytes_in_all_pieces_no_byte_of_a_line_is_lost(pieces):
    whole = b"".join(pieces)

    lines = sent_through(pieces)

    assert b"\n".join(lines) == whole.removesuffix(b"\n")


@given(st.lists(NO_NEWLINE, min_size=1, max_size=6), st.integers(0, 400))
def test_for_all_places_of_a_chunks_border_lines_are_the_same(lines, border):
    content = b"".join(line + b"\n" for line in lines)

    assert sent_through([content[:border], content[border:]]) == lines


def test_a_line_that_ends_just_at_the_chunks_border_is_whole():
    for much in (CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1):
        first = b"x" * (much - 1)

        assert sent_through([first + b"\ny\n"]) == [first, b"y"]


@pytest.mark.parametrize("at", range(0, 70, 3))
def test_a_message_cut_by_a_chunks_border_is_read_as_one(at):
    line = record_line('{"a":"żółw","b":1.10}'.encode())

    (read,) = sent_through([line[:at], line[at:] + b"\n"])

    assert bytes(decode(read).record) == '{"a":"żółw","b":1.10}'.encode()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=8), st.integers(1, 20))
def test_for_all_lengths_a_line_is_given_or_named_as_too_long(lengths, limit):
    lines = [b"x" * length for length in lengths]
    content = b"".join(line + b"\n" for line in lines)
    pieces = [content[n : n + 1] for n in range(len(content))]
    too_long = max(lengths) > limit

    read = outcome(sent_through, pieces, line_limit_bytes=limit)

    # A line that comes in one chunk is given all the same.
    assert read == lines or (too_long and "longer than" in str(read))


@given(broken_lines())
@example(b'{"type":"RECORD","stream":"\xff","record":{}}')
@example(record_line(b'{"a":NaN,"b":1e999999999999999999999}'))
def test_for_all_broken_lines_there_is_a_message_or_one_clear_error(line):
    read = outcome(decode, line)

    if isinstance(read, EltError):
        assert "not a Singer message" in read.what
        assert read.where is not None
        assert read.hint
        return
    for field in (read.schema, read.value, read.encoding, read.elt):
        outcome(raw_json, field)


@pytest.mark.slow
@given(broken_lines() | st.binary(max_size=300))
@settings(max_examples=6_000, deadline=None)
def test_for_all_broken_lines_there_is_a_message_or_one_clear_error_at_length(line):
    assert isinstance(outcome(decode, line), Message | EltError)


@given(JSON, st.booleans(), st.sampled_from(["", " ", "\t", "\r"]))
def test_for_all_records_the_bytes_are_those_that_were_sent(value, ascii_, space):
    record = json.dumps({"v": value}, ensure_ascii=ascii_).encode()

    line = b'{"type": "RECORD", "stream": "s", "record": %b%b}' % (
        record,
        space.encode(),
    )

    assert bytes(decode(line + space.encode()).record) == record


@given(st.lists(st.sampled_from([b"NaN", b"Infinity", b"-Infinity"]), min_size=1), JSON)
def test_for_all_records_with_words_for_numbers_only_those_become_text(words, value):
    rest = json.dumps(value).encode()
    written = b"[" + b",".join(words) + b"]"
    quoted = b"[" + b",".join(b'"%b"' % word for word in words) + b"]"
    line = record_line(b'{"n":%b,"t":"NaN, \\"Infinity","v":%b}' % (written, rest))

    record = bytes(decode(line).record)

    assert record == b'{"n":%b,"t":"NaN, \\"Infinity","v":%b}' % (quoted, rest)


def test_the_same_key_twice_stays_twice_for_whoever_judges_the_record():
    for record in (b'{"a":1,"a":2}', b'{"a":1.10,"a":"NaN","b":1e400}'):
        assert bytes(decode(record_line(record)).record) == record
    message = decode(record_line(b'{"a":NaN,"a":2}'))

    assert bytes(message.record) == b'{"a":"NaN","a":2}'


@pytest.mark.parametrize("depth", [1_100, 10_000, 200_000])
@pytest.mark.parametrize(("left", "right"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_record_nested_thousands_of_levels_deep_is_a_clear_error(depth, left, right):
    inner = b"1" if left != b"[" else b""

    with pytest.raises(EltError, match="not a Singer message") as caught:
        decode(record_line(b'{"v":' + left * depth + inner + right * depth + b"}"))

    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("line", [b"", b" ", b"\r", b"\t \r", b"\x0c"])
def test_a_blank_line_is_a_message_of_no_type(line):
    assert decode(line) == Message(type="")


def test_a_line_end_of_windows_belongs_to_no_field():
    (line, _) = sent_through([b'{"type":"STATE","value":{"a":1}}\r\n\r\n'])

    assert bytes(decode(line).value) == b'{"a":1}'


def test_a_byte_order_mark_before_a_message_is_left_out():
    message = decode(b'\xef\xbb\xbf{"type":"STATE","value":{"a":1}}')

    assert bytes(message.value) == b'{"a":1}'
    with pytest.raises(EltError):
        decode(b"\xef\xbb\xbfHello")


@pytest.mark.parametrize("read", [raw_json, utf_8])
def test_a_field_that_is_not_utf_8_is_named(read):
    message = decode(b'{"type":"STATE","value":{"long":"%b\xff"}}' % (b"x" * 500))

    with pytest.raises(EltError, match="not UTF-8") as caught:
        read(message.value)

    assert caught.value.where.endswith('x\ufffd"}')
    assert len(caught.value.where) < 100


def test_a_last_line_that_was_cut_off_is_a_clear_error():
    lines = sent_through([b'{"type":"STATE","value":1}\n{"type":"REC'])

    assert decode(lines[0]).type == "STATE"
    with pytest.raises(EltError, match="not a Singer message"):
        decode(lines[1])


def test_memory_for_a_line_beyond_the_limit_is_bounded_by_it():
    written = []

    def endless():
        while len(written) < 1_000:
            written.append(1)
            yield b"x" * (1 << 20)

    with pytest.raises(EltError, match="longer than 4 MB"):
        sent_through(endless(), line_limit_bytes=4 << 20)

    assert len(written) < 10
    assert messages.LINE_LIMIT_BYTES == 64 << 20
