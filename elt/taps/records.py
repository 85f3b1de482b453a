"""Records on their way out: their columns are learnt, then they are written as JSON.

This is the hot path of taps made of functions; a record of twelve fields costs about
three microseconds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Container, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from elt.taps.kinds import (
    DATE_TIME,
    INTEGER,
    INTEGER_MAX,
    INTEGER_MIN,
    Kind,
    kind_of,
    looks_like_date_time,
    schema_of,
    widest,
)

# Python types whose every value a column of a kind can hold, so that a value need not
# be looked at.
_NOTHING: frozenset[type] = frozenset()


class _Everything:
    def __contains__(self, kind: object) -> bool:
        return True


_EVERYTHING = _Everything()
_PLAIN: dict[str, frozenset[type]] = {
    "boolean": frozenset((bool,)),
    "number": frozenset((float, int)),
    "string": frozenset((str, int, float, bool)),
    "object": frozenset((dict,)),
    "array": frozenset((list, tuple)),
    "json": frozenset((dict, list, tuple, str, int, float, bool)),
}
_NONE = type(None)


class Columns:
    """The columns of one stream: declared ones, and those found so far."""

    def __init__(
        self,
        stream: str,
        declared: Mapping[str, Any],
        keep: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._stream = stream
        self._keep = keep
        self._left_out: set[str] = set()
        self._not_finite = False
        self._declared = {k: v for k, v in declared.items() if self._is_kept(k)}
        self._kinds: dict[str, Kind] = {}
        # What needs no look: declared and left-out columns take every type.
        self._plain: dict[str, Container[type]] = dict.fromkeys(declared, _EVERYTHING)

    def learn(self, page: Sequence[Mapping[str, Any]]) -> bool:
        """Look at records; tell whether a column is new or has become wider.

        Raises TypeError for what is no record, or holds what JSON cannot.
        """
        changed = False
        plain, kinds = self._plain, self._kinds
        for record in page:
            if not isinstance(record, dict):
                raise _no_record(self._stream, record)
            for name, value in record.items():
                kind = type(value)
                if kind in plain.get(name, _NOTHING) or (
                    (kind is int or kind is str) and _fits(kinds.get(name), value)
                ):
                    continue
                changed |= self._learn(name, value)
        return changed

    def chosen(self, page: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """Leave out the columns that are not selected, or not known yet."""
        if self._not_finite:
            page = [{k: _finite(v) for k, v in record.items()} for record in page]
        out = self._left_out | self.only_null()
        if not out:
            return page
        return [{k: v for k, v in record.items() if k not in out} for record in page]

    def only_null(self) -> set[str]:
        """Name the columns of which only NULLs were seen."""
        return {name for name, kind in self._kinds.items() if kind.name == "null"}

    def schema(self, *, at_the_end: bool = False) -> dict[str, Any]:
        """Write the columns as one JSON Schema.

        A column of NULLs waits for its first value, because a guess would stay with
        the table; at the end it becomes text.
        """
        found = {
            name: schema_of(kind)
            for name, kind in self._kinds.items()
            if at_the_end or kind.name != "null"
        }
        return {"type": "object", "properties": {**self._declared, **found}}

    def _learn(self, name: str, value: object) -> bool:
        if not isinstance(name, str):
            raise TypeError(f"stream `{self._stream}` has a column named {name!r}")
        if name not in self._plain and not self._is_kept(name):
            self._plain[name] = _EVERYTHING
            return False
        try:
            kind = kind_of(value)
        except TypeError as error:
            raise TypeError(f"stream `{self._stream}`, `{name}`: {error}") from error
        # JSON has no NaN. Floats become null by themselves, decimals do not.
        self._not_finite |= isinstance(value, Decimal) and not value.is_finite()
        old = self._kinds.get(name)
        new = kind if old is None else widest(old, kind)
        if new == old:
            return False
        # The very constants, so that the hot loop can ask for identity.
        self._kinds[name] = {INTEGER: INTEGER, DATE_TIME: DATE_TIME}.get(new, new)
        self._plain[name] = _PLAIN.get(new.name, _NOTHING) | {_NONE}
        return True

    def _is_kept(self, name: str) -> bool:
        kept = self._keep(name)
        if not kept:
            self._left_out.add(name)
        return kept


def _fits(kind: Kind | None, value: Any) -> bool:
    """Look at values of the two kinds whose Python type does not say enough."""
    if kind is INTEGER:
        return type(value) is int and INTEGER_MIN <= value <= INTEGER_MAX
    if kind is DATE_TIME:
        return type(value) is str and looks_like_date_time(value) is not None
    return False


def _no_record(stream: str, value: object) -> TypeError:
    return TypeError(
        f"stream `{stream}` gave a {type(value).__name__}, not a dictionary"
    )


def _finite(value: object) -> object:
    return None if isinstance(value, Decimal) and not value.is_finite() else value


class _RecordMessage(msgspec.Struct, gc=False):
    type: str
    stream: str
    record: Mapping[str, Any]


class Out:
    """Singer messages to a descriptor or a function, each page in one write."""

    def __init__(self, to: int | Callable[[bytes], object]) -> None:
        self._write = to if callable(to) else partial(_write_all, to)
        self._encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_builtin)

    def schema(
        self,
        stream: str,
        schema: Mapping[str, Any],
        key: Sequence[str],
        cursor: str | None,
    ) -> None:
        self.message(
            {
                "type": "SCHEMA",
                "stream": stream,
                "schema": schema,
                "key_properties": list(key),
                **({"bookmark_properties": [cursor]} if cursor else {}),
            }
        )

    def records(self, stream: str, page: Sequence[Mapping[str, Any]]) -> None:
        messages = [_RecordMessage("RECORD", stream, record) for record in page]
        try:
            lines = self._encoder.encode_lines(messages)
        except UnicodeEncodeError:
            lines = b"".join(_escaped(message) for message in messages)
        self._write(lines)

    def state(self, value: Mapping[str, Any]) -> None:
        self.message({"type": "STATE", "value": value})

    def message(self, message: Mapping[str, Any]) -> None:
        self._write(self._encoder.encode(message) + b"\n")


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _builtin(value: object) -> object:
    """Turn what msgspec does not know into what it knows: numpy's scalars."""
    single = getattr(value, "item", None)
    if callable(single):
        return single()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def _escaped(message: _RecordMessage) -> bytes:
    # Half a surrogate pair has no UTF-8; JSON can still say it as an escape.
    record = json.dumps(message.record, default=msgspec.to_builtins)
    stream = json.dumps(message.stream)
    line = f'{{"type":"RECORD","stream":{stream},"record":{record}}}\n'
    return line.encode("ascii")
