"""Which road a load took, and whether what it left is what was sent."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

from elt.targets.nested import Items, Leaf, Struct, parse, render, renewed
from elt.warehouse.duckdb import Warehouse


@dataclass
class Watched:
    """A cursor that remembers which statements it ran."""

    cursor: object
    statements: list[str]

    def execute(self, text, *rest):
        self.statements.append(text)
        return self.cursor.execute(text, *rest)

    def __getattr__(self, name):
        return getattr(self.cursor, name)


@dataclass
class WatchedWarehouse:
    """A warehouse that knows whether a part was read value by value."""

    warehouse: Warehouse
    statements: list[str] = field(default_factory=list, repr=False)

    @property
    def carefully(self):
        return any("TEMP TABLE _elt_texts_" in text for text in self.statements)

    @contextmanager
    def writer(self, **about):
        with self.warehouse.writer(**about) as cursor:
            yield Watched(cursor, self.statements)

    def __getattr__(self, name):
        return getattr(self.warehouse, name)


class Number(str):
    """A number as it is written in JSON."""

    __slots__ = ()


def written(value):
    """Write JSON with numbers as they are."""
    match value:
        case Number():
            return str(value)
        case dict():
            pairs = (f"{json.dumps(k)}:{written(v)}" for k, v in value.items())
            return "{" + ",".join(pairs) + "}"
        case list():
            return "[" + ",".join(map(written, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def read(text):
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=str)


def with_texts(type_):
    """Give a nested type with texts at its leaves, which keep every digit."""
    return render(renewed(parse(type_), lambda _: "VARCHAR"))


def same(type_, sent, kept):
    """Say whether a value is kept: by its text, or by JSON of texts if nested."""
    return _same(parse(type_), sent, kept)


def _same(shape, sent, kept):
    if sent is None or kept is None:
        return sent is None and kept is None
    match shape:
        case Leaf(type=type_):
            return _SAME.get(type_, _same_number)(sent, kept)
        case Items(each=each):
            kept = read(kept) if isinstance(kept, str) else kept
            return (
                isinstance(sent, list)
                and len(sent) == len(kept)
                and all(_same(each, a, b) for a, b in zip(sent, kept, strict=True))
            )
        case Struct(fields=fields):
            kept = read(kept) if isinstance(kept, str) else kept
            return _same_fields(dict(fields), sent, kept)


def _same_fields(fields, sent, kept):
    """Compare objects, where a missing key reads back as a null."""
    if not isinstance(sent, dict):
        return False
    told = {key: value for key, value in sent.items() if value is not None}
    return told.keys() <= fields.keys() and all(
        _same(shape, told.get(key), kept.get(key)) for key, shape in fields.items()
    )


def _same_json(sent, kept):
    return _alike(sent, read(kept))


def _alike(one, other):
    return written(one) == written(other)


def _same_text(sent, kept):
    match sent:
        case Number():
            return kept == sent
        case str():
            return kept == sent
        case bool():
            return kept == json.dumps(sent)
        case _:
            return _alike(sent, read(kept))


def _same_number(sent, kept):
    return isinstance(sent, str) and Decimal(kept) == Decimal(sent.strip())


def _same_double(sent, kept):
    if not isinstance(sent, str):
        return False
    whole = re.fullmatch("-?[0-9]+", sent)
    digits = not whole or int(float(kept)) == int(sent)
    return digits and (float(kept) == float(sent) or sent.lower() == "nan")


def _same_boolean(sent, kept):
    said = sent if isinstance(sent, str) else json.dumps(sent)
    return str(kept).lower() == said.lower()


def _same_moment(sent, kept):
    return type(sent) is str and _seconds(sent) == _seconds(kept)


def _same_day(sent, kept):
    return type(sent) is str and _seconds(sent) == _seconds(kept)


def _same_time(sent, kept):
    return type(sent) is str and _in_day(sent.rstrip("Zz")) == _in_day(kept)


def _seconds(text):
    """Give an ISO moment as seconds, exactly, by way of no library."""
    found = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)(?:[Tt ]([\d:.,]+) ?([Zz]|UTC|[+-][\d:]+)?)?", text.strip()
    )
    day, clock, offset = found.groups()
    seconds = date.fromisoformat(day).toordinal() * 86400 + _in_day(clock or "0:0")
    if offset and offset[0] in "+-":
        digits = offset[1:].replace(":", "").ljust(6, "0")
        hours, minutes, rest = (int(digits[n : n + 2]) for n in (0, 2, 4))
        sign = -1 if offset[0] == "+" else 1
        seconds += sign * (hours * 3600 + minutes * 60 + rest)
    return seconds


def _in_day(clock):
    parts = [Fraction(part) for part in clock.replace(",", ".").split(":")]
    return sum(part * 60**power for part, power in zip(parts, (2, 1, 0), strict=False))


_SAME = {
    "JSON": _same_json,
    "VARCHAR": _same_text,
    "DOUBLE": _same_double,
    "BOOLEAN": _same_boolean,
    "TIMESTAMPTZ": _same_moment,
    "DATE": _same_day,
    "TIME": _same_time,
}
