"""What asks for the next page, by the `paging` of a stream.

A page that is not full is the last only where the settings say so: many APIs give
fewer records than were asked for, because of a cap or of rows that are hidden.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from elt.errors import EltError
from elt.taps.described.settings import Paging, Path
from elt.taps.rest.calls import Call
from elt.taps.rest.envelopes import excerpt, value_at
from elt.taps.rest.paging import Next, Page, link_header, link_in_body, one_page


def first_call(paging: Paging, call: Call) -> Call:
    """Add the size of a page to the first request, and its number."""
    if paging.size_param:
        call = _put(call, paging, paging.size_param, paging.size)
    if paging.type == "page":
        call = _put(call, paging, paging.param, paging.first)
    if paging.type == "offset":
        call = _put(call, paging, paging.param, 0)
    return call


def following(paging: Paging, key: tuple[str, ...]) -> Next:
    """Make what gives the request of the next page; it counts, so take one a list."""
    match paging.type:
        case "cursor":
            return _after(paging)
        case "link":
            return _link(paging)
        case "link_header":
            return link_header
        case "page":
            return _numbered(paging)
        case "offset":
            return _offset(paging)
        case "last_id":
            field = paging.field or key[0]
            return _last(paging, (field,))
        case _:
            return one_page


def _after(paging: Paging) -> Next:
    def next_call(call: Call, page: Page) -> Call | None:
        value = value_at(page.answer.body, paging.path)
        _look_at(value or None, paging.path, "path", str | int | float)
        if _says_it_ends(paging, page):
            return None
        if value:
            return _put(call, paging, paging.param, value)
        _check_end(paging, page)
        return None

    return next_call


def _link(paging: Paging) -> Next:
    follow = link_in_body(paging.path)

    def next_call(call: Call, page: Page) -> Call | None:
        value = value_at(page.answer.body, paging.path)
        _look_at(value or None, paging.path, "path", str)
        if _says_it_ends(paging, page):
            return None
        found = follow(call, page)
        if found is None:
            _check_end(paging, page)
        return found

    return next_call


def _check_end(paging: Paging, page: Page) -> None:
    """Raise EltError where there is more, and nothing leads there."""
    if _more(paging, page):
        raise EltError(
            f"the answer says that there is more, and has no `{'.'.join(paging.path)}`",
            hint="Look at `paging.path`, and at `paging.more`",
        )


def _numbered(paging: Paging) -> Next:
    number = paging.first

    def next_call(call: Call, page: Page) -> Call | None:
        nonlocal number
        pages = _count(page, paging.pages, "pages")
        if pages is not None and number - paging.first + 1 >= pages:
            return None
        if _is_last(paging, page):
            return None
        number += 1
        return _put(call, paging, paging.param, number)

    return next_call


def _offset(paging: Paging) -> Next:
    passed = 0

    def next_call(call: Call, page: Page) -> Call | None:
        nonlocal passed
        passed += len(page.records)
        total = _count(page, paging.total, "total")
        if _is_last(paging, page) or (total is not None and passed >= total):
            return None
        return _put(call, paging, paging.param, passed)

    return next_call


def _last(paging: Paging, field: Path) -> Next:
    def next_call(call: Call, page: Page) -> Call | None:
        if _is_last(paging, page):
            return None
        last = value_at(page.records[-1], field)
        if last is None:
            raise EltError(
                f"the last record of a page has no `{field[0]}` to go on behind",
                hint="Look at `paging.field`",
            )
        return _put(call, paging, paging.param, last)

    return next_call


def _is_last(paging: Paging, page: Page) -> bool:
    if not page.records or _says_it_ends(paging, page):
        return True
    short = paging.size is not None and len(page.records) < paging.size
    return paging.short_page_ends and short


def _says_it_ends(paging: Paging, page: Page) -> bool:
    # What is not there says nothing: a mistyped name must not end a list early.
    more = _more(paging, page)
    if more is not None and not more:
        return True
    return bool(paging.end and value_at(page.answer.body, paging.end))


def _more(paging: Paging, page: Page) -> Any:
    return value_at(page.answer.body, paging.more) if paging.more else None


def _count(page: Page, path: Path, setting: str) -> int | None:
    value = value_at(page.answer.body, path) if path else None
    is_text_of_it = isinstance(value, str) and value.isdecimal()
    _look_at(None if is_text_of_it else value, path, setting, int | float)
    return None if value is None else int(value)


def _look_at(
    value: Any, path: Path, setting: str, kinds: type | types.UnionType
) -> None:
    """Raise EltError where a path leads to something else than a setting means."""
    if value is None or (isinstance(value, kinds) and not isinstance(value, bool)):
        return
    raise EltError(
        f"`paging.{setting}` leads to what it cannot mean: `{'.'.join(path)}` is"
        f" {excerpt(msgspec.json.encode(value))}",
        hint=f"Look at `paging.{setting}`",
    )


def _put(call: Call, paging: Paging, name: str, value: Any) -> Call:
    """Set a parameter, or a field of the body, which may be `variables.after`."""
    if paging.into == "params":
        return call.with_params(
            **{name: value if isinstance(value, int) else str(value)}
        )
    return replace(call, body=_with(call.body or {}, tuple(name.split(".")), value))


def _with(table: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    name, *rest = path
    inner = table.get(name)
    below = inner if isinstance(inner, Mapping) else {}
    return {**table, name: _with(below, tuple(rest), value) if rest else value}
