"""Types of objects and lists: DuckDB's text for them, and SQL that goes through them.

A value of such a type is built from a value of the same shape whose leaves are texts,
so that every leaf is cast and checked as a column of its type would be.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from elt.warehouse.dialect import literal, quote


@dataclass(frozen=True, slots=True)
class Leaf:
    type: str


@dataclass(frozen=True, slots=True)
class Struct:
    fields: tuple[tuple[str, Shape], ...]


@dataclass(frozen=True, slots=True)
class Items:
    each: Shape


Shape = Leaf | Struct | Items
ANYTHING = Leaf("JSON")


def is_nested(type_: str) -> bool:
    return type_.startswith("STRUCT(") or type_.endswith("]")


def parse(type_: str) -> Shape:
    """Read a type as DuckDB writes it; arrays of a fixed length are lists."""
    if type_.endswith("]"):
        return Items(parse(type_[: type_.rindex("[")]))
    if not type_.startswith("STRUCT("):
        return Leaf(type_)
    return Struct(tuple(_field(part) for part in _parts(type_[len("STRUCT(") : -1])))


def render(shape: Shape) -> str:
    """Write a type so that equal ones have equal texts: names are always quoted."""
    match shape:
        case Leaf(type=type_):
            return type_
        case Items(each=each):
            return f"{render(each)}[]"
        case Struct(fields=fields):
            listed = ", ".join(f"{quote(name)} {render(one)}" for name, one in fields)
            return f"STRUCT({listed})"
        case _:
            assert_never(shape)


def can_hold(names: list[str]) -> bool:
    """Say whether a STRUCT can have these fields.

    DuckDB ignores case in names, and its JSON paths have no way to write some: `"*"`
    stands for all of them.
    """
    lower = {name.lower() for name in names}
    plain = all(name.isprintable() and not {*name} & {*'"\\'} for name in names)
    return plain and not {"", "*"} & lower and len(lower) == len(names) > 0


def renewed(shape: Shape, leaf: Callable[[str], str]) -> Shape:
    """Give the shape again with other types at its leaves."""
    match shape:
        case Leaf(type=type_):
            return Leaf(leaf(type_))
        case Items(each=each):
            return Items(renewed(each, leaf))
        case Struct(fields=fields):
            return Struct(tuple((name, renewed(one, leaf)) for name, one in fields))
        case _:
            assert_never(shape)


def joined(old: Shape, new: Shape, leaf: Callable[[str, str], str]) -> Shape:
    """Give the shape that holds the values of both; what cannot be joined is JSON."""
    match old, new:
        case Leaf(type=one), Leaf(type=other):
            return Leaf(leaf(one, other))
        case Items(each=one_each), Items(each=other_each):
            return Items(joined(one_each, other_each, leaf))
        case Struct(), Struct():
            return _joined_fields(old, new, leaf)
        case _:
            return ANYTHING


def _joined_fields(old: Struct, new: Struct, leaf: Callable[[str, str], str]) -> Shape:
    fields = dict(old.fields)
    for name, one in new.fields:
        known = fields.get(name)
        fields[name] = one if known is None else joined(known, one, leaf)
    return Struct(tuple(fields.items())) if can_hold([*fields]) else ANYTHING


def structure(shape: Shape) -> object:
    """Give the `json_transform` structure of the shape with texts at its leaves."""
    match shape:
        case Leaf(type=type_):
            return "JSON" if type_ == "JSON" else "VARCHAR"
        case Items(each=each):
            return [structure(each)]
        case Struct(fields=fields):
            return {name: structure(one) for name, one in fields}
        case _:
            assert_never(shape)


def texts_in(value: str, type_: str) -> str:
    """Take a value in JSON apart, into the shape of a type with texts at its leaves.

    A DECIMAL in the structure makes DuckDB keep the text of numbers.
    """
    told = json.dumps({"v": structure(parse(type_)), "-": "DECIMAL(1,0)"})
    return f"json_transform('{{\"v\":' || ({value}) || '}}', {literal(told)}).v"


def covers(held: Shape, wanted: Shape) -> bool:
    """Say whether a type has a place for every part of another one."""
    if held == ANYTHING:
        return True
    match held, wanted:
        case Leaf(), Leaf():
            return wanted != ANYTHING
        case Items(each=one), Items(each=other):
            return covers(one, other)
        case Struct(fields=fields), Struct(fields=others):
            known = dict(fields)
            return all(
                name in known and covers(known[name], one) for name, one in others
            )
        case _:
            return False


def retyped(shape: Shape, types: Mapping[str, str], *, path: str) -> Shape:
    """Give the shape with other types at some leaves, by their paths."""
    match shape:
        case Leaf(type=type_):
            return Leaf(types.get(path, type_))
        case Items(each=each):
            return Items(retyped(each, types, path=f"{path}[]"))
        case Struct(fields=fields):
            return Struct(
                tuple(
                    (name, retyped(one, types, path=f"{path}.{name}"))
                    for name, one in fields
                )
            )
        case _:
            assert_never(shape)


def built(
    shape: Shape, sql: str, leaf: Callable[[str, str], str], *, depth: int = 0
) -> str:
    """Turn a value with texts at its leaves into one of the shape's type.

    `leaf` gives the SQL of one value from that of its text and its type. NULL stays
    NULL at every depth.
    """
    match shape:
        case Leaf(type=type_):
            return leaf(sql, type_)
        case Items(each=each):
            one = f"x{depth}"
            inner = built(each, one, leaf, depth=depth + 1)
            return f"list_transform({sql}, lambda {one}: {inner})"
        case Struct(fields=fields):
            packed = ", ".join(
                f"{quote(name)} := "
                + built(one, f"{sql}.{quote(name)}", leaf, depth=depth)
                for name, one in fields
            )
            return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({packed}) END"
        case _:
            assert_never(shape)


def checked(
    shape: Shape, sql: str, check: Callable[[str, str], str | None], *, depth: int = 0
) -> str | None:
    """Say in SQL that every leaf passes its check; None where none has one."""
    match shape:
        case Leaf(type=type_):
            found = check(sql, type_)
            return found and f"({sql} IS NULL OR coalesce({found}, false))"
        case Items(each=each):
            one = f"x{depth}"
            found = checked(each, one, check, depth=depth + 1)
            bad = f"list_filter({sql}, lambda {one}: NOT ({found}))"
            return found and f"coalesce(len({bad}) = 0, true)"
        case Struct(fields=fields):
            each_field = [
                checked(one, f"{sql}.{quote(name)}", check, depth=depth)
                for name, one in fields
            ]
            return " AND ".join(one for one in each_field if one) or None
        case _:
            assert_never(shape)


def first_bad(
    shape: Shape,
    sql: str,
    is_bad: Callable[[str, str], str | None],
    *,
    path: str,
    depth: int = 0,
) -> Iterator[tuple[str, str, str]]:
    """Give for each leaf its path, its type, and the SQL of its first bad text.

    `is_bad` says it in SQL of a text and its type; None where no text is bad.
    """
    match shape:
        case Leaf(type=type_):
            found = is_bad(sql, type_)
            if found:
                yield path, type_, f"CASE WHEN {found} THEN {sql} END"
        case Items(each=each):
            one = f"x{depth}"
            for where, type_, text in first_bad(
                each, one, is_bad, path=f"{path}[]", depth=depth + 1
            ):
                each_text = f"list_transform({sql}, lambda {one}: {text})"
                bad = f"list_filter({each_text}, lambda {one}: {one} IS NOT NULL)"
                yield where, type_, f"{bad}[1]"
        case Struct(fields=fields):
            for name, inner in fields:
                yield from first_bad(
                    inner,
                    f"{sql}.{quote(name)}",
                    is_bad,
                    path=f"{path}.{name}",
                    depth=depth,
                )
        case _:
            assert_never(shape)


def converted(old: Shape, new: Shape, sql: str, *, depth: int = 0) -> str:
    """Turn a value of one type into one of a wider type that holds all of it."""
    match old, new:
        case _ if old == new:
            return sql
        case _, Leaf(type="JSON"):
            return f"({_json_text(old, sql)})::JSON"
        case Items(each=one_each), Items(each=other_each):
            one = f"x{depth}"
            inner = converted(one_each, other_each, one, depth=depth + 1)
            return f"list_transform({sql}, lambda {one}: {inner})"
        case Struct(fields=fields), Struct(fields=wider):
            known = dict(fields)
            packed = ", ".join(
                f"{quote(name)} := "
                + (
                    converted(known[name], one, f"({sql}).{quote(name)}", depth=depth)
                    if name in known
                    else f"NULL::{render(one)}"
                )
                for name, one in wider
            )
            return f"CASE WHEN {sql} IS NOT NULL THEN struct_pack({packed}) END"
        case _:
            return f"({sql})::{render(new)}"


def _json_text(shape: Shape, sql: str, *, depth: int = 0) -> str:
    """Write a value as JSON; `to_json` alone would round the numbers of JSON inside."""
    match shape:
        case Leaf(type="JSON"):
            return f"({sql})::VARCHAR"
        case Leaf():
            return f"to_json({sql})::VARCHAR"
        case Items(each=each):
            one = f"x{depth}"
            inner = _json_text(each, one, depth=depth + 1)
            all_ = f"list_transform({sql}, lambda {one}: coalesce({inner}, 'null'))"
            return f"('[' || array_to_string({all_}, ',') || ']')"
        case Struct(fields=fields):
            texts = [
                _json_text(one, f"({sql}).{quote(name)}", depth=depth)
                for name, one in fields
            ]
            pairs = " || ',' || ".join(
                literal(json.dumps(name, ensure_ascii=False) + ":")
                + f" || coalesce({text}, 'null')"
                for (name, _), text in zip(fields, texts, strict=True)
            )
            return f"CASE WHEN {sql} IS NOT NULL THEN '{{' || {pairs} || '}}' END"
        case _:
            assert_never(shape)


def _parts(text: str) -> Iterator[str]:
    """Split at the commas that are in no parentheses and no quotes."""
    depth, quoted, begin = 0, "", 0
    for place, char in enumerate(text):
        if quoted:
            quoted = "" if char == quoted else quoted
        elif char in "\"'":
            quoted = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "," and not depth:
            yield text[begin:place].strip()
            begin = place + 1
    yield text[begin:].strip()


def _field(text: str) -> tuple[str, Shape]:
    if not text.startswith('"'):
        name, _, type_ = text.partition(" ")
        return name, parse(type_)
    end = 1
    while text[end] != '"' or text[end + 1 : end + 2] == '"':
        end += 2 if text[end] == '"' else 1
    return text[1:end].replace('""', '"'), parse(text[end + 1 :].strip())
