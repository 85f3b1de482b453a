"""Form-encoded bodies, as Stripe takes them: `items[0][price]=...&metadata[crm]=7`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from elt.testing.apis.stripe import errors

_NAME = re.compile(r"[^\[\]]+|\[\]")


@dataclass(frozen=True, slots=True)
class Form:
    """What a request may say: names with their types, and which there have to be."""

    types: Mapping[str, str]
    required: tuple[str, ...] = ()


def form(names: str) -> Form:
    """Declare a form: `name` takes text, `balance:int` a number; `!` is a must."""
    types, required = {}, []
    for each in names.split():
        name, _, kind = each.rstrip("!").partition(":")
        types[name] = kind or "text"
        if each.endswith("!"):
            required.append(name)
    return Form(types | {"expand": "list"}, tuple(required))


def read_form(pairs: Iterable[tuple[str, str]], declared: Form) -> dict[str, Any]:
    """Read a body. Raises Refused for what is unknown, missing or of another type."""
    given = nested(pairs)
    for name in given:
        if name not in declared.types:
            raise errors.unknown_parameter(name)
    for name in declared.required:
        if not given.get(name):
            raise errors.missing_parameter(name)
    return {name: _typed(declared.types[name], name, given[name]) for name in given}


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Give hashes for `a[b]`, and lists for `a[]` and `a[0]`."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        path = _NAME.findall(name)
        place = found
        for part in path[:-1]:
            inner = place.setdefault(part, {})
            place = inner if isinstance(inner, dict) else {}
        last = path[-1] if path else name
        place[str(len(place)) if last == "[]" else last] = value
    return {name: _listed(value) for name, value in found.items()}


def whole(said: Mapping[str, Any], name: str, default: int) -> int:
    """Read a whole number of a hash, whose values are texts."""
    value = str(said.get(name, default))
    return _int(name, value)


def merged(old: Mapping[str, Any], new: Any) -> dict[str, Any]:
    """Lay metadata over the old (docs.stripe.com: Metadata): empty texts take away."""
    if new == "":
        return {}
    return {name: v for name, v in {**old, **new}.items() if v != ""}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(each) for name, each in value.items()}
    if inner and all(name.isdigit() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def _typed(kind: str, name: str, value: Any) -> Any:
    if kind in {"hash", "list"}:
        if isinstance(value, str) and value:
            said = f"Invalid {'object' if kind == 'hash' else 'array'}"
            raise errors.invalid(name, said)
        return value
    if not isinstance(value, str):
        raise errors.invalid(name, f"Invalid string: {value}")
    return _READ[kind](name, value)


def _text(_: str, value: str) -> str | None:
    return value or None  # an empty text unsets


def _int(name: str, value: str) -> int:
    if not value.removeprefix("-").isdigit():
        raise errors.not_a_number(name, value)
    return int(value)


def _flag(name: str, value: str) -> bool:
    if value not in {"true", "false"}:
        raise errors.invalid(name, f"Invalid boolean: {value}")
    return value == "true"


def _decimal(name: str, value: str) -> str:
    if not re.fullmatch(r"-?\d+(\.\d{1,12})?", value):
        raise errors.invalid(name, f"Invalid decimal: {value}")
    return value


def _float(name: str, value: str) -> float:
    return float(_decimal(name, value))


_READ: dict[str, Callable[[str, str], Any]] = {
    "text": _text,
    "int": _int,
    "flag": _flag,
    "decimal": _decimal,
    "float": _float,
}
