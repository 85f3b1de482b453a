"""What makes a row usual: the fast road takes it, and its value is exact."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from elt.targets.columns import Column
from elt.targets.reading.roads import Road, exact, from_sql, texts
from elt.targets.reading.typed import Typed
from elt.targets.reading.values import fast_check
from elt.warehouse.dialect import literal

KeySets = Sequence[tuple[str, ...]]


def checks(
    columns: Sequence[Column],
    found: Sequence[str],
    keys: Collection[str],
    known: Mapping[str, Typed],
) -> list[str]:
    """Say in SQL what each value must be, from their texts and what is `known`."""
    conditions = []
    for text, column in zip(found, columns, strict=True):
        if column.property in keys:
            conditions.append(f"{text} IS NOT NULL")
        sure = known.get(column.property)
        check = sure.check if sure else fast_check(text, column.type)
        if check:
            conditions.append(f"({text} IS NULL OR {check})")
    return conditions


def has_keys(key_sets: KeySets) -> str:
    """Say in SQL that a JSON record has one of these sets of keys."""
    sets = ", ".join(
        "[" + ", ".join(literal(key) for key in keys) + "]" for keys in key_sets
    )
    return f"json_keys(r.json) IN ({sets})"


def usual_rows(
    road: Road, columns: Sequence[Column], keys: Collection[str], key_sets: KeySets
) -> tuple[str, str]:
    """Give the `FROM` of JSON records read with care, and which of them are usual.

    Equal texts mean the same rows: what was set aside by one is what the other leaves.
    """
    read = as_read(columns)
    found = texts(road, read)
    known = {c.property: v for c in read if (v := exact(road, c))}
    usual = " AND ".join([has_keys(key_sets), *checks(read, found, keys, known)])
    return from_sql(road, read, careful=True), f"coalesce({usual}, false)"


def as_read(columns: Sequence[Column]) -> list[Column]:
    """Give columns in an order of their own; digests are made of texts as they came."""
    ordered = sorted(columns, key=lambda column: column.property)
    return [replace(c, type="VARCHAR") if c.hashed else c for c in ordered]
