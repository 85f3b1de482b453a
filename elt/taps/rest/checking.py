"""What is wrong with a table, by its declaration: everything at once, for a person.

A declaration is a JSON Schema. A table whose settings depend on its `type` lists for
each type what it takes, under `x-elt-types`: needed settings, and others.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

from elt.errors import ConfigError

TYPES = "x-elt-types"
_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    # singer-sdk reads a config's fractions as decimals.
    "number": (int, float, Decimal),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (Mapping,),
}
_SAID = {
    "string": 'a text, as "..."',
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
}
_LONGEST = 60
Schema = Mapping[str, Any]
Place = tuple[str, ...]  # keys, as in elt.toml below the config


def flaws(value: Any, declared: Schema, place: Place = ()) -> Iterator[ConfigError]:
    """Find what a declaration does not allow in what stands at a place."""
    types = declared.get("type")
    names = [types] if isinstance(types, str) else list(types or ())
    if names and not any(_is(value, name) for name in names):
        listed = " or ".join(_SAID[name] for name in names)
        shown = "that" if declared.get("secret") else _shown(value)
        yield ConfigError(f"{at(place)} must be {listed}, not {shown}")
    elif isinstance(value, Mapping):
        yield from _of_table(value, declared, place)
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from flaws(entry, declared.get("items", {}), place)
    else:
        yield from _of_value(value, declared, place)


def at(place: Place) -> str:
    """Name a setting for a person: a stream, and what is in it."""
    match place:
        case ("streams", stream):
            return f"stream `{stream}`"
        case ("streams", stream, *inside):
            return f"stream `{stream}`: `{'.'.join(inside)}`"
        case _:
            return f"`{'.'.join(place)}`"


def nearest(name: str, known: Collection[str]) -> str:
    """Write a hint: the nearest name, else all of them."""
    close = difflib.get_close_matches(name.lower(), known, n=1)
    listed = ", ".join(f"`{one}`" for one in known)
    return f"Did you mean `{close[0]}`?" if close else f"There is {listed or 'none'}"


def _is(value: Any, name: str) -> bool:
    is_flag = isinstance(value, bool)
    return isinstance(value, _PYTHON[name]) and (not is_flag or name == "boolean")


def _of_table(
    table: Mapping[str, Any], declared: Schema, place: Place
) -> Iterator[ConfigError]:
    known: Mapping[str, Schema] = declared.get("properties", {})
    others = declared.get("additionalProperties", {})
    for name, value in table.items():
        if name in known:
            yield from flaws(value, known[name], (*place, name))
        elif isinstance(others, Mapping):
            yield from flaws(value, others, (*place, name))
        else:
            yield ConfigError(
                f"{at((*place, name))} is no setting", hint=nearest(name, known)
            )
    for name in declared.get("required", ()):
        if name not in table or table[name] in ("", {}):
            about = known[name].get("description")
            yield ConfigError(f"{at((*place, name))} is missing", hint=about)
    if TYPES in declared:
        yield from _of_type(table, declared, place)


def _of_type(
    table: Mapping[str, Any], declared: Schema, place: Place
) -> Iterator[ConfigError]:
    """Look at what goes with a table's `type`."""
    kind = table.get("type")
    if kind not in declared[TYPES]:
        return
    needed, others = declared[TYPES][kind]
    for name in needed:
        if table.get(name) in (None, ""):
            yield ConfigError(
                f'{at((*place, name))} is missing: `type = "{kind}"` needs it',
                hint=declared["properties"][name].get("description"),
            )
    for name in table:
        if name in declared["properties"] and name not in {"type", *needed, *others}:
            listed = ", ".join(f"`{one}`" for one in (*needed, *others))
            yield ConfigError(
                f'{at((*place, name))} is not for `type = "{kind}"`',
                hint=f"It takes {listed or 'nothing else'}",
            )


def _of_value(value: Any, declared: Schema, place: Place) -> Iterator[ConfigError]:
    options = declared.get("enum")
    if options and value not in options:
        close = difflib.get_close_matches(str(value), options, n=1)
        listed = ", ".join(f'"{one}"' for one in options)
        hint = f'Did you mean "{close[0]}"?' if close else f"It is one of {listed}"
        yield ConfigError(f"{at(place)} cannot be {_shown(value)}", hint=hint)
    least, above = declared.get("minimum"), declared.get("exclusiveMinimum")
    if least is not None and value < least:
        yield ConfigError(f"{at(place)} must be {least} or more, not {value}")
    if above is not None and value <= above:
        yield ConfigError(f"{at(place)} must be more than {above}, not {value}")
    most = declared.get("maximum")
    if most is not None and value > most:
        yield ConfigError(f"{at(place)} must be {most} or less, not {value}")


def _shown(value: Any) -> str:
    match value:
        case str():
            return f'"{value}"' if len(value) <= _LONGEST else "that text"
        case bool():
            return "true" if value else "false"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a table"
        case None:
            return "nothing"
        case _:
            return str(value)
