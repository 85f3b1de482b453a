"""Which columns a stream's schema and the project's settings make together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from elt.project.stream_settings import Nested
from elt.targets.columns import Column, columns_of
from elt.targets.nested import is_nested
from elt.targets.reading.maps import Maps, mapped
from elt.targets.writing.child_tables import tabled
from elt.targets.writing.plans import StreamPlan


def declared_columns(schema: Mapping[str, Any], plan: StreamPlan) -> tuple[Column, ...]:
    """Give the columns that a SCHEMA asks for, as the plan has them."""
    return shown_columns(schema, plan.maps, nested=plan.nested, types=plan.types)


def shown_columns(
    schema: Mapping[str, Any],
    maps: Maps,
    *,
    nested: Nested,
    types: Mapping[str, str],
) -> tuple[Column, ...]:
    """Give the columns of a schema: types pinned, then renamed, dropped and hashed."""
    if nested != "tables":
        return mapped(columns_of(schema, nested=nested, types=types), maps)
    columns = columns_of(schema, nested="struct", types=types)
    return mapped((_tabled(column) for column in columns), maps)


def _tabled(column: Column) -> Column:
    """Let lists of objects be lists, for the child tables; all else is JSON."""
    if column.pinned or not is_nested(column.type):
        return column
    return replace(column, type=tabled(column.type))


def ignored(plan: StreamPlan) -> tuple[str, ...]:
    """Give the properties that a record may have and no column is made for."""
    return tuple(plan.maps.drop)
