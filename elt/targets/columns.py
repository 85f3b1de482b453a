"""Which columns a JSON Schema asks for, and what becomes of them over time."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from types import MappingProxyType
from typing import Any

from elt.project import column_types
from elt.project.column_types import COLUMN_TYPES, decimal_of, is_decimal
from elt.targets import nested as shapes
from elt.targets.nested import Items, Struct, can_hold, is_nested, render

LOADED_AT = "_elt_loaded_at"
RUN_ID = "_elt_run_id"
# Of the Singer world: when a row was found to be gone, and which of the tap's
# versions of the whole table it belongs to.
DELETED_AT = "_sdc_deleted_at"
VERSION = "_sdc_table_version"

# DuckDB's name for a row's place in its table, by which the last of several is told. A
# column of this name would hide it.
PLACE = "rowid"

BIGINT_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Column:
    """A property of a stream and the column that holds it.

    `type` is one of BIGINT, HUGEINT, DOUBLE, DECIMAL(p,s), BOOLEAN, TIMESTAMPTZ,
    DATE, TIME, VARCHAR and JSON, or a STRUCT or list of them as `nested` writes it.
    `name` is a wish until the table has given one.
    """

    property: str
    name: str
    type: str
    hashed: bool = False  # only a digest of the value is kept, as VARCHAR
    pinned: bool = False  # the project says the type: what does not fit is a reject


def table_name(stream: str) -> str:
    """Name a stream's table: lower case, everything but letters and digits is `_`."""
    return re.sub(r"[\W_]+", "_", stream.lower()).strip("_") or "stream"


def columns_of(
    schema: Mapping[str, Any],
    *,
    nested: str = "json",
    types: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Column, ...]:
    """Give the columns for a stream's schema, each still under its property's name.

    With `nested = "struct"` declared objects and arrays get types of their own.
    `types` are pinned by the project, also for properties that the schema lacks.
    """
    properties = schema.get("properties") or {}
    declared = [
        Column(name, name, column_type(about, nested=_nested_in(name, nested)))
        for name, about in properties.items()
        if name not in types
    ]
    pinned = {
        name: Column(name, name, column_types.column_type(type_) or type_, pinned=True)
        for name, type_ in types.items()
    }
    by_name = {**{column.property: column for column in declared}, **pinned}
    return tuple(by_name[name] for name in dict.fromkeys([*properties, *types]))


def _nested_in(name: str, nested: str) -> str:
    """Keep what no JSON path leads to as JSON."""
    return nested if can_hold([name]) else "json"


def column_type(declared: Any, *, nested: str = "json") -> str:
    """Give the narrowest column type that holds every value that a schema allows."""
    if not isinstance(declared, Mapping):
        return "JSON"
    found = [_type_of(one, nested) for one in _alternatives(declared)]
    types = [one for one in dict.fromkeys(found) if one]
    if not types:
        return "JSON"
    return reduce(widened, types)


def _type_of(declared: Mapping[str, Any], nested: str) -> str:
    if nested == "struct":
        match declared:
            case {"type": "object", "properties": dict(fields)} if can_hold([*fields]):
                return _struct_type(fields)
            case {"type": "array", "items": dict(items)} if items:
                return render(Items(shapes.parse(column_type(items, nested=nested))))
    return _scalar_type(declared)


def _struct_type(fields: Mapping[str, Any]) -> str:
    return render(
        Struct(
            tuple(
                (name, shapes.parse(column_type(declared, nested="struct")))
                for name, declared in fields.items()
            )
        )
    )


def _alternatives(declared: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for word in ("anyOf", "oneOf", "allOf"):
        nested = declared.get(word)
        if nested and "type" not in declared:
            for one in nested:
                # `true` allows whatever there is.
                yield from _alternatives({**one} if isinstance(one, Mapping) else {})
            return
    listed = declared.get("type")
    for name in listed if isinstance(listed, list) else [listed]:
        yield {**declared, "type": name}


def _scalar_type(declared: Mapping[str, Any]) -> str:
    match declared.get("type"):
        case "null":
            return ""
        case "boolean":
            return "BOOLEAN"
        case "integer":
            return _integer_type(declared)
        case "number":
            return _number_type(declared)
        case "string":
            return _string_type(declared)
        case _:
            return "JSON"


def _integer_type(declared: Mapping[str, Any]) -> str:
    maximum, minimum = declared.get("maximum"), declared.get("minimum")
    large = isinstance(maximum, int) and maximum > BIGINT_MAX
    small = isinstance(minimum, int) and minimum < -BIGINT_MAX - 1
    # Bounds that only repeat an unsigned 64-bit type still need the wider column.
    return "HUGEINT" if large or small else "BIGINT"


def _number_type(declared: Mapping[str, Any]) -> str:
    exact = _declared_decimal(declared)
    if exact:
        return exact
    scale = _scale_of(declared.get("multipleOf"))
    if scale is None:
        return "DOUBLE"
    return "BIGINT" if scale == 0 else f"DECIMAL({max(18, scale)},{scale})"


def _string_type(declared: Mapping[str, Any]) -> str:
    exact = _declared_decimal(declared)
    if exact:
        return exact
    return {"date-time": "TIMESTAMPTZ", "date": "DATE", "time": "TIME"}.get(
        str(declared.get("format")), "VARCHAR"
    )


def _declared_decimal(declared: Mapping[str, Any]) -> str | None:
    """Read the decimal marks of singer-sdk and of singer-python's older taps."""
    told = str(declared.get("x-sql-datatype", "")).upper().replace(" ", "")
    if told.startswith("DECIMAL("):
        return told if is_decimal(told) else "VARCHAR"
    if "decimal" not in str(declared.get("format")):
        return None
    precision, scale = declared.get("precision"), declared.get("scale")
    if not isinstance(precision, int) or not isinstance(scale, int):
        return "DECIMAL(38,9)"
    exact = f"DECIMAL({precision},{scale})"
    return exact if is_decimal(exact) else "VARCHAR"


def _scale_of(multiple: Any) -> int | None:
    """Give the decimals that `multipleOf` allows, None where it is no power of ten."""
    if not isinstance(multiple, int | float) or not 0 < multiple < math.inf:
        return None
    if multiple == int(multiple):
        return 0
    for scale in range(1, 19):
        if multiple == float(f"1e-{scale}"):
            return scale
    return None


def widened(old: str, new: str) -> str:
    """Give the narrowest type that holds the values of both without loss."""
    if old == new:
        return old
    if is_nested(old) or is_nested(new):
        return render(shapes.joined(shapes.parse(old), shapes.parse(new), widened))
    pair = {old, new}
    if "JSON" in pair:
        return "JSON"
    if pair == {"BIGINT", "HUGEINT"}:
        return "HUGEINT"
    if pair == {"DATE", "TIMESTAMPTZ"}:
        return "TIMESTAMPTZ"
    decimal = decimal_of(old) or decimal_of(new)
    if pair <= {"BIGINT", "DOUBLE"} or (pair & {"DOUBLE"} and decimal):
        return "DOUBLE"
    if decimal:
        return _widened_decimal(old, new)
    return "VARCHAR"


def _widened_decimal(old: str, new: str) -> str:
    sizes = [_LIKE_A_DECIMAL.get(one) or decimal_of(one) for one in (old, new)]
    known = [size for size in sizes if size]
    if len(known) < len(sizes):
        return "VARCHAR"
    scale = max(scale for _, scale in known)
    whole = max(precision - scale for precision, scale in known)
    wide = f"DECIMAL({max(18, whole + scale)},{scale})"
    return wide if is_decimal(wide) else "VARCHAR"


_LIKE_A_DECIMAL = {"BIGINT": (19, 0)}


def type_held(duckdb_type: str) -> str:
    """Give our type for a column of a table, objects and lists as what they are."""
    if not is_nested(duckdb_type):
        return type_for(duckdb_type)
    return render(shapes.renewed(shapes.parse(duckdb_type), type_for))


def type_for(duckdb_type: str) -> str:
    """Give our type that holds all values of any DuckDB type."""
    if duckdb_type in COLUMN_TYPES or decimal_of(duckdb_type):
        return duckdb_type
    if duckdb_type.endswith("]") or duckdb_type.startswith(("STRUCT(", "MAP(")):
        return "JSON"
    return _HELD_BY.get(duckdb_type, "VARCHAR")


_HELD_BY = {
    "TINYINT": "BIGINT",
    "SMALLINT": "BIGINT",
    "INTEGER": "BIGINT",
    "UTINYINT": "BIGINT",
    "USMALLINT": "BIGINT",
    "UINTEGER": "BIGINT",
    "UBIGINT": "HUGEINT",
    "FLOAT": "DOUBLE",
    "TIMESTAMP": "TIMESTAMPTZ",
    "TIMESTAMP_S": "TIMESTAMPTZ",
    "TIMESTAMP_MS": "TIMESTAMPTZ",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
}


def named(
    columns: Sequence[Column],
    existing: Sequence[str],
    reserved: Collection[str] = (LOADED_AT, RUN_ID),
) -> tuple[Column, ...]:
    """Give every property a column name of its own, in a table that ignores case.

    `reserved` names are elt's own, and `rowid` is DuckDB's. A property keeps the
    column that bears exactly its name, else one that differs in case only; where two
    properties differ in case only, the later gets `_2`. Names of their own go first, so
    that a table gives the same ones when it is loaded again.
    """
    by_lower = {name.lower(): name for name in existing}
    taken = {PLACE, *reserved}
    names: dict[str, str] = {}
    for wishes in (set(existing), {column.name for column in columns} - {""}):
        for column in columns:
            wish, known = column.name, column.property in names
            if wish in wishes and not known and wish.lower() not in taken:
                names[column.property] = by_lower.get(wish.lower(), wish)
                taken.add(wish.lower())
    for column in columns:
        if column.property not in names:
            name = _free_name(column.name, by_lower, taken)
            names[column.property] = name
            taken.add(name.lower())
    return tuple(replace(column, name=names[column.property]) for column in columns)


def _free_name(name: str, by_lower: Mapping[str, str], taken: set[str]) -> str:
    wish = name or "_"
    candidate, number = wish, 1
    while candidate.lower() in taken:
        number += 1
        candidate = f"{wish}_{number}"
    return by_lower.get(candidate.lower(), candidate)
