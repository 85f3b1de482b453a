"""Names of streams and columns, made of names that people gave to their events."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import xxhash

_LONGEST = 60
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[^a-z0-9]+")


def snake(text: str) -> str:
    """Write `elementId` and `Order Completed` as `element_id` and `order_completed`."""
    return _OTHER.sub("_", _HUMP.sub("_", text).lower()).strip("_")


@lru_cache(maxsize=4096)
def stream_name(text: str) -> str:
    """Name the stream of an event; names that differ in case or signs share one.

    A name that would lose letters, or is too long, is told apart by a hash.
    """
    name = snake(text)
    lossy = any(c.isalnum() and not c.isascii() for c in text)
    if name and not lossy and len(name) <= _LONGEST:
        return name
    mark = xxhash.xxh32(text.encode("utf-8", "replace")).hexdigest()
    return f"{name[:_LONGEST].strip('_') or 'event'}_{mark}"


def column_names(properties: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Name a column for each property, none of them `taken` or given twice."""
    used = set(taken)
    names: dict[str, str] = {}
    for one in sorted(properties):
        wish = snake(one) or "column"
        name, number = wish, 1
        while name in used:
            number += 1
            name = f"{wish}_{number}"
        used.add(name)
        names[one] = name
    return names
