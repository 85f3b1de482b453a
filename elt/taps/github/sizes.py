"""Pages of another size, that go on where the larger one would have."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from elt.taps.rest.calls import Call

# Each divides the one before it, so that a page begins where a smaller one does.
SIZES = (100, 50, 25, 5)


def query_of(call: Call) -> dict[str, str]:
    """Give what is asked for, in the address and beside it."""
    query = dict(parse_qsl(urlsplit(call.path).query, keep_blank_values=True))
    return query | {name: str(value) for name, value in call.params.items()}


def smaller(call: Call) -> tuple[Call, int] | None:
    """Give the same rows' smaller page, and its size; None where there is none."""
    size = _size(call)
    less = next((one for one in SIZES if size and one < size), None)
    return (_resized(call, size, less), less) if size and less else None


def within(call: Call, most: int | None) -> Call:
    """Give the call with at most so many rows a page."""
    size = _size(call)
    return _resized(call, size, most) if most and size and size > most else call


def _size(call: Call) -> int | None:
    text = query_of(call).get("per_page", "")
    return int(text) if text.isdigit() else None


def _resized(call: Call, size: int, less: int) -> Call:
    query: dict[str, str | int] = {**query_of(call), "per_page": less}
    if "page" in query and "after" not in query:
        query["page"] = (int(query["page"]) - 1) * (size // less) + 1
    address = urlunsplit(urlsplit(call.path)._replace(query=""))
    return replace(call, path=address, params=query)
