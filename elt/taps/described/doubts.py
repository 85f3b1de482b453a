"""Names in a stream's settings that the first answers lack: they may be mistyped.

Nothing is wrong for certain, as an API may leave out what is empty.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from elt.errors import EltError
from elt.taps.described.answers import described
from elt.taps.described.settings import (
    PARENT,
    SINCE,
    UNTIL,
    Path,
    StreamSettings,
    path_of,
)
from elt.taps.rest.checking import nearest
from elt.taps.rest.envelopes import fields
from elt.taps.rest.paging import Page


def doubter(
    stream: StreamSettings, logger: logging.Logger
) -> Callable[[StreamSettings, Page], None]:
    """Make what looks at pages of a stream and of its parent, and warns."""
    seen: set[str] = set()

    def look(of: StreamSettings, page: Page) -> None:
        if of.name in seen or not page.records:
            return
        seen.add(of.name)
        for doubt in _doubts(stream, of, page):
            logger.warning("stream %s: %s", stream.name, doubt)

    return look


def _doubts(stream: StreamSettings, of: StreamSettings, page: Page) -> Iterable[str]:
    if of is stream:
        return _of_itself(stream, page)
    return _of_its_parent(stream, of, page) if of.name == stream.parent else ()


def _of_itself(stream: StreamSettings, page: Page) -> Iterator[str]:
    paging, body = stream.paging, page.answer.body
    for setting in ("path", "more", "pages", "total"):
        path: Path = getattr(paging, setting)
        if path and not _is_there(body, path):
            yield (
                f"the first answer has no `{'.'.join(path)}`, which `paging.{setting}`"
                " names; if there is a next page, look at that. It has:"
                f" {described(body)}"
            )
    names = _names(page)
    for setting, given in (("columns", stream.columns), ("drop", stream.drop)):
        for name in sorted(set(given) - names - set(stream.parent_fields)):
            yield (
                f"no record of the first answer has `{name}`, which `{setting}` names."
                f" {nearest(name, sorted(names))}"
            )


def _of_its_parent(
    stream: StreamSettings, parent: StreamSettings, page: Page
) -> Iterator[str]:
    names = _names(page) - parent.drop | set(parent.parent_fields)
    wanted = {*stream.parent_fields.values(), *(stream.holes - {SINCE, UNTIL})}
    for name in sorted(each.removeprefix(PARENT) for each in wanted):
        if path_of(name)[0] not in names:
            yield (
                f"no record of the first answer of `{parent.name}` has `{name}`."
                f" {nearest(name, sorted(names))}"
            )


def _names(page: Page) -> set[str]:
    return {name for record in page.records for name in fields(record)}


def _is_there(body: bytes, path: Path) -> bool:
    found: Any = body
    for key in path:
        try:
            inside = fields(found)
        except EltError:
            return False
        if key not in inside:
            return False
        found = inside[key]
    return True
