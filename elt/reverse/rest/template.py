"""Templates: values as in elt.toml in which `{name}` stands for something of a row.

A text that is nothing but `{name}` becomes that value itself, in JSON and exact: no
number passes through a float. Inside other text it is written out, escaped for its
place. `{{` and `}}` are braces. There is no logic; that is what the model's SQL is for.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal as OneOf
from urllib.parse import quote

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean, listed
from elt.reverse.destination import Change, Removed, Route, change_name
from elt.reverse.http import texts
from elt.reverse.payload import members

Scope = OneOf["call", "row", "payload", "old"]
CALL_NAMES = ("object", "key_field", "mode", "sync", "run_id", "idempotency_key")
ROW_NAMES = ("key", "payload", "fields", "old", "destination_id", "op", "position")
ROWS = "rows"  # in the body of a call for many: all of them
_FIT_FOR_A_HEADER = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|\{|\}")


class Unusable(Exception):
    """A row lacks what its call needs: it is rejected before anything is sent."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A `{name}`, and where its value comes from."""

    scope: Scope
    name: str
    written: str


@dataclass(frozen=True, slots=True)
class Text:
    """Text with holes."""

    parts: tuple[str | Hole, ...]


@dataclass(frozen=True, slots=True)
class Constant:
    """Anything without holes, in JSON."""

    json: str


@dataclass(frozen=True, slots=True)
class Array:
    """A list of templates."""

    entries: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Names with templates. Names themselves hold no `{name}`."""

    members: tuple[tuple[str, Template], ...]


Template = Text | Constant | Array | Table
# JSON by name, for each scope.
Values = Mapping[Scope, Mapping[str, str]]


def read_text(text: str, where: str) -> Text:
    """Read a text with holes. Raises ConfigError for a brace that stands alone."""
    parts: list[str | Hole] = []
    end = 0
    for piece in _PIECE.finditer(text):
        parts += [text[end : piece.start()], _part(piece, where)]
        end = piece.end()
    parts.append(text[end:])
    return Text(tuple(part for part in parts if part != ""))


def read_template(value: object, where: str) -> Template:
    """Read any value of elt.toml. Raises ConfigError for what JSON has no form of."""
    match value:
        case str():
            return read_text(value, where)
        case bool() | int():
            return Constant(json.dumps(value))
        case float() if math.isfinite(value):
            return Constant(json.dumps(value))
        case list():
            return Array(tuple(read_template(entry, where) for entry in value))
        case dict():
            return Table(
                tuple(
                    (_name(n, where), read_template(v, where)) for n, v in value.items()
                )
            )
        case _:
            raise ConfigError(
                f"`{value}` has no form in JSON",
                where=where,
                hint="Write dates and times as texts, in quotes",
            )


def holes(template: Template) -> Iterator[Hole]:
    match template:
        case Text(parts):
            yield from (part for part in parts if isinstance(part, Hole))
        case Array(entries):
            for entry in entries:
                yield from holes(entry)
        case Table(named):
            for _, entry in named:
                yield from holes(entry)
        case Constant():
            pass


def check_names(
    template: Template, columns: Collection[str], *, where: str, more: str = ""
) -> None:
    """Find the first `{name}` that is neither ours nor a field of the sync."""
    for hole in holes(template):
        if hole.scope not in {"payload", "old"} or hole.name in columns:
            continue
        bare = "." not in hole.written
        known = [*columns, *ROW_NAMES, *CALL_NAMES] if bare else columns
        raise ConfigError(
            f"there is no field `{hole.name}` for `{{{hole.written}}}`",
            where=where,
            hint=did_you_mean(hole.name, known) or more or None,
        )


def as_json(template: Template, values: Values) -> str | None:
    """Write a template's JSON; None where it is a value that the row does not have."""
    match template:
        case Constant(text):
            return text
        case Text((Hole() as hole,)):
            return values[hole.scope].get(hole.name)
        case Text():
            found = as_text(template, values, str)
            return "null" if found is None else json.dumps(found, ensure_ascii=False)
        case Array(entries):
            written = (as_json(entry, values) for entry in entries)
            return f"[{','.join(text for text in written if text is not None)}]"
        case Table(named):
            pairs = ((name, as_json(entry, values)) for name, entry in named)
            return _object({name: text for name, text in pairs if text is not None})


def as_text(template: Text, values: Values, escape: Callable[[str], str]) -> str | None:
    """Write a text; None where a value in it is NULL or not there."""
    written: list[str] = []
    for part in template.parts:
        if isinstance(part, str):
            written.append(part)
            continue
        value = _bare(values[part.scope].get(part.name, "null"))
        if value is None:
            return None
        written.append(escape(value))
    return "".join(written)


def needed(template: Text, values: Values, escape: Callable[[str], str]) -> str:
    """Write a text in which no value may be missing or empty. Raises Unusable."""
    for hole in holes(template):
        if not _bare(values[hole.scope].get(hole.name, "null")):
            raise Unusable(f"`{{{hole.written}}}` has no value in this row")
    return as_text(template, values, escape) or ""


def in_url(text: str) -> str:
    """Escape for a part of a path or a query: no value can lead anywhere else."""
    return quote(text, safe="")


def in_header(text: str) -> str:
    """Escape what a header cannot hold: line ends, and all that is not ASCII."""
    return quote(text, safe=_FIT_FOR_A_HEADER)


def call_values(route: Route, idempotency_key: str) -> Mapping[str, str]:
    """Give what is the same for all rows of a call."""
    named = {
        "object": route.object,
        "key_field": route.key,
        "mode": route.mode,
        "sync": route.sync,
        "run_id": route.run_id,
        "idempotency_key": idempotency_key,
    }
    return {name: json.dumps(value) for name, value in named.items()}


def row_values(
    call: Mapping[str, str], change: Change, *, key_field: str, position: int
) -> Values:
    """Give all that a row has. Of a removed row, the fields are what it was last."""
    text, old_text = texts(change)
    if isinstance(change, Removed):
        text = old_text
    payload = {} if text is None else members(text)
    rest = {name: value for name, value in payload.items() if name != key_field}
    row = {
        "key": json.dumps(change.key, ensure_ascii=False),
        "op": json.dumps(change_name(change)),
        "position": json.dumps(str(position)),
    }
    if text is not None:
        row |= {"payload": text, "fields": _object(rest)}
    if old_text is not None:
        row["old"] = old_text
    destination_id = getattr(change, "destination_id", None)
    if destination_id is not None:
        row["destination_id"] = json.dumps(destination_id, ensure_ascii=False)
    old = {} if old_text is None else members(old_text)
    return {"call": call, "row": row, "payload": payload, "old": old}


def _part(piece: re.Match[str], where: str) -> str | Hole:
    text, name = piece.group(), piece.group(1)
    if text in {"{{", "}}"}:
        return text[0]
    if not name or name != name.strip():
        raise ConfigError(
            f"`{text}` is no name in braces",
            where=where,
            hint="Write `{name}` for a value, and `{{` or `}}` for a brace",
        )
    return _hole(name)


def _hole(name: str) -> Hole:
    scope, dot, field = name.partition(".")
    if dot and scope == "payload":
        return Hole("payload", field, name)
    if dot and scope == "old":
        return Hole("old", field, name)
    if name in CALL_NAMES:
        return Hole("call", name, name)
    if name in ROW_NAMES or name == ROWS:
        return Hole("row", name, name)
    return Hole("payload", name, name)


def _name(name: str, where: str) -> str:
    if "{" in name:
        raise ConfigError(
            f"`{name}` stands on the left, where names are as they are",
            where=where,
            hint=f"{listed(['{name}'])} is for values, on the right",
        )
    return name


def _object(named: Mapping[str, str]) -> str:
    pairs = (f"{json.dumps(n, ensure_ascii=False)}:{v}" for n, v in named.items())
    return "{" + ",".join(pairs) + "}"


def _bare(value: str) -> str | None:
    """Take JSON out of its quotes; None for null."""
    if value == "null":
        return None
    return str(json.loads(value)) if value.startswith('"') else value
