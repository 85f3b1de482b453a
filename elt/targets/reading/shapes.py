"""What shapes the objects and lists of a part have, against those of their types.

`json_transform` is silent about what has no place in a type: keys that the type lacks,
the second of two equal keys, a text where an object should be. So all keys and kinds
of the places in question are looked at: of all records together before a part is
written, and of each record on the slow road.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, assert_never

from elt.targets.columns import widened
from elt.targets.nested import (
    ANYTHING,
    Items,
    Leaf,
    Shape,
    Struct,
    can_hold,
    first_bad,
    parse,
    retyped,
    texts_in,
)
from elt.targets.reading.values import (
    careful_value,
    reason,
    right_but_for_size,
    wider_types,
)
from elt.warehouse.dialect import literal

TWICE = "the same key twice"
_SEEN = {
    "BIGINT": "BIGINT",
    "UBIGINT": "BIGINT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "VARCHAR": "VARCHAR",
}


@dataclass(frozen=True, slots=True)
class Place:
    """An object or a list inside a column, by its JSON path."""

    path: str
    name: str  # as a person would write it: `address.lines[]`
    shape: Struct | Items
    many: bool  # it is inside a list, so that there may be many of them in a record

    @property
    def kind(self) -> str:
        return "OBJECT" if isinstance(self.shape, Struct) else "ARRAY"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a part has at one place: kinds of JSON values, and keys of objects."""

    kinds: frozenset[str]
    keys: frozenset[tuple[str, ...]]


def places(
    shape: Shape, *, path: str, name: str, many: bool = False
) -> Iterator[Place]:
    match shape:
        case Leaf():
            return
        case Items(each=each):
            yield Place(path, name, shape, many)
            yield from places(each, path=f"{path}[*]", name=f"{name}[]", many=True)
        case Struct(fields=fields):
            yield Place(path, name, shape, many)
            for key, one in fields:
                inner = f'{path}."{key}"'
                yield from places(one, path=inner, name=f"{name}.{key}", many=many)
        case _:
            assert_never(shape)


def looks_sql(value: str, wanted: Sequence[Place]) -> str:
    """Give the expressions whose distinct values `seen_at` reads."""
    single = [place.path for place in wanted if not place.many]
    paths = ", ".join(literal(path) for path in single)
    looks = [f"json_type({value}, [{paths}])", f"json_keys({value}, [{paths}])"]
    for place in wanted:
        if place.many:
            at = f"({value}, {literal(place.path)})"
            looks.append(f"list_sort(list_distinct(json_type{at}))")
            looks.append(f"list_sort(list_distinct(json_keys{at}))")
    return ", ".join(looks)


def seen_at(
    rows: Sequence[tuple[Any, ...]], wanted: Sequence[Place]
) -> dict[str, Seen]:
    """Give what was seen at each place, by its path."""
    kinds: dict[str, set[str]] = {place.path: set() for place in wanted}
    keys: dict[str, set[tuple[str, ...]]] = {place.path: set() for place in wanted}
    single = [place.path for place in wanted if not place.many]
    many = [place.path for place in wanted if place.many]
    for one_kinds, one_keys, *rest in rows:
        for path, kind, found in zip(single, one_kinds, one_keys, strict=True):
            kinds[path].add(kind or "NULL")
            keys[path].add(tuple(found or ()))
        for path, some, sets in zip(many, rest[::2], rest[1::2], strict=True):
            kinds[path].update(kind or "NULL" for kind in some or ())
            keys[path].update(tuple(found or ()) for found in sets or ())
    return {
        place.path: Seen(frozenset(kinds[place.path]), frozenset(keys[place.path]))
        for place in wanted
    }


def is_odd(place: Place, seen: Seen) -> bool:
    """Say whether some value has another kind, or a key twice."""
    twice = any(len(set(keys)) < len(keys) for keys in seen.keys)
    return twice or not seen.kinds <= {place.kind, "NULL"}


def unknown_keys(place: Place, seen: Seen) -> list[str]:
    if not isinstance(place.shape, Struct):
        return []
    found = {key for keys in seen.keys for key in keys}
    return sorted(found - {name for name, _ in place.shape.fields})


def kinds_sql(value: str, place: Place, keys: Sequence[str]) -> str:
    """Give the expression that lists the kinds of values that some keys have."""
    if not place.many:
        paths = ", ".join(literal(f'{place.path}."{key}"') for key in keys)
        return f"json_type({value}, [{paths}])"
    each = [
        f"list_sort(list_distinct(json_type({value}, "
        + literal(f'{place.path}."{key}"')
        + ")))"
        for key in keys
    ]
    return f"[{', '.join(each)}]"


def grown(
    shape: Shape, kinds: Mapping[str, Mapping[str, set[str]]], *, path: str
) -> Shape:
    """Give the shape with the keys that it lacked, by the kinds of their values.

    An object whose keys no STRUCT can have becomes JSON. Objects and lists under new
    keys are JSON: nothing has declared them.
    """
    match shape:
        case Leaf():
            return shape
        case Items(each=each):
            return Items(grown(each, kinds, path=f"{path}[*]"))
        case Struct(fields=fields):
            return _grown_struct(fields, kinds, path)
        case _:
            assert_never(shape)


def _grown_struct(
    fields: Sequence[tuple[str, Shape]],
    kinds: Mapping[str, Mapping[str, set[str]]],
    path: str,
) -> Shape:
    new = kinds.get(path, {})
    if new and not can_hold([*(name for name, _ in fields), *new]):
        return ANYTHING
    known = [(name, grown(one, kinds, path=f'{path}."{name}"')) for name, one in fields]
    added = [
        (name, Leaf(type_)) for name, seen in new.items() if (type_ := type_of(seen))
    ]
    return Struct((*known, *added))


def type_of(kinds: Collection[str]) -> str:
    """Give the type for values of some JSON kinds; none where there is no value."""
    types = [_SEEN.get(kind, "JSON") for kind in sorted(kinds) if kind != "NULL"]
    return reduce(widened, types) if types else ""


def problem_sql(value: str, type_: str, name: str) -> str:
    """Say in SQL what is wrong with a record's JSON for a nested type, NULL if nothing.

    The result has a `name`, the path of the value; its `text`, and a `reason`.
    """
    shape = parse(type_)
    cases = [
        case
        for place in places(shape, path="$", name=name)
        for case in _misfits(value, place)
    ]
    leaves = "".join(
        f" WHEN ({text}) IS NOT NULL THEN {_bad(path, text, reason(leaf))}"
        for path, leaf, text in first_bad(shape, "v", _does_not_fit, path=name)
    )
    if leaves:
        told = f"[{texts_in(value, type_)}]"
        cases.append(f"ELSE list_transform({told}, lambda v: CASE{leaves} END)[1]")
    return f"CASE {' '.join(cases)} END"


def _does_not_fit(text: str, type_: str) -> str | None:
    if type_ in ("VARCHAR", "JSON"):
        return None
    return f"{text} IS NOT NULL AND ({careful_value(text, type_)}) IS NULL"


def _misfits(value: str, place: Place) -> Iterator[str]:
    """Give a WHEN for each way in which a value may be none for its place."""
    noun = "an object" if place.kind == "OBJECT" else "a list"
    other = f"j NOT IN ('{place.kind}', 'NULL')"
    yield _misfit(value, place, ("json_type", other), f"not {noun}")
    if not isinstance(place.shape, Struct):
        return
    twice = "len(j) <> len(list_distinct(j))"
    yield _misfit(value, place, ("json_keys", twice), TWICE)
    known = ", ".join(literal(key) for key, _ in place.shape.fields)
    lacks = f"k NOT IN ({known}) AND json_type(j, {_POINTER}) <> 'NULL'"
    has_more = f"len(list_filter(json_keys(j), lambda k: {lacks})) > 0"
    yield _misfit(value, place, ("json_extract", has_more), "a key that it cannot have")


_POINTER = "'/' || replace(replace(k, '~', '~0'), '/', '~1')"


def _misfit(value: str, place: Place, test: tuple[str, str], why: str) -> str:
    function, is_bad = test
    at = literal(place.path)
    found = f"{function}({value}, {at})"
    if not place.many:
        found = f"[{found}]"
    bad = f"len(list_filter({found}, lambda j: {is_bad})) > 0"
    shown = value if place.many else f"json_extract({value}, {at})"
    return f"WHEN {bad} THEN {_bad(place.name, shown, why)}"


def _bad(name: str, text: str, why: str) -> str:
    told = f"'name': {literal(name)}, 'text': ({text})::VARCHAR"
    return f"{{{told}, 'reason': {literal(why)}}}"


def outgrown_sql(value: str, type_: str) -> list[tuple[str, str, str]]:
    """Give leaves whose numbers may be too large: path, type, and SQL that says so."""
    return [
        (path, leaf, f"list_transform([{texts_in(value, type_)}], lambda v: {text})[1]")
        for path, leaf, text in first_bad(parse(type_), "v", _too_large, path="")
    ]


def _too_large(text: str, type_: str) -> str | None:
    form = right_but_for_size(text, type_)
    return form and f"{form} AND ({careful_value(text, type_)}) IS NULL"


def next_wider(shape: Shape, leaves: Mapping[str, str]) -> Shape:
    """Widen some leaves, by their paths and present types, by one step."""
    steps = {path: wider_types(type_)[1] for path, type_ in leaves.items()}
    return retyped(shape, steps, path="")
