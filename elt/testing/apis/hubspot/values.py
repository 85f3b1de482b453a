"""Values of properties: what a type takes, and as what text it is kept.

HubSpot, Properties (type and fieldType): every value is a string; `date` is midnight
UTC, `;` divides the values of several checkboxes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from elt.testing.apis.hubspot.definitions import Definition
from elt.testing.apis.hubspot.refusals import Problem

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Checked = str | Problem


@lru_cache(maxsize=64)  # an import has many records of one moment
def iso(moment: datetime) -> str:
    """Write a moment as HubSpot does: milliseconds only where there are some."""
    moment = moment.astimezone(UTC)
    exactly = "milliseconds" if moment.microsecond // 1000 else "seconds"
    return moment.isoformat(timespec=exactly).replace("+00:00", "Z")


def to_milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def moment_of(text: str) -> datetime | None:
    """Read ISO 8601 or milliseconds since 1970; nothing else is a moment."""
    try:
        if re.fullmatch(r"-?\d+", text):
            return _EPOCH + timedelta(milliseconds=int(text))
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def as_text(value: object) -> str:
    """Give a JSON value as the text that HubSpot takes it for."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def as_id(text: str) -> int | None:
    """Read the id of a record; None is what cannot be one."""
    return int(text) if text.isascii() and text.isdigit() else None


def check(definition: Definition, value: object) -> Checked:
    """Give the text to keep, an empty one to clear it, or what is wrong with it."""
    text = as_text(value)
    if definition.is_read_only:
        what = "calculated" if definition.is_calculated else "read only"
        why = f'"{definition.name}" is a {what} property; its value cannot be set.'
        return Problem(definition.name, "READ_ONLY_VALUE", why, text)
    if not text:
        return ""
    if definition.name == "email":
        return _email(definition, text)
    return _CHECKS.get(definition.type, _any)(definition, text)


def _any(definition: Definition, text: str) -> Checked:
    del definition
    return text


def _email(definition: Definition, text: str) -> Checked:
    if not _EMAIL.fullmatch(text):
        why = f"Email address {text} is invalid"
        return Problem(definition.name, "INVALID_EMAIL", why, text)
    return text.lower()  # HubSpot keeps addresses in lower case


def _number(definition: Definition, text: str) -> Checked:
    try:
        is_number = Decimal(text).is_finite()
    except InvalidOperation:
        is_number = False
    if is_number:
        return text
    # No public source has this code and text; that a number is checked, many have.
    why = f"{text} was not a valid number."
    return Problem(definition.name, "INVALID_NUMBER", why, text)


def _datetime(definition: Definition, text: str) -> Checked:
    found = moment_of(text)
    return _no_moment(definition, text) if found is None else iso(found)


def _date(definition: Definition, text: str) -> Checked:
    found = moment_of(text)
    if found is None:
        return _no_moment(definition, text)
    at = found.astimezone(UTC)
    if at.time() != _EPOCH.time():
        clock = f"{at.hour}:{at.minute}:{at.second}.{at.microsecond // 1000}"
        why = f"{to_milliseconds(at)} is at {clock} UTC, not midnight!"
        return Problem(definition.name, "INVALID_DATE", why, text)
    return at.date().isoformat()


def _no_moment(definition: Definition, text: str) -> Problem:
    why = f"{text} was not a valid long."
    return Problem(definition.name, "INVALID_LONG", why, text)


def _options(definition: Definition, text: str) -> Checked:
    if definition.is_open:
        return text
    several = definition.field_type == "checkbox"
    given = [part for part in text.split(";") if part] if several else [text]
    known = [value for value, _ in definition.all_options]
    for part in given:
        if part not in known:
            return _no_option(definition, part, text)
    return ";".join(given)


def _bool(definition: Definition, text: str) -> Checked:
    if text.lower() in {"true", "false"}:
        return text.lower()
    return _no_option(definition, text, text)


def _no_option(definition: Definition, part: str, text: str) -> Problem:
    listed = ", ".join(
        f'label: "{label}"\nvalue: "{value}"\ndisplay_order: {order}\nhidden: false\n'
        "read_only: false\n"
        for order, (value, label) in enumerate(definition.all_options)
    )
    why = f"{part} was not one of the allowed options: [{listed}]"
    return Problem(definition.name, "INVALID_OPTION", why, text)


_CHECKS: dict[str, Callable[[Definition, str], Checked]] = {
    "number": _number,
    "datetime": _datetime,
    "date": _date,
    "enumeration": _options,
    "bool": _bool,
}
