from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.taps.events import reading
from elt.taps.events.reading import Cut, Lines, elements, is_spread, split
from elt.taps.files.changes import content_of
from elt.taps.files.compressed import zstd
from elt.taps.files.settings import File

TRICKY = st.text(st.sampled_from('a"\\{}[],:\n é'), max_size=6)
VALUES = TRICKY | st.integers() | st.lists(TRICKY | st.none(), max_size=3)
OBJECTS = st.lists(st.dictionaries(TRICKY, VALUES, max_size=3), min_size=1, max_size=4)


def pieces(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def file(path: Path, content: bytes, compression="none") -> File:
    path.write_bytes(content)
    return File(path, path.name, "jsonl", compression)


def read(given: File, start: int = 0, **about) -> list[tuple[int, bytes]]:
    return list(Lines(given, start, given.path.stat().st_size, **about))


@settings(max_examples=50)
@given(
    objects=OBJECTS,
    size=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
    ascii_=st.booleans(),
)
def test_an_array_gives_its_objects_wherever_it_is_cut(objects, size, indent, ascii_):
    text = json.dumps(objects, indent=indent, ensure_ascii=ascii_)

    found = elements(pieces(text.encode("utf-8", "surrogatepass"), size))

    assert [json.loads(element) for _, element in found] == objects


@settings(max_examples=50)
@given(objects=OBJECTS, size=st.integers(1, 40))
def test_pretty_printed_objects_are_given_one_by_one(objects, size):
    text = "\n".join(json.dumps(one, indent=2) for one in objects)

    found = elements(pieces(text.encode(), size))

    assert [json.loads(element) for _, element in found] == objects


@given(
    lines=st.lists(st.binary().filter(lambda b: b"\n" not in b)), size=st.integers(1, 9)
)
def test_lines_are_split_wherever_they_are_cut(lines, size):
    content = b"".join(line + b"\n" for line in lines)

    assert [line for group in split(pieces(content, size)) for line in group] == lines


def test_elements_have_the_numbers_of_their_lines():
    text = b'[\n{"a":\n1},\n\n{"a":2}, {"a":3}\n]\n'

    assert list(elements([text])) == [
        (2, b'{"a":\n1}'),
        (5, b'{"a":2}'),
        (5, b'{"a":3}'),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b'[{"a":1},{"b"', [b'{"a":1}', b'{"b"']),
        (b'[{"a":1}, 7, {"b":2}]', [b'{"a":1}', b"7", b'{"b":2}']),
        (b'[{"a":1}] rubbish', [b'{"a":1}', b"rubbish"]),
        (b'[{"a":"\\\\\\"}{"}]', [b'{"a":"\\\\\\"}{"}']),
        (b"[]", []),
    ],
)
def test_what_is_left_over_is_given_too(text, found):
    assert [element for _, element in elements([text])] == found


@pytest.mark.parametrize(
    ("beginning", "spread"),
    [
        (b' [{"a":1}', True),
        (b'{\n  "a"', True),
        (b'{"a":1}\n', False),
        (b"{broken\n", False),
        (b"a\tb", False),
    ],
)
def test_an_array_or_pretty_printed_file_is_told_by_its_beginning(beginning, spread):
    assert is_spread(beginning) is spread


def test_a_line_without_an_end_of_sense_is_cut(monkeypatch):
    monkeypatch.setattr(reading, "LONGEST_BYTES", 10)

    found = [x for group in split([b"1234567", b"8901234", b"5\nok\n"]) for x in group]

    assert [isinstance(one, Cut) for one in found] == [True, False]
    assert found[1] == b"ok"
    assert len(found[0]) <= 10


def test_an_object_without_an_end_of_sense_is_cut(monkeypatch):
    monkeypatch.setattr(reading, "LONGEST_BYTES", 10)

    [(line, found)] = elements([b'[{"a":"1234567', b'8901234"}]'])

    assert (line, isinstance(found, Cut)) == (1, True)


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_compressed_files_are_read_with_any_letters_in_them(tmp_path, compression):
    content = '{"a":"Zoë — s 😀"}\n\n{"b":1}'.encode()
    pack = {"none": bytes, "gzip": gzip.compress, "zstd": zstd.compress}[compression]
    packed = pack(content[:10]) + pack(content[10:])  # members and frames follow

    given_file = file(tmp_path / "x", packed, compression)

    assert read(given_file) == [
        (1, '{"a":"Zoë — s 😀"}'.encode()),
        (2, b""),
        (3, b'{"b":1}'),
    ]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_a_half_written_file_says_so(tmp_path, compression):
    pack = {"gzip": gzip.compress, "zstd": zstd.compress}[compression]
    whole = pack(bytes(range(256)) * 4000)

    given_file = file(tmp_path / "x", whole[:-20], compression)

    with pytest.raises(reading.UNREADABLE):
        read(given_file)


def test_what_was_read_is_known_as_change_detection_knows_it(tmp_path):
    given_file = file(tmp_path / "x", gzip.compress(b"a\nb\n"), "gzip")
    size = given_file.path.stat().st_size
    lines = Lines(given_file, 0, size)

    list(lines)

    assert lines.fingerprint == content_of(given_file, size).fingerprint


def test_reading_goes_on_where_it_ended(tmp_path):
    given_file = file(tmp_path / "x", b"a\nb\nc\n")

    assert read(given_file, 2, line=1, spread=False) == [(2, b"b"), (3, b"c")]


def test_what_is_written_meanwhile_is_for_the_next_run(tmp_path):
    given_file = file(tmp_path / "x", b"a\nb\n")

    assert list(Lines(given_file, 0, 2)) == [(1, b"a")]


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path):
    assert read(file(tmp_path / "x", b"\xef\xbb\xbf{}\n")) == [(1, b"{}")]
