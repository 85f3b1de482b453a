"""What a value in a body may be; each reader raises ValueError in Recurly's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from elt.testing.apis.parameters import moment
from elt.testing.apis.recurly.kinds import ADDRESS

Value = TypeVar("Value")
Reads = Callable[[Any], Any]
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MOST_OF_A_CODE = 50
_CODE = re.compile(r"[\w@+.:\- ]+")
_CENTS = 2


def _kind(kind: type[Value], said: str) -> Callable[[Any], Value]:
    def read_kind(value: Any) -> Value:
        # To Python a truth is a number.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ValueError(f"is not {said}")
        return value

    return read_kind


text = _kind(str, "a string")
whole = _kind(int, "an integer")
flag = _kind(bool, "a boolean")
table: Callable[[Any], dict[str, Any]] = _kind(dict, "an object")
_rows: Callable[[Any], list[Any]] = _kind(list, "an array")


def email(value: Any) -> str:
    if not _EMAIL.fullmatch(text(value)):
        raise ValueError("is not a valid email address")
    return text(value)


def code(value: Any) -> str:
    if len(text(value)) > _MOST_OF_A_CODE:
        raise ValueError(f"is too long (maximum is {_MOST_OF_A_CODE} characters)")
    if not _CODE.fullmatch(value):
        raise ValueError("is invalid")
    return text(value)


def amount(value: Any) -> float:
    """Take money in major units, with two decimal places at most."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number")  # noqa: TRY004
    exponent = Decimal(str(value)).normalize().as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_CENTS:
        raise ValueError("has more than 2 decimal places")
    return float(value)


def when(value: Any) -> str:
    return moment(text(value)).strftime("%Y-%m-%dT%H:%M:%SZ")


def tables(value: Any) -> list[dict[str, Any]]:
    return [table(part) for part in _rows(value)]


def one_of(*choices: str) -> Reads:
    def read_choice(value: Any) -> str:
        if value not in choices:
            raise ValueError("is not included in the list")
        return text(value)

    return read_choice


def count(value: Any) -> int:
    if whole(value) < 0:
        raise ValueError("must be greater than or equal to 0")
    return whole(value)


def digits(value: Any) -> str:
    if not (text(value).isascii() and value.isdigit()):
        raise ValueError("is not a number")
    return text(value)


def address(value: Any) -> dict[str, Any]:
    for name, part in table(value).items():
        if name not in ADDRESS:
            raise ValueError(f"has no {name}")
        if part is not None:
            text(part)
    return {**ADDRESS, **value}


def custom_fields(value: Any) -> list[dict[str, Any]]:
    """Take pairs of name and value (specification, `CustomField`)."""
    for part in tables(value):
        if part.keys() != {"name", "value"} or not isinstance(part["name"], str):
            raise ValueError("need a name and a value each")
    return tables(value)


def discounts(value: Any) -> list[dict[str, Any]]:
    return [
        {"currency": text(part.get("currency")), "amount": amount(part.get("discount"))}
        for part in tables(value)
    ]


def prices(value: Any) -> list[dict[str, Any]]:
    """Take the prices of a thing: each has a currency and an amount."""
    found = []
    for price in tables(value):
        if not isinstance(price.get("currency"), str):
            raise ValueError("needs a currency")  # noqa: TRY004
        unit = price.get("unit_amount")
        found.append({**price, "unit_amount": None if unit is None else amount(unit)})
    return found
