"""Answers read as pages of records; what is wrong names the setting to change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from http import HTTPStatus

import msgspec
from msgspec import Raw

from elt.errors import EltError
from elt.taps.described.paging import following
from elt.taps.described.settings import Path, StreamSettings
from elt.taps.rest.ahead import Read, pages
from elt.taps.rest.api import Api
from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.envelopes import NotThere, excerpt, fields, records_at
from elt.taps.rest.paging import Page
from elt.taps.rest.problems import Refused, Repeats

_SETTING = {
    400: "`params`, `body`, `cursor` or `paging`",
    404: "`path`, and at `base_url`",
    405: "`method`",
    406: "`headers`",
    413: "`paging.size`",
    414: "`params`",
    415: "`method` and `body`",
    422: "`params`, `body`, `cursor` or `paging`",
}
# Pages of records without a key may be alike by chance; so many in a row are not.
_MOST_ALIKE = 20
_TOLD_TWICE = 2
_KINDS = {b"[": "a list", b"{": "a table", b'"': "a text"}


def read_pages(api: Api, stream: StreamSettings, first: Call) -> Iterator[Page]:
    """Give the pages of a list. Raises EltError with the request and the setting."""
    asked = first
    follow = following(stream.paging, stream.key)
    news = _News(stream)

    def next_call(call: Call, page: Page) -> Call | None:
        nonlocal asked
        news.look_at(page)
        found = follow(call, page)
        asked = found or asked
        return found

    try:
        yield from pages(api, first, reader(stream), next_call)
    except EltError as error:
        error.where = error.where or api.name(asked)
        error.hint = _hint(stream, error) or error.hint
        raise


def reader(stream: StreamSettings) -> Read:
    """Make what finds the records of a list's answers; take one a list.

    An answer without a body may have broken off before its first byte, and is asked for
    again. Only a list that begins so twice has nothing; the status 204 says it at once.
    """
    is_first, without_body = True, 0

    def read(answer: Answer) -> Page:
        nonlocal is_first, without_body
        if not answer.body.strip() and answer.status != HTTPStatus.NO_CONTENT:
            without_body += 1
            if not is_first or without_body < _TOLD_TWICE:
                raise msgspec.DecodeError("it has no body")
        page = Page(_found(stream, answer), answer)
        is_first = False
        return page

    return read


def described(body: bytes | Raw) -> str:
    """List what a table has: `results (a list), next (a text)`."""
    try:
        inside = fields(body)
    except NotThere:
        return ""
    kinds = ((name, _KINDS.get(bytes(raw)[:1])) for name, raw in inside.items())
    return ", ".join(f"{name} ({kind})" if kind else name for name, kind in kinds)


class _News:
    """Knows the pages of a list: one that comes again would come for ever."""

    def __init__(self, stream: StreamSettings) -> None:
        self._stream = stream
        self._seen: set[int] = set()
        self._last = 0
        self._alike = 0

    def look_at(self, page: Page) -> None:
        if not page.records:
            return
        content = hash(b"\n".join(page.records))
        self._alike = self._alike + 1 if content == self._last else 0
        again = content in self._seen and bool(self._stream.key)
        if again or self._alike >= _MOST_ALIKE:
            raise Repeats("the API gives the same page again, so the list never ends")
        self._seen.add(content)
        self._last = content


def _found(stream: StreamSettings, answer: Answer) -> Sequence[Raw]:
    start = answer.body.lstrip()[:1]
    if not start or answer.body.strip() == b"null":
        return ()
    if start not in (b"{", b"["):
        raise _not_json(stream, answer)
    try:
        records = _records(stream, answer.body)
    except NotThere as error:
        raise _elsewhere(stream, answer, error) from error
    _check_objects(stream, records)
    return records


def _records(stream: StreamSettings, body: bytes) -> Sequence[Raw]:
    if stream.records is None and body.lstrip()[:1] == b"{":
        raise NotThere("")
    return records_at(body, stream.records or ())


def _elsewhere(stream: StreamSettings, answer: Answer, error: NotThere) -> EltError:
    """Say what the answer has in place of the records."""
    has, path = described(answer.body), ".".join(stream.records or ())
    if stream.records is None:
        what = f"the answer is a table, not a list; it has: {has}"
    elif error.what.startswith("there is no"):
        what = f"records path `{path}` is not there; the answer has: {has or 'a list'}"
    else:
        what = f"records path `{path}` leads to no list: {_end(stream, answer.body)}"
    there = [".".join(path) for path in _lists(answer.body)]
    close = ", ".join(f'`records = "{one}"`' for one in there[:3])
    mend = f"Set {close}" if close else "Set `records` to where the records are"
    return EltError(what, hint=f"In the stream `{stream.name}`: {mend}")


def _end(stream: StreamSettings, body: bytes) -> str:
    """Say where a path ends too early, or on what."""
    found: bytes | Raw = body
    for depth, key in enumerate(stream.records or ()):
        kind = _KINDS.get(bytes(found).lstrip()[:1], "a value")
        if kind != "a table":
            so_far = ".".join((stream.records or ())[:depth])
            return f"`{so_far}` is {kind}" if so_far else f"the answer is {kind}"
        found = fields(found)[key]
    return f"there is {excerpt(found)}"


def _lists(body: bytes | Raw, depth: int = 3) -> Iterator[Path]:
    """Find the paths of lists."""
    start = bytes(body).lstrip()[:1]
    if start == b"[":
        yield ()
    elif start == b"{" and depth:
        for name, raw in fields(body).items():
            for path in _lists(raw, depth - 1):
                yield (name, *path)


def _not_json(stream: StreamSettings, answer: Answer) -> EltError:
    is_page = answer.body.lstrip()[:1] == b"<"
    kind = "a page for people (HTML) or XML" if is_page else "no JSON"
    return EltError(
        f"the answer is {kind}: {excerpt(answer.body)}",
        hint=f"Look at `base_url` and, {_in(stream).lower()} at `path`",
    )


def _check_objects(stream: StreamSettings, records: Sequence[Raw]) -> None:
    for record in (*records[:1], *records[-1:]):
        if not bytes(record).lstrip().startswith(b"{"):
            path = ".".join(stream.records or ())
            raise EltError(
                f"records are not tables at records path `{path}`: {excerpt(record)}",
                hint=f"{_in(stream)} set `records` to a list of tables",
            )


def _hint(stream: StreamSettings, error: EltError) -> str | None:
    if isinstance(error, Refused):
        setting = _SETTING.get(error.status, "`path`, `method` and `params`")
        return f"{_in(stream)} look at {setting}"
    if isinstance(error, Repeats):
        return f"{_in(stream)} look at `paging`: `param`, and `path` if it has one"
    return None


def _in(stream: StreamSettings) -> str:
    return f"In the stream `{stream.name}`"
