"""One API: a client with keep-alive, and what its answers ask of us.

Errors name the request by its method and path, never a query or a header: there are
credentials in those. Of an answer they show the beginning, known secrets struck out.
"""

from __future__ import annotations

import logging
import re
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from elt.errors import ConfigError, EltError, Unavailable
from elt.remote.masking import masked
from elt.remote.pace import Pace
from elt.remote.waits import date_of, retry_after
from elt.taps.rest.addresses import Base, shown, with_params
from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.envelopes import excerpt, mended
from elt.taps.rest.problems import NotReadable, QuotaSpent, Refused
from elt.taps.rest.vendor import TEMPORARY, Credentials, Reach, Vendor
from elt.taps.rest.waiting import Again, tries

MOVED = frozenset((301, 302, 307, 308))
_MOST_MOVES = 5
_TIME_SECONDS = 10.0
_HOUR = 3600.0
_CONNECT_SECONDS = 5.0  # who answers at all does so soon, and is asked again
# How a client's error shows bytes: a token's line break is no line break there.
_SHOWN = re.compile(r" ?b['\"]")
# Fractions in a config are decimals, and a body has numbers for them.
_encode = msgspec.json.Encoder(decimal_format="number").encode
Found = TypeVar("Found")


class Api:
    """Asks, waits, tries again, and says what went wrong. Threads may share it."""

    def __init__(  # noqa: PLR0913  an edge each
        self,
        vendor: Vendor,
        reach: Reach,
        credentials: Credentials,
        *,
        pace: Pace | None = None,
        logger: logging.Logger | None = None,
        sleep: Callable[[float], object] = time.sleep,
        now: Callable[[], float] = time.time,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.vendor = vendor
        self.reach = reach
        self.credentials = credentials
        self.pace = pace or Pace(None)
        self.now = now
        self._logger = logger or logging.getLogger(__name__)
        self._sleep = sleep
        self._base = Base(reach.base_url, vendor.name)
        self._nobody_is_there = False
        # How far the clock over there is behind ours at most, as answers tell.
        self.behind = timedelta(0)
        # It would write down every URL, and some APIs want their key in there.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._client = httpx.Client(
            http2=True,
            timeout=_timeout(reach.timeout_seconds),
            limits=httpx.Limits(max_connections=reach.concurrency + 1),
            headers={
                "User-Agent": reach.user_agent or f"elt/{version('elt-toolkit')}",
                "Accept": "application/json",
                **reach.headers,
            },
            transport=transport,
        )
        # The SDK's discovery and its tests of a tap end without a word to the tap.
        weakref.finalize(self, self._client.close)

    def close(self) -> None:
        self._client.close()

    def ask(
        self,
        call: Call,
        read: Callable[[Answer], Found],
        *,
        pace: Pace | None = None,
    ) -> Found:
        """Make a request and read its answer; both are tried again together.

        So an answer whose JSON breaks off is asked for once more. Raises the problems
        of `elt.taps.rest.problems`, and what `read` raises.
        """
        url = self._base.join(call.path)
        go = pace or self.pace
        waits: list[float] = []

        def once() -> Found:
            given = self.credentials.headers()
            answer = self._answer(call, url, given, go)
            refused = self.vendor.refuses_us(answer)
            if refused and self.credentials.renew(given):
                answer = self._answer(call, url, self.credentials.headers(), go)
            try:
                self._look_at(call, answer, waits)
            except Again as again:
                go.hold(again.after_seconds or 0.0)
                raise
            try:
                return self._read(call, answer, read)
            except msgspec.ValidationError:
                raise
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if answer.body.lstrip().startswith(b"<"):
                    raise self._page_for_people(call) from error
                what = f"its answer is not JSON to the end ({error})"
                raise Again(self._unavailable(call, what)) from error

        # Where nobody was there at all tries of a request, the next streams need not
        # wait as long to learn it.
        most = 1 if self._nobody_is_there else self.reach.tries
        retrying = tries(most, sleep=self._sleep, before_sleep=self._say_why)
        try:
            return retrying(once)
        except Unavailable as error:
            self._nobody_is_there = _could_not_connect(error)
            raise

    def _read(
        self, call: Call, answer: Answer, read: Callable[[Answer], Found]
    ) -> Found:
        """Read an answer, also one that is almost JSON."""
        try:
            return read(answer)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError):
            whole = mended(answer.body)
            if whole == answer.body:
                raise
        found = read(replace(answer, body=whole))
        self._logger.warning(
            "%s: its answer is not quite JSON. Half letters (`\\ud83d` alone) became"
            " `\\ufffd`, as bytes that are not UTF-8 did, bare control characters"
            " their escapes, and NaN null",
            self.name(call),
        )
        return found

    def their_time(self) -> datetime | None:
        """Ask for no more than the time over there, to the second; None: untold.

        Nobody's credentials are needed for that, and any answer has it.
        """
        try:
            timeout = _timeout(_TIME_SECONDS)
            answer = self._client.head(self._base.url, timeout=timeout)
        except (httpx.HTTPError, httpx.InvalidURL):
            return None  # whatever is wrong is told by the first request that counts
        return date_of(answer.headers)

    def hidden(self, text: str) -> str:
        return masked(text, self.credentials.secrets())

    def name(self, call: Call) -> str:
        """Name a request for a person: method and path, or address."""
        url = self._base.join(call.path)
        if not self.vendor.names_queries:
            return self.hidden(f"{call.method} {urlsplit(url).path}")
        return self.hidden(f"{call.method} {shown(url, call)}")

    def _answer(
        self, call: Call, url: str, credentials: Mapping[str, str], pace: Pace
    ) -> Answer:
        asked = call
        for _ in range(_MOST_MOVES):
            pace.wait()
            response = self._send(asked, url, credentials)
            self._see_their_clock(response)
            place = response.headers.get("location")
            if response.status_code not in MOVED or not place:
                return _answer_of(response)
            url = self._base.join(urljoin(url, place))
            asked = call.at(url)
        raise EltError(f"{self.vendor.name} sends us around", where=self.name(call))

    def _see_their_clock(self, response: httpx.Response) -> None:
        there = date_of(response.headers)
        if there is not None:
            apart = timedelta(seconds=self.now() - there.timestamp())
            self.behind = max(self.behind, apart)

    def _send(
        self, call: Call, url: str, credentials: Mapping[str, str]
    ) -> httpx.Response:
        headers: dict[str, str] = {**credentials, **call.headers}
        content = None
        if call.body is not None:
            content = _encode(call.body)
            headers = {"Content-Type": "application/json", **headers}
        try:
            response = self._client.request(
                call.method,
                with_params(url, call, self.reach.params),
                headers=headers,
                content=content,
            )
        except UnicodeEncodeError:
            raise self._unwritable("a header has letters that are not ASCII") from None
        except httpx.InvalidURL as error:
            raise EltError(
                f"{self.vendor.name} cannot be asked: {self.hidden(str(error))}",
                where=self._base.url,
            ) from None
        except httpx.DecodingError as error:
            what = f"its answer cannot be unpacked: {error}"
            raise Again(self._unavailable(call, what)) from error
        except httpx.TransportError as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise ConfigError(
                    f"{self.vendor.name}'s certificate is not trusted",
                    where=self._base.url,
                ) from error
            if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
                raise self._unwritable(_SHOWN.split(str(error))[0]) from None
            what = f"no answer: {self.hidden(str(error) or type(error).__name__)}"
            raise Again(self._unavailable(call, what)) from error
        self._nobody_is_there = False
        return response

    def _unwritable(self, what: str) -> ConfigError:
        setting = self.vendor.credentials_setting
        return ConfigError(
            f"a request cannot be written: {self.hidden(what)}",
            where=self._base.url,
            hint=f"Look at `{setting}` in the tap's config: a line break or another"
            " letter may have come with it",
        )

    def _look_at(self, call: Call, answer: Answer, waits: list[float]) -> None:
        """Raise what an answer means, unless it is one to read.

        `waits` are those that were asked for before, for the same request.
        """
        status, vendor = answer.status, self.vendor
        wait = vendor.busy(answer)
        if wait is None and (httpx.codes.is_success(status) or status in call.also):
            return
        said = self._said(answer)
        if vendor.settled(answer) and status in TEMPORARY:
            raise self._unavailable(call, said)
        if wait is not None or status in TEMPORARY | vendor.temporary:
            self._wait_or_stop(call, answer, said, wait, waits)
        if vendor.refuses_us(answer):
            raise ConfigError(
                f"{vendor.name} refused our credentials: {said}",
                where=self.name(call),
                hint=f"Look at `{vendor.credentials_setting}` in the tap's config:"
                " it may be mistyped, revoked or expired",
            )
        if status in vendor.not_for_us:
            raise NotReadable(
                said,
                status=status,
                where=self.name(call),
                hint=_grant(vendor, answer),
            )
        raise Refused(
            f"{vendor.name} refused the request: {said}",
            status=status,
            where=self.name(call),
            hint=vendor.hints.get(status),
        )

    def _wait_or_stop(
        self,
        call: Call,
        answer: Answer,
        said: str,
        wait: float | None,
        waits: list[float],
    ) -> None:
        asked = wait or retry_after(answer.headers, self.now)
        waits.append(asked or 0.0)
        # All together: seven waits of a quarter of an hour are two hours, and each
        # stream would wait as long.
        is_too_long = sum(waits) > self.reach.longest_wait_seconds
        if self.vendor.spent(answer) or (asked and is_too_long):
            when = f" for another {_long(asked)}" if asked else ""
            raise QuotaSpent(
                f"{self.vendor.name} allows us no more requests{when}: {said}",
                where=self.name(call),
                hint="Run it later; `longest_wait_seconds` in the tap's config says"
                " for how long a run waits",
            )
        raise Again(self._unavailable(call, said), asked)

    def _said(self, answer: Answer) -> str:
        words = self.vendor.said(answer.body) or excerpt(answer.body)
        number = answer.headers.get(self.vendor.request_header)
        told = f"HTTP {answer.status} {words}".strip()
        return self.hidden(f"{told} [request {number}]" if number else told)

    def _unavailable(self, call: Call, what: str) -> Unavailable:
        return Unavailable(f"{self.vendor.name}: {what}", where=self.name(call))

    def _page_for_people(self, call: Call) -> Refused:
        return Refused(
            f"{self.vendor.name}'s address gives a page for people (HTML), not JSON",
            status=int(httpx.codes.OK),
            where=self.name(call),
            hint="Look at `base_url` in the tap's config, and whether a proxy or login"
            " page stands in between",
        )

    def _say_why(self, failure: Again, seconds: float, number: int) -> None:
        self._logger.warning(
            "%s; waiting %.1f s before try %d of %d",
            " at ".join(filter(None, (failure.error.what, failure.error.where))),
            seconds,
            number + 1,
            self.reach.tries,
        )


def _timeout(seconds: float) -> httpx.Timeout:
    return httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def _could_not_connect(error: Unavailable) -> bool:
    """Say whether the last try of a request found nobody at the address."""
    failure = error.__cause__
    cause = failure.__cause__ if isinstance(failure, Again) else None
    return isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout)


def _long(seconds: float) -> str:
    return f"{seconds / _HOUR:.1f} hours" if seconds >= _HOUR else f"{seconds:.0f} s"


def _answer_of(response: httpx.Response) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(
        response.status_code, headers, response.content, str(response.request.url)
    )


def _grant(vendor: Vendor, answer: Answer) -> str | None:
    if answer.status != httpx.codes.FORBIDDEN:
        return None
    scope = vendor.scope_of(answer)
    what = f"the scope {scope}" if scope else "the right to read it"
    return f"Give {what} to the `{vendor.credentials_setting}`, or deselect the stream"
