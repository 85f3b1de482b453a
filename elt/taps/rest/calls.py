"""One request of an API, and its answer, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

Params = Mapping[str, str | int | Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked: `path` is below the base URL, or a whole URL of the same origin.

    `body` is sent as JSON. `also` are statuses other than 2xx that are an answer.
    """

    path: str
    method: str = "GET"
    params: Params = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    also: frozenset[int] = frozenset()

    def with_params(self, **params: str | int | Sequence[str]) -> Call:
        return replace(self, params={**self.params, **params})

    def with_body(self, **fields: Any) -> Call:
        return replace(self, body={**(self.body or {}), **fields})

    def at(self, url: str) -> Call:
        """Give the same request of another address, whose query is whole."""
        return replace(self, path=url, params={})

    @property
    def identity(self) -> bytes:
        """Tell two requests apart."""
        parts = urlsplit(self.path)
        pairs = sorted(parse_qsl(parts.query, keep_blank_values=True))
        given = sorted((name, str(value)) for name, value in self.params.items())
        return msgspec.json.encode(
            [self.method, parts.path, pairs, given, self.body], order="sorted"
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
