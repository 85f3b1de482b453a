"""A payload's canonical JSON text and its values in Python, without loss."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

Payload = dict[str, Any]


def payload(text: str) -> Payload:
    """Read canonical text. A number that a float would bend becomes a Decimal."""
    decoded: Payload = json.loads(text, parse_float=_number)
    return decoded


def members(text: str) -> dict[str, str]:
    """Split canonical text into its fields, each still in canonical JSON text."""
    raw = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    return {name: bytes(value).decode() for name, value in raw.items()}


def text_hash(text: str) -> str:
    """Give the same hash as the diff's SQL does."""
    return hashlib.sha256(text.encode()).hexdigest()


def differing(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """Compare field by field; a field that is absent is shown as None."""
    names = [*new, *(name for name in old if name not in new)]
    return {
        name: (old.get(name), new.get(name))
        for name in names
        # By text: to Python, True equals 1, and an absent field equals None.
        if repr(old.get(name, ...)) != repr(new.get(name, ...))
    }


def _number(text: str) -> float | Decimal:
    exact, near = Decimal(text), float(text)
    return near if Decimal(repr(near)) == exact else exact
