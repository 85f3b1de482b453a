"""A page's JSON: its envelope is decoded, its records stay the bytes they were."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from elt.errors import EltError

_table = msgspec.json.Decoder(dict[str, Raw]).decode
_list = msgspec.json.Decoder(list[Raw]).decode
_any = msgspec.json.Decoder().decode
# A text, or what some programs write for a number that JSON has none for.
_TOKEN = re.compile(rb'(?P<text>"(?:[^"\\]|\\.)*")|-?(?:NaN|Infinity)', re.DOTALL)
_IN_TEXT = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)|(?P<bare>[\x00-\x1f])",
    re.DOTALL,
)


class NotThere(EltError):
    """A page has another shape than was expected."""


def fields(body: bytes | Raw) -> dict[str, Raw]:
    """Give the fields of a JSON object, undecoded. Raises NotThere for other JSON."""
    try:
        return _table(body)
    except (msgspec.ValidationError, UnicodeDecodeError):
        raise NotThere(f"not a JSON object: {excerpt(body)}") from None


def records_at(body: bytes, path: Sequence[str]) -> list[Raw]:
    """Give the records of a page: the list at a path of keys, none for the top.

    A single object there is one record; null, or nothing, is none. Raises NotThere
    where the path leads to something else.
    """
    found: bytes | Raw = body
    for depth, key in enumerate(path):
        inside = fields(found)
        if key not in inside:
            return _no_records(inside, path[: depth + 1])
        found = inside[key]
    kind = bytes(found).lstrip()[:1]
    if kind == b"[":
        return _list(found)
    if kind == b"{":
        return [Raw(bytes(found))]
    if kind == b"n":
        return []
    raise NotThere(f"`{'.'.join(path)}` is not a list of records: {excerpt(found)}")


def value_at(body: bytes | Raw, path: Sequence[str]) -> Any:
    """Decode what is at a path of keys; None where it leads to nothing.

    What is no JSON has nothing in it: errors of servers are often pages.
    """
    found: bytes | Raw = body
    try:
        for key in path:
            found = _table(found)[key]
        return _any(found)
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def mended(body: bytes) -> bytes:
    """Write down as JSON what programs write that is almost JSON.

    Surrogates that stand alone become U+FFFD: programs that cut texts by UTF-16 units
    write them (RFC 8259, 8.2), and so do bytes that are not UTF-8. Bare control
    characters become their escapes, NaN and Infinity null; a byte order mark goes. A
    body that breaks off stays broken.
    """
    text = body.decode("utf-8-sig", "replace").encode()
    return _TOKEN.sub(_mended_token, text)


def _mended_token(token: re.Match[bytes]) -> bytes:
    text = token["text"]
    return b"null" if text is None else _IN_TEXT.sub(_mended_piece, text)


def _mended_piece(piece: re.Match[bytes]) -> bytes:
    if piece["half"]:
        return rb"\ufffd"
    return rb"\u%04x" % ord(piece["bare"]) if piece["bare"] else piece[0]


def excerpt(body: bytes | Raw, length: int = 200) -> str:
    text = bytes(body)[: length * 4].decode("utf-8", "replace")
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _no_records(inside: dict[str, Raw], path: Sequence[str]) -> list[Raw]:
    keys = ", ".join(inside) or "nothing"
    raise NotThere(f"there is no `{'.'.join(path)}`; the answer has {keys}")
