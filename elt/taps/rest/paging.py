"""Pages of one list: what asks for the next one, and a guard against going in circles.

A style is a function of the call and its page that gives the next call, or None.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx
from msgspec import Raw

from elt.errors import EltError
from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.problems import Repeats


@dataclass(frozen=True, slots=True)
class Page:
    """The records of one answer, undecoded."""

    records: Sequence[Raw]
    answer: Answer


Next = Callable[[Call, Page], Call | None]


def one_page(call: Call, page: Page) -> None:
    """Ask for nothing after it."""
    del call, page


def link_in_body(path: Sequence[str]) -> Next:
    """Follow the address in the answer, which is whole or begins with its path."""

    def next_call(call: Call, page: Page) -> Call | None:
        link = value_at(page.answer.body, path)
        return call.at(urljoin(page.answer.url, str(link))) if link else None

    return next_call


def link_header(call: Call, page: Page) -> Call | None:
    """Follow the header `Link` to the next address (RFC 8288)."""
    header = {"link": page.answer.headers.get("link", "")}
    for link in httpx.Response(200, headers=header).links.values():
        if "next" in link.get("rel", "").split():
            return call.at(urljoin(page.answer.url, link["url"]))
    return None


def after_last(
    parameter: str, field: Sequence[str] = ("id",), more: Sequence[str] = ("has_more",)
) -> Next:
    """Go on behind the last record's id, as long as the answer says there is more."""

    def next_call(call: Call, page: Page) -> Call | None:
        if not page.records or not value_at(page.answer.body, more):
            return None
        return call.with_params(**{parameter: str(value_at(page.records[-1], field))})

    return next_call


class LoopGuard:
    """Knows which requests of a list were made: one that comes again would for ever."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._seen: set[bytes] = set()

    def is_new(self, call: Call) -> bool:
        """Note a request; say whether it is the first of its kind."""
        # A body may name a thousand fields, and there may be ten thousand pages.
        identity = hashlib.blake2b(call.identity, digest_size=16).digest()
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new

    def error(self) -> EltError:
        return Repeats(
            "the API points to a page that was read already, so the list would never"
            " end",
            where=self._name,
            hint="What came before is kept; the API may be at fault, try again",
        )
