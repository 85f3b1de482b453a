"""Who is asked, how to get there, and who we say we are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from elt.taps.rest.calls import Answer

TEMPORARY = frozenset((408, 421, 423, 425, 429, 500, 502, 503, 504, 509, 520, 521))
TEMPORARY |= {522, 523, 524, 529, 598}
NOT_FOR_US = frozenset((403, 404, 410, 451))


class Credentials(Protocol):
    """Who we say we are."""

    def headers(self) -> Mapping[str, str]: ...

    def secrets(self) -> Collection[str]:
        """Give what must not be shown."""

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Get new credentials in place of those refused; False where there are none."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Headers that stay."""

    given: Mapping[str, str]
    hidden: tuple[str, ...] = ()

    def headers(self) -> Mapping[str, str]:
        return self.given

    def secrets(self) -> Collection[str]:
        return self.hidden

    def renew(self, refused: Mapping[str, str]) -> bool:
        del refused
        return False


Ask = Callable[[Answer], float | None]


def _never(_: Answer) -> None:
    return None


def _is_unauthorized(answer: Answer) -> bool:
    return answer.status == httpx.codes.UNAUTHORIZED


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """How one vendor says what all of them say somehow.

    busy: seconds to wait where an answer means "too fast", whatever its status; None
        where it does not mean that. 0 leaves the wait to us.
    spent: whether a limit is one of a day, which no run waits for.
    said: the vendor's own words out of an answer's body; empty where there are none.
    temporary: statuses that mean "later" beside the usual ones.
    not_for_us: statuses that mean that this stream, or part of it, is not readable.
    names_queries: errors name a request with its address and query, not its path alone.
    refuses_us: whether an answer means that our credentials are wrong.
    hints: the way out, by status, for requests that are refused.
    settled: whether an answer says that another try would bring the same.
    request_header: the header, in lower case, by which the vendor's support finds a
        request.
    """

    name: str
    credentials_setting: str
    busy: Ask = _never
    spent: Callable[[Answer], bool] = lambda _: False
    said: Callable[[bytes], str] = lambda _: ""
    scope_of: Callable[[Answer], str] = lambda _: ""
    temporary: frozenset[int] = frozenset()
    not_for_us: frozenset[int] = NOT_FOR_US
    names_queries: bool = False
    refuses_us: Callable[[Answer], bool] = _is_unauthorized
    hints: Mapping[int, str] = field(default_factory=dict)
    settled: Callable[[Answer], bool] = lambda _: False
    request_header: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How to get there, and how patient to be."""

    base_url: str
    timeout_seconds: float = 60.0  # for each of connecting, writing, and every read
    tries: int = 7
    longest_wait_seconds: float = 900.0  # what is asked for beyond it ends the run
    user_agent: str = ""
    concurrency: int = 4
    headers: Mapping[str, str] = field(default_factory=dict)
    # With every request, also one whose address the API gave; no error shows them.
    params: Mapping[str, str] = field(default_factory=dict)
