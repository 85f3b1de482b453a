"""What a value must be and what it is, in plain words, for error messages."""

from __future__ import annotations

import tomli
from msgspec import inspect

from elt.project.nearest import listed, nearest


def expected(kind: inspect.Type) -> str:  # noqa: C901, PLR0911, PLR0912 - a line a kind
    """Say what may stand here: "a whole number of at least 1"."""
    match kind:
        case inspect.UnionType(types=types):
            return " or ".join(expected(t) for t in types if not is_none(t))
        case inspect.Metadata(type=inner):
            return expected(inner)
        case inspect.StrType():
            return "a text"
        case inspect.LiteralType(values=(only,)):
            return f"`{only}`"
        case inspect.LiteralType(values=values):
            return "one of " + listed(map(str, values))
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType() | inspect.FloatType():
            return _expected_number(kind)
        case inspect.ListType(item_type=inspect.StrType()):
            return "a list of texts"
        case inspect.ListType():
            return "a list"
        case _:
            return "a table"


def _expected_number(kind: inspect.IntType | inspect.FloatType) -> str:
    noun = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
    most = None if kind.le is None else f"{kind.le:.15g}"
    if kind.gt is not None:
        return f"{noun} above {kind.gt:g}" + (f", {most} at most" if most else "")
    if kind.ge is None:
        return noun
    if most is None:
        return f"{noun} of at least {kind.ge:g}"
    return f"{noun} from {kind.ge:g} to {most}"


def found(value: object) -> str:
    """Say what stands there: "the text `four`"."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return "an empty one" if value == "" else f"the text `{_shortened(value)}`"
        case int() | float():
            return f"the number {value}"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"`{value}`"


def way_out(key: str, value: object, kind: inspect.Type) -> str | None:
    """Show how the line should be written, where that is plain.

    `key` is how it starts, `threads = `; empty for an entry of a list.
    """
    match (kind, value):
        case (inspect.Metadata(type=inner), _):
            return way_out(key, value, inner)
        case (inspect.UnionType(types=types), _):
            hints = (way_out(key, value, t) for t in types if not is_none(t))
            return next((hint for hint in hints if hint), None)
        case (inspect.LiteralType(values=values), str()):
            close = nearest(value, map(str, values))
            return f"Did you mean `{close}`?" if close else None
        case (inspect.ListType(item_type=inspect.StrType()), str()):
            return f'Write a list: {key}["{_shortened(value)}"]'
        case (inspect.BoolType() | inspect.IntType() | inspect.FloatType(), str()):
            return _without_quotes(key, value)
        case (inspect.StrType(), bool() | int() | float()):
            return f'Write it in quotes: {key}"{_literal(value)}"'
        case _:
            return None


def is_none(kind: inspect.Type) -> bool:
    return isinstance(kind, inspect.NoneType)


def _without_quotes(key: str, text: str) -> str | None:
    try:
        value = tomli.loads(f"value = {text}")["value"]
    except tomli.TOMLDecodeError:
        return None
    if not isinstance(value, int | float):
        return None
    return f"Write it without quotes: {key}{text}"


def _literal(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shortened(text: str, letters: int = 40) -> str:
    line = " ".join(text.split())
    return line if len(line) <= letters else line[:letters] + "…"
