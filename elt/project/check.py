"""A file's tables against their declarations, key by key, gathering every problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from msgspec import inspect

from elt.project.locate import KeyPath, dotted
from elt.project.nearest import listed, nearest
from elt.project.settings import File
from elt.project.words import expected, found, is_none, way_out


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: `key` is where the line is, `table` what is shown of it."""

    table: KeyPath
    key: KeyPath
    what: str
    hint: str | None = None

    @property
    def flawed(self) -> KeyPath:
        """The key that cannot be judged any further."""
        return self.key


@dataclass(frozen=True, slots=True)
class Unknown(Problem):
    """A key that the table does not know: perhaps another one, misspelt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing(Problem):
    """A key that a table needs and does not have."""

    name: str

    @property
    def flawed(self) -> KeyPath:
        return (*self.table, self.name)


def problems(tables: Mapping[str, Any]) -> list[Problem]:
    """Find every unknown, missing and mistyped key of a whole file."""
    return list(_table(dict(tables), declared_file(), ()))


@cache
def declared_file() -> inspect.StructType:
    kind = inspect.type_info(File)
    assert isinstance(kind, inspect.StructType)  # noqa: S101 - File is a Struct
    return kind


def _check(value: object, kind: inspect.Type, path: KeyPath) -> Iterator[Problem]:
    chosen = _chosen(kind, value)
    if not _accepts(chosen, value):
        yield _mistyped(value, kind, path)
        return
    match (chosen, value):
        case (inspect.StructType() as table, dict()):
            yield from _table(value, table, path)
        case (inspect.DictType(value_type=entry), dict()):
            for name, child in value.items():
                yield from _check(child, entry, (*path, name))
        case (inspect.ListType(item_type=entry), list()):
            for index, child in enumerate(value):
                yield from _check(child, entry, (*path, index))
        case _:
            pass


def _table(
    table: dict[str, Any], kind: inspect.StructType, path: KeyPath
) -> Iterator[Problem]:
    fields = {field.encode_name: field for field in kind.fields}
    for key, value in table.items():
        if key in fields:
            yield from _check(value, fields[key].type, (*path, key))
        else:
            yield _unknown(key, value, fields, path)
    for key, field in fields.items():
        if field.required and key not in table:
            yield Missing(path, path, *_missing(key, field, path), name=key)


def _chosen(kind: inspect.Type, value: object) -> inspect.Type:
    """Take the alternative of a union that the value means, else the first."""
    match kind:
        case inspect.Metadata(type=inner):
            return _chosen(inner, value)
        case inspect.UnionType(types=types):
            shaped = [t for t in types if not is_none(t)]
            return next((t for t in shaped if _accepts(t, value)), shaped[0])
        case _:
            return kind


def _accepts(kind: inspect.Type, value: object) -> bool:
    match kind:
        case inspect.AnyType():
            return True
        case inspect.Metadata(type=inner):
            return _accepts(inner, value)
        case inspect.StrType(min_length=length):
            return isinstance(value, str) and len(value) >= (length or 0)
        case inspect.LiteralType(values=values):
            return isinstance(value, str) and value in values
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType() | inspect.FloatType():
            return _accepts_number(kind, value)
        case inspect.ListType():
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)


def _accepts_number(kind: inspect.IntType | inspect.FloatType, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if isinstance(kind, inspect.IntType) and isinstance(value, float):
        return False
    return (
        (kind.ge is None or value >= kind.ge)
        and (kind.gt is None or value > kind.gt)
        and (kind.le is None or value <= kind.le)
    )


def _mistyped(value: object, kind: inspect.Type, path: KeyPath) -> Problem:
    name, start = f"`{path[-1]}`", f"{path[-1]} = "
    if isinstance(path[-1], int):
        name, start = f"entry {path[-1] + 1} of `{path[-2]}`", ""
    what = f"{name} must be {expected(kind)}, not {found(value)}"
    return Problem(table_of(path), path, what, way_out(start, value, kind))


def table_of(path: KeyPath) -> KeyPath:
    """Give the table that a key, or an entry of its lists, belongs to."""
    while isinstance(path[-1], int):
        path = path[:-1]
    return path[:-1]


def _unknown(
    key: str, value: object, fields: Mapping[str, inspect.Field], path: KeyPath
) -> Problem:
    where = f"in `[{dotted(path)}]`" if path else "at the top of the file"
    kind = "table" if isinstance(value, dict) and not path else "key"
    return Unknown(
        path,
        (*path, key),
        f"unknown {kind} `{key}` {where}",
        _meant(key, fields, path),
    )


def _meant(key: str, fields: Mapping[str, inspect.Field], path: KeyPath) -> str:
    close = nearest(key, fields)
    if close is not None:
        return f"Did you mean `{close}`?"
    homes = [table for table, keys in _homes().items() if key in keys]
    homes.sort(key=lambda home: home != "run")  # there it holds for every step
    if "config" in fields:
        return f"The plugin's own settings go into `[{dotted((*path, 'config'))}]`"
    if path and any(key == field.encode_name for field in declared_file().fields):
        return f"`[{key}]` is a table of its own"
    if homes:
        return f"`{key}` belongs to `[{homes[0]}]`"
    return f"Known here: {listed(fields)}"


@cache
def _homes() -> dict[str, set[str]]:
    """Give the keys of the tables that a file has once: `[project]`, `[run]` ..."""
    once = ((f.encode_name, _chosen(f.type, {})) for f in declared_file().fields)
    return {
        name: {field.encode_name for field in kind.fields}
        for name, kind in once
        if isinstance(kind, inspect.StructType)
    }


def _missing(key: str, field: inspect.Field, path: KeyPath) -> tuple[str, str]:
    if not path:
        return f"the file needs a `[{key}]` table", f"Add `[{key}]` with its `name`"
    article = "an" if key[0] in "aeiou" else "a"
    return (
        f"{named(path)} needs {article} `{key}`",
        f'Add `{key} = "..."`: {_meaning(field)}',
    )


def _meaning(field: inspect.Field) -> str:
    schema = getattr(field.type, "extra_json_schema", None) or {}
    text = str(schema.get("description", ""))
    return text[:1].lower() + text[1:]


def named(path: KeyPath) -> str:
    """Name a table as people do: "sync `health`" for `[syncs.health]`."""
    match path:
        case ("taps", name):
            return f"tap `{name}`"
        case ("taps", tap, "streams", name):
            return f"stream `{name}` of tap `{tap}`"
        case ("destinations", name):
            return f"destination `{name}`"
        case ("syncs", name):
            return f"sync `{name}`"
        case ("syncs", sync, "fields", name):
            return f"field `{name}` of sync `{sync}`"
        case _:
            return f"`[{dotted(path)}]`"
