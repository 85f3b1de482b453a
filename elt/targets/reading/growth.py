"""Objects and lists whose types lack keys that a part has: their columns, grown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from elt.targets.columns import Column
from elt.targets.nested import can_hold, is_nested, parse, render
from elt.targets.reading import shapes
from elt.targets.reading.roads import Road, exact, from_sql, objects_sql, texts

# Runs a query over a part, and gives its rows.
Ask = Callable[[str], Sequence[tuple[Any, ...]]]
_REJECTED_LINES = ("reject_errors", "reject_scans")  # of DuckDB's CSV reader


@dataclass(frozen=True, slots=True)
class Growth:
    """Columns with wider types; `odd`: some values have other shapes altogether."""

    columns: tuple[Column, ...] = ()
    odd: bool = False


@dataclass(frozen=True, slots=True)
class _Source:
    """SQL of a JSON value, where it is from, and the columns by their paths in it."""

    value: str
    relation: str
    columns: Mapping[str, Column]


def growth(ask: Ask, road: Road, *, careful: bool) -> Growth:
    """Look at the shapes of all objects and lists that have types of their own."""
    found = [_growth_in(ask, source) for source in _sources(road, careful=careful)]
    if careful and road.format == "csv" and found:
        for table in _REJECTED_LINES:  # they are noted when the lines are read
            ask(f"DROP TABLE IF EXISTS {table}")
    return Growth(
        tuple(column for one in found for column in one.columns),
        odd=any(one.odd for one in found),
    )


def _sources(road: Road, *, careful: bool) -> Iterator[_Source]:
    """Give one pass for all columns of JSON lines, one for each column of others."""
    nested = [column for column in road.columns if is_nested(column.type)]
    if not nested:
        return
    if road.format == "jsonl":
        by_path = {f'$."{column.property}"': column for column in nested}
        objects = objects_sql(road, careful=careful)  # NULL where a line is broken
        yield _Source("json", f"(FROM {objects} WHERE json IS NOT NULL)", by_path)
        return
    for column in nested:
        if not exact(road, column):
            plain = [replace(column, type="JSON")]
            (value,) = texts(road, plain)
            relation = from_sql(road, plain, careful=careful)
            yield _Source(f"({value})::JSON", relation, {"$": column})


def _growth_in(ask: Ask, source: _Source) -> Growth:
    wanted = [
        place
        for path, column in source.columns.items()
        for place in shapes.places(parse(column.type), path=path, name=column.property)
    ]
    looks = shapes.looks_sql(source.value, wanted)
    rows = ask(f"SELECT DISTINCT {looks} FROM {source.relation}")
    seen = shapes.seen_at(rows, wanted)
    kinds = _kinds(ask, source, wanted, seen)
    return Growth(
        tuple(
            replace(column, type=render(grown))
            for path, column in source.columns.items()
            if (grown := shapes.grown(old := parse(column.type), kinds, path=path))
            != old
        ),
        odd=any(shapes.is_odd(place, seen[place.path]) for place in wanted),
    )


def _kinds(
    ask: Ask,
    source: _Source,
    wanted: Sequence[shapes.Place],
    seen: Mapping[str, shapes.Seen],
) -> dict[str, dict[str, set[str]]]:
    """Find what kinds of values the keys have that types lack: by path, then key."""
    lacking = {place: shapes.unknown_keys(place, seen[place.path]) for place in wanted}
    kinds: dict[str, dict[str, set[str]]] = {
        place.path: {key: set() for key in keys}
        for place, keys in lacking.items()
        if keys
    }
    # Where a key cannot be one of a STRUCT, the whole becomes JSON in any case.
    asked = {place: keys for place, keys in lacking.items() if keys and can_hold(keys)}
    if not asked:
        return kinds
    looks = ", ".join(
        shapes.kinds_sql(source.value, place, keys) for place, keys in asked.items()
    )
    for row in ask(f"SELECT DISTINCT {looks} FROM {source.relation}"):
        for (place, keys), found in zip(asked.items(), row, strict=True):
            for key, some in zip(keys, found or [None] * len(keys), strict=True):
                each = some if isinstance(some, list) else [some]
                kinds[place.path][key].update(one or "NULL" for one in each)
    return kinds
