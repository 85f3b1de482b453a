"""A request as the code behind a path gets it, and the site that it is asked of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from elt.testing.apis.clock import Clock
from elt.testing.apis.recurly.kinds import KINDS
from elt.testing.apis.recurly.refusals import missing
from elt.testing.apis.recurly.store import Row, Store


class Site(Protocol):
    """What reading and writing needs of the simulation, and its switches."""

    store: Store
    clock: Clock
    unknown_parameters: str  # refused or ignored
    next_is_url: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, read. `origin` is how the client names this server."""

    method: str
    path: str
    origin: str
    within: Mapping[str, str]  # the names in the path: {"account": "code-bob"}
    query: list[tuple[str, str]]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def find(store: Store, kind: str, key: str, scope: str = "") -> Row:
    """Find by id or code. Raises Refused where there is none."""
    row = store.find(kind, key, scope)
    if row is None:
        raise missing(KINDS[kind].word, key)
    return row


def now(site: Site) -> int:
    return int(site.clock.seconds())
