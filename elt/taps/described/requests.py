"""The request of a list: a stream's settings with their `{name}` filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote

import msgspec
from msgspec import UNSET, Raw

from elt.errors import EltError
from elt.taps.described.paging import first_call
from elt.taps.described.settings import (
    PARENT,
    SINCE,
    UNTIL,
    StreamSettings,
    path_of,
)
from elt.taps.described.spans import Span, written
from elt.taps.described.templates import ValueOf, filled, filled_text, holes, plain
from elt.taps.rest.calls import Call
from elt.taps.rest.rows import Record

_table = msgspec.json.Decoder(dict[str, Raw]).decode


class Unaskable(EltError):
    """A parent's record lacks what the request is made of."""


def request_of(
    stream: StreamSettings, span: Span, parent: Record | None = None
) -> Call:
    """Make the request of the first page. Raises Unaskable."""
    value_of = _values(stream, span, parent)
    path, _, query = _path(stream, value_of).partition("?")
    params = filled(dict(stream.params), value_of)
    call = Call(
        path=path,
        method=stream.method,
        params={**_of_query(query), **_texts({} if params is UNSET else params)},
        headers=stream.headers,
        body=_body(stream, value_of),
    )
    return first_call(stream.paging, call)


def raw_at(record: Record, name: str) -> Any:
    """Give what is at `a.b` of a record, undecoded; UNSET for nothing and null."""
    found: Record = record
    for key in path_of(name):
        try:
            found = _table(found)[key]
        except (KeyError, msgspec.ValidationError):
            return UNSET
    return UNSET if bytes(found) == b"null" else found


def _values(stream: StreamSettings, span: Span, parent: Record | None) -> ValueOf:
    def value_of(name: str) -> Any:
        cursor = stream.cursor
        if name in {SINCE, UNTIL} and cursor is not None:
            bound = span.since if name == SINCE else span.until
            if bound is None:
                return UNSET
            return written(cursor, bound, as_end=name == UNTIL)
        return raw_at(parent or b"{}", name.removeprefix(PARENT))

    return value_of


def _path(stream: StreamSettings, value_of: ValueOf) -> str:
    for name in holes(stream.path):
        value = value_of(name)
        if value is UNSET or plain(value) in {"", ".", ".."}:
            raise Unaskable(
                f"a record of `{stream.parent}` has no `{name}` for `{stream.path}`",
                hint=f"Look at `path` of the stream `{stream.name}`",
            )
    return str(filled_text(stream.path, value_of, lambda text: quote(text, safe="")))


def _body(stream: StreamSettings, value_of: ValueOf) -> Any:
    if stream.body is None:
        return {} if stream.method == "POST" else None
    found = filled(dict(stream.body), value_of)
    return {} if found is UNSET else found


def _of_query(query: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def _texts(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [plain(v) for v in value] if isinstance(value, list) else plain(value)
        for name, value in params.items()
    }
