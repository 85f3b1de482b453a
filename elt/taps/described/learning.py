"""Columns that the sample did not show, or that hold more than it showed.

A whole page is compared with the known types by one decoder of msgspec; only one that
does not fit is looked at value by value. A number like 10.5 after a hundred whole ones
makes its column wider, in place of a reject.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

from elt.taps.kinds import (
    INTEGER_MAX,
    INTEGER_MIN,
    NULL,
    Kind,
    Name,
    kind_of,
    schema_of,
    widest,
)
from elt.taps.rest.rows import Record

# What text and JSON columns hold needs no look: they take anything.
_TYPES: dict[Name, Any] = {
    "null": None,
    "boolean": bool | None,
    "integer": Annotated[int, Meta(ge=INTEGER_MIN, le=INTEGER_MAX)] | None,
    "number": float | None,
    "date": date | None,
    "date-time": datetime | None,
    "time": time | None,
}
_decode = msgspec.json.Decoder(dict[str, Any]).decode
Properties = dict[str, Any]


class Learner:
    """Knows the kinds of a stream's columns, but of those that were declared."""

    def __init__(
        self, properties: Mapping[str, Any], declared: Collection[str]
    ) -> None:
        found = {n: _kind(about) for n, about in properties.items()}
        self._kinds = {n: k for n, k in found.items() if k and n not in declared}
        self._plain = set(properties) - set(self._kinds)
        self._fits = self._decoder()

    def learn(self, records: Sequence[Record]) -> Properties:
        """Give the columns that these records make new or wider, as they are now."""
        try:
            for record in records:
                self._fits(record)
        except msgspec.ValidationError:
            return self._wider(records)
        return {}

    def _wider(self, records: Sequence[Record]) -> Properties:
        before, kinds = dict(self._kinds), self._kinds
        for record in records:
            for name, value in _decode(record).items():
                if name not in self._plain:
                    kinds[name] = widest(kinds.get(name, NULL), kind_of(value))
        wider = {n: k for n, k in kinds.items() if k not in (before.get(n, NULL), NULL)}
        self._plain |= {n for n, k in kinds.items() if k.name not in _TYPES}
        self._kinds = {n: k for n, k in kinds.items() if k.name in _TYPES}
        self._fits = self._decoder()
        return {name: schema_of(kind) for name, kind in wider.items()}

    def _decoder(self) -> Callable[[Record], Any]:
        types = {n: _TYPES[kind.name] for n, kind in self._kinds.items()}
        types |= dict.fromkeys(self._plain, Raw)
        shape = msgspec.defstruct(
            "Fits",
            [(f"c{n}", kind, None) for n, kind in enumerate(types.values())],
            rename={f"c{n}": name for n, name in enumerate(types)},
            forbid_unknown_fields=True,
            gc=False,
        )
        return msgspec.json.Decoder(shape).decode


def _kind(about: Any) -> Kind | None:
    """Find the kind of which a schema was written, where it is one to look at."""
    bare = _bare(about)
    kinds = (Kind(name) for name in _TYPES if name != "null")
    return next((kind for kind in kinds if _bare(schema_of(kind)) == bare), None)


def _bare(about: Mapping[str, Any]) -> dict[str, Any]:
    types = about.get("type") or ()
    names = {types} if isinstance(types, str) else set(types)
    rest = {key: value for key, value in about.items() if value is not None}
    return {**rest, "type": names - {"null"}}
