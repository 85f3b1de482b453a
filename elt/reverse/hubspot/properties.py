"""Properties of a HubSpot object, and how a value is written for each type.

HubSpot takes all values as texts (Properties: type and fieldType). What its type does
not take is found here, because one such value can refuse a whole batch.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean
from elt.reverse.payload import members

RECORD_ID = "hs_object_id"
CLEAR = ""  # an empty text clears a property


class Option(msgspec.Struct, frozen=True):
    value: str
    label: str = ""


class Writable(msgspec.Struct, frozen=True, rename="camel"):
    """What may be done to a property, as its definition says."""

    read_only_value: bool = False


class Property(msgspec.Struct, frozen=True, rename="camel"):
    """A property's definition, as far as writing it goes."""

    name: str
    type: str = "string"
    calculated: bool = False
    has_unique_value: bool = False
    external_options: bool = False
    options: Sequence[Option] = ()
    modification_metadata: Writable = Writable()

    @property
    def is_read_only(self) -> bool:
        return self.calculated or self.modification_metadata.read_only_value


class Definitions(msgspec.Struct, frozen=True):
    """The answer that lists an object's properties."""

    results: Sequence[Property]


class Unfit(Exception):
    """A value that its property does not take: the row is not sent."""


def check_fields(
    known: Mapping[str, Property],
    fields: Collection[str],
    *,
    key: str,
    is_upsert: bool,
    where: str,
) -> None:
    """Find what no row could be written to. Raises ConfigError, with the way out."""
    for name in fields:
        if name == RECORD_ID:
            continue
        if name not in known:
            raise ConfigError(
                f"HubSpot has no property `{name}` there",
                where=where,
                hint=did_you_mean(name, known)
                or "Create it in HubSpot, or take the field out of the sync",
            )
        if known[name].is_read_only and name != key:
            raise ConfigError(
                f"HubSpot's property `{name}` cannot be written: it is calculated or"
                " read only",
                where=where,
                hint="Take the field out of the sync, or create a property for it",
            )
    if key == RECORD_ID:
        if is_upsert:
            raise ConfigError(
                "HubSpot makes no record with an id of ours",
                where=where,
                hint=f"With the key `{RECORD_ID}`, set the sync's mode to `update`",
            )
        return
    if not known[key].has_unique_value and key != "email":
        unique = [one.name for one in known.values() if one.has_unique_value]
        raise ConfigError(
            f"HubSpot's property `{key}` may have one value in several records, so it"
            " names none",
            where=where,
            hint=f"Take {' or '.join([*unique, RECORD_ID])} as the sync's key, or"
            " create a property with unique values",
        )


def written(text: str, known: Mapping[str, Property], *, key: str) -> dict[str, str]:
    """Write a payload's canonical text as properties, but for the key.

    Raises Unfit for the first value that its property does not take.
    """
    return {
        name: value_text(known[name], raw)
        for name, raw in members(text).items()
        if name != key and name in known
    }


def key_text(text: str, key: str) -> str:
    """Give the key's value as HubSpot has it. Raises Unfit where it has none."""
    try:
        found = _plain(members(text).get(key, "null"))
    except ValueError:
        raise Unfit(f"`{key}` is no text that HubSpot could take") from None
    if not found:
        raise Unfit(f"`{key}` is empty, so that nothing says which record it is")
    return found


def value_text(definition: Property, raw: str) -> str:
    """Write one value, given as JSON text. Raises Unfit."""
    if raw == "null":
        return CLEAR
    try:
        return _WRITERS.get(definition.type, _any)(definition, raw)
    except (ValueError, OverflowError):
        raise Unfit(
            f"`{definition.name}` is a {definition.type} in HubSpot, and not {raw[:80]}"
        ) from None


def is_same(definition: Property, sent: str, found: Any) -> bool:
    """Say whether a record's value is the one that was sent, however it is written."""
    try:
        kept = value_text(definition, json.dumps(found or CLEAR))
    except Unfit:
        return False
    if definition.type == "number" and sent and kept:
        return Decimal(sent) == Decimal(kept)
    if definition.type == "enumeration":
        return set(sent.split(";")) == set(kept.split(";"))
    return sent == kept


def _plain(raw: str) -> str:
    """Give JSON text as plain text: numbers keep their digits, lists stay JSON."""
    if raw == "null":
        return ""
    text = str(json.loads(raw)) if raw.startswith('"') else raw
    text.encode()  # which half a letter, as of an emoji cut in two, does not let
    return text


def _any(definition: Property, raw: str) -> str:
    del definition
    return _plain(raw)


def _number(definition: Property, raw: str) -> str:
    del definition
    text = _plain(raw).strip()
    if not text:
        return CLEAR
    try:
        is_number = Decimal(text).is_finite()
    except InvalidOperation:
        is_number = False
    # Decimal knows other digits than HubSpot, and `1_000`.
    if not is_number or not text.isascii() or "_" in text:
        raise ValueError(text)
    # A plain number: HubSpot's forms know no exponent.
    return f"{Decimal(text):f}" if "e" in text.lower() else text


def _bool(definition: Property, raw: str) -> str:
    del definition
    text = _plain(raw).strip().lower()
    if text not in {"true", "false", ""}:
        raise ValueError(text)
    return text


def _date(definition: Property, raw: str) -> str:
    """Write a day; one with a time of day is none, and HubSpot would refuse it."""
    del definition
    text = _plain(raw).strip()
    if not text:
        return CLEAR
    moment = _moment(text)
    if moment.time() != datetime.min.time():
        raise ValueError(text)
    return moment.date().isoformat()


def _datetime(definition: Property, raw: str) -> str:
    del definition
    text = _plain(raw).strip()
    if not text:
        return CLEAR
    exactly = _moment(text).isoformat(timespec="milliseconds")
    return exactly.replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _option(definition: Property, raw: str) -> str:
    """Write an option by its name in HubSpot; its label does as well.

    Several are a list, or one text with `;` between them.
    """
    given = json.loads(raw)
    wanted = given if isinstance(given, list) else _plain(raw).split(";")
    return ";".join(_known(definition, str(one).strip()) for one in wanted if one != "")


def _known(definition: Property, text: str) -> str:
    options = definition.options
    if definition.external_options or not options:
        return text
    for option in options:
        if text == option.value:
            return text
    for option in options:
        if text.casefold() in {option.label.casefold(), option.value.casefold()}:
            return option.value
    known = ", ".join(option.value for option in options[:10])
    raise Unfit(
        f"`{definition.name}` has no option `{text}` in HubSpot; it has {known}"
    )


_WRITERS = {
    "number": _number,
    "bool": _bool,
    "date": _date,
    "datetime": _datetime,
    "enumeration": _option,
}
