"""Environments: `[environments.prod.warehouse]` laid over `[warehouse]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elt.project.locate import KeyPath


def lay_over(
    base: Mapping[str, Any], environment: Mapping[str, Any], path: KeyPath = ()
) -> dict[str, Any]:
    """Merge tables and replace values, the environment's winning."""
    merged = {k: v for k, v in base.items() if not _replaced(k, environment, path)}
    for key, value in environment.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = lay_over(below, value, (*path, key))
        else:
            merged[key] = value
    return merged


def origin(path: KeyPath, tables: Mapping[str, Any], environment: str) -> KeyPath:
    """Say where a path of the merged file was written: in the environment or not."""
    if not _holds(tables["environments"][environment], path):
        return path
    return ("environments", environment, *path)


def one_of(table: KeyPath) -> frozenset[str]:
    """Give the keys of which this table has exactly one."""
    match table:
        case ("taps", _):
            return frozenset({"plugin", "executable"})
        case ("syncs", _, "fields", _):
            return frozenset({"column", "value", "sql", "template"})
        case _:
            return frozenset()


def _replaced(key: str, environment: Mapping[str, Any], path: KeyPath) -> bool:
    """Whether another key takes its place, as `executable` does for `plugin`."""
    return key in one_of(path) and not one_of(path).isdisjoint(environment)


def _holds(value: object, path: KeyPath) -> bool:
    for part in path:
        if isinstance(part, int):
            return isinstance(value, list)
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True
