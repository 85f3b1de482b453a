"""The first page of a repository's list, asked for only if it changed.

docs.github.com, Best practices for using the REST API, "Use conditional requests":
an answer 304 costs nothing of the limit. A tag holds for the token that got it
(github/docs#34689), so the same one asks again; what is remembered is its place in the
config.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from elt.taps.github.places import Repository
from elt.taps.github.tokens import Place, Tokens
from elt.taps.rest.ahead import Read, pages
from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.envelopes import records_at
from elt.taps.rest.paging import Next, Page
from elt.taps.rest.reading import Reading
from elt.taps.rest.rows import Record, with_fields

PAGE = 100
UNCHANGED = 304
# List commits says 409 of a repository in which nothing is.
_EMPTY = 409
_NO_ROWS = frozenset((UNCHANGED, _EMPTY))
Remembered = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A list whose first page is here; `call` asks for it, whatever is known."""

    place: Place
    call: Call
    page: Page
    read: Read

    @property
    def is_unchanged(self) -> bool:
        return self.page.answer.status == UNCHANGED

    @property
    def tag(self) -> str:
        return self.page.answer.headers.get("etag", "")

    def pages(self, following: Next) -> Iterator[Page]:
        more = following(self.call, self.page)
        yield self.page
        if more is not None:
            yield from pages(self.place, more, self.read, following)


def text_of(moment: datetime) -> str:
    """Write a moment as GitHub does, in whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def call_of(repository: Repository, path: str, **params: str | int) -> Call:
    return Call(
        path=repository.path + path,
        params={"per_page": PAGE, **params},
        also=_NO_ROWS,
    )


def reader(*at: str) -> Read:
    def read(answer: Answer) -> Page:
        if answer.status in _NO_ROWS:
            return Page([], answer)
        return Page(records_at(answer.body, at), answer)

    return read


def begin(
    tokens: Tokens,
    repository: Repository,
    call: Call,
    remembered: Remembered,
    read: Read,
) -> Begun:
    """Ask for a list's first page, with the tag that is remembered of it."""
    place = tokens.place(call.path, of=repository.part, prefer=remembered.get("token"))
    page = place.ask(tagged(call, remembered), read)
    return Begun(place=place, call=call, page=page, read=read)


def tagged(call: Call, remembered: Remembered, page: int = 1) -> Call:
    tags = remembered.get("tags") or []
    if len(tags) < page or remembered.get("of") != _mark_of(call):
        return call
    asked = call if page == 1 else call.with_params(page=page)
    return replace(asked, headers={**call.headers, "If-None-Match": tags[page - 1]})


def remembers(call: Call, remembered: Remembered) -> int:
    """Give how many pages of this list are remembered."""
    same = remembered.get("of") == _mark_of(call)
    return len(remembered.get("tags") or []) if same else 0


def remember(
    reading: Reading, repository: Repository, begun: Begun, tags: list[str] | None
) -> None:
    """Keep the tags of a list that was read to its end, or none where they would lie.

    Call it before the chunk that ends the part, so that they are kept with its rows.
    """
    if not reading.marks.is_kept:
        return
    if tags and all(tags):
        memory = reading.marks.memory(repository.part)
        memory["of"], memory["tags"] = _mark_of(begun.call), tags
        memory["token"] = begun.place.tokens.number_of(begun.place.key)
    elif reading.marks.remembered(repository.part):
        reading.marks.memory(repository.part).pop("tags", None)


def remembered_of(reading: Reading, repository: Repository) -> Remembered:
    """Look up what is remembered; nothing where all is to be read again."""
    if not reading.marks.is_kept:
        return {}
    return reading.marks.remembered(repository.part)


def named(repository: Repository, **more: Any) -> Callable[[Record], bytes]:
    """Make what puts the repository's name and number in front of a row."""
    return with_fields(
        {"repository": repository.full_name, "repository_id": repository.id, **more}
    )


def _mark_of(call: Call) -> str:
    return f"{zlib.crc32(call.identity):08x}"
