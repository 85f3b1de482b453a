"""Settings that are allowed one by one and cannot be meant together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from elt.errors import ConfigError
from elt.taps.described.declared import KINDS
from elt.taps.described.settings import (
    SINCE,
    UNTIL,
    CursorSettings,
    Path,
    StreamSettings,
    follows_parent,
    settings_of,
)
from elt.taps.described.templates import holes
from elt.taps.kinds import schema_from_words
from elt.taps.rest.checking import Place, at, nearest

# Where in the stream, what is wrong, and what to do.
Flaw = tuple[Path, str, str | None]
Streams = Mapping[str, StreamSettings]


def further_flaws(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    """Find what is wrong with a config that fits its declaration."""
    yield from _of_oauth2(config.get("auth") or {})
    yield from _of_streams(config)


def _of_oauth2(auth: Mapping[str, Any]) -> Iterator[ConfigError]:
    if auth.get("type") == "oauth2":
        if not (auth.get("client_secret") or auth.get("refresh_token")):
            yield ConfigError(
                "`auth.client_secret` is missing",
                hint="Or a `refresh_token`, where the API wants that",
            )
        if not str(auth.get("token_url")).startswith(("http://", "https://")):
            yield ConfigError(
                f"`auth.token_url` is not an address: {auth.get('token_url')}",
                hint="Write it with https://",
            )


def _of_streams(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    streams = settings_of(config)
    for stream in streams.values():
        for look in (_of_holes, _of_cursor, _of_paging, _of_columns, _of_parent):
            for inside, what, hint in look(stream, streams):
                place: Place = ("streams", stream.name, *inside)
                yield ConfigError(f"{at(place)} {what}", hint=hint)
        if stream.days and not config.get("start_date"):
            yield ConfigError(
                f"{at(('streams', stream.name, 'window', 'days'))} needs a start",
                hint='Add `start_date = "2025-01-01"` to the tap\'s config',
            )


def _of_holes(stream: StreamSettings, streams: Streams) -> Iterator[Flaw]:
    del streams
    for name in ("path", "params", "body"):
        try:
            found = set(holes(getattr(stream, name)))
        except ConfigError as error:
            yield (name,), f"cannot be read: {error.what}", error.hint
            continue
        for hole in sorted(found - {SINCE, UNTIL}):
            if not stream.parent:
                hint = nearest(hole, (SINCE, UNTIL))
                what = f"has `{{{hole}}}`, and the stream has no `parent`"
                yield (name,), what, f"{hint}. Or set the `parent` whose field it is"
        if found & {SINCE, UNTIL} and stream.cursor is None:
            yield (name,), "has `{since}` or `{until}`, which need a `cursor`", None
    if stream.body is not None and stream.method != "POST":
        yield ("body",), "is not for a GET", 'Set `method = "POST"`'


def _of_cursor(stream: StreamSettings, streams: Streams) -> Iterator[Flaw]:
    del streams
    cursor = stream.cursor
    if cursor is None:
        if stream.sorted:
            yield ("sorted",), "needs a `cursor`", "Name the field of the order"
        if stream.days:
            yield ("window", "days"), "needs a `cursor`", None
        return
    if cursor.field in stream.drop:
        yield ("drop",), f"has `{cursor.field}`, which is the `cursor`", None
    yield from _of_days(stream, cursor)
    is_format = cursor.format in ("", *KINDS) or "%" in cursor.format
    if not is_format or cursor.format == "plain":
        hint = "It is a kind, or made of words of strftime, as `%Y-%m-%d`"
        yield ("cursor", "format"), f'cannot be "{cursor.format}"', hint
    elif cursor.format and cursor.kind == "plain":
        yield ("cursor", "format"), 'is not for `kind = "plain"`', None
    if cursor.time_zone:
        yield from _of_time_zone(cursor)


def _of_time_zone(cursor: CursorSettings) -> Iterator[Flaw]:
    words = cursor.format
    if "%" not in words or any(word in words for word in ("%z", "%Z", "%s")):
        hint = "Kinds and these words name a moment wherever one is"
        yield ("cursor", "time_zone"), "needs a `format` without %z, %Z and %s", hint
    try:
        ZoneInfo(cursor.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "It is a name as in `America/New_York`"
        yield ("cursor", "time_zone"), f'cannot be "{cursor.time_zone}"', hint


def _of_days(stream: StreamSettings, cursor: CursorSettings) -> Iterator[Flaw]:
    if stream.days and not _has(stream, UNTIL):
        hint = "Set `until` to the parameter, or write `{until}` into `params`"
        yield ("window", "days"), "needs a parameter for the end", hint
    if stream.days and cursor.kind == "plain":
        yield ("window", "days"), 'is not for `kind = "plain"`', None


def _has(stream: StreamSettings, hole: str) -> bool:
    try:
        return hole in stream.holes
    except ConfigError:
        return True  # that is told elsewhere


def _of_paging(stream: StreamSettings, streams: Streams) -> Iterator[Flaw]:
    del streams
    paging = stream.paging
    if paging.into == "body" and stream.method != "POST":
        yield ("paging", "into"), 'is "body", and a GET has none', None
    if paging.size_param and paging.size is None:
        yield ("paging", "size"), "is missing: `size_param` needs it", None
    if paging.short_page_ends and paging.size is None:
        yield ("paging", "size"), "is missing: `short_page_ends` needs it", None
    if paging.type == "last_id" and not paging.field and len(stream.key) != 1:
        hint = "It is the field whose value the parameter takes"
        yield ("paging", "field"), "is missing, as there is no `key` of one", hint


def _of_columns(stream: StreamSettings, streams: Streams) -> Iterator[Flaw]:
    del streams
    for name, words in stream.columns.items():
        try:
            schema_from_words(words)
        except ConfigError as error:
            yield ("columns", name), f"cannot be: {error.what}", error.hint
    for name in stream.key:
        if name in stream.drop:
            yield ("drop",), f"has `{name}`, which is in the `key`", None


def _of_parent(stream: StreamSettings, streams: Streams) -> Iterator[Flaw]:
    if not stream.parent:
        if stream.parent_fields:
            yield ("parent_fields",), "needs a `parent`", None
        return
    if stream.parent not in streams:
        others = [name for name in streams if name != stream.name]
        what = f"is `{stream.parent}`, and there is no such stream"
        yield ("parent",), what, nearest(stream.parent, others)
        return
    if _goes_round(stream, streams):
        yield ("parent",), "leads back to the stream itself", None
    if not _names_parent(stream):
        hint = 'As in `path = "/orders/{id}/lines"`'
        yield ("path",), "has no field of the `parent` in braces", hint
    parent = streams[stream.parent]
    if follows_parent(stream, parent) and _has(stream, SINCE):
        what = "is the parent's, so that the stream has no `{since}` of its own"
        yield ("cursor", "field"), what, "Take `param` and `{since}` away"
    yield from _of_kinds(stream, parent)


def _of_kinds(stream: StreamSettings, parent: StreamSettings) -> Iterator[Flaw]:
    mine, theirs = stream.cursor, parent.cursor
    if mine and theirs and follows_parent(stream, parent) and mine.kind != theirs.kind:
        yield ("cursor", "kind"), f'must be the parent\'s, "{theirs.kind}"', None


def _names_parent(stream: StreamSettings) -> bool:
    try:
        return bool(stream.holes - {SINCE, UNTIL})
    except ConfigError:
        return True


def _goes_round(stream: StreamSettings, streams: Streams) -> bool:
    seen, name = {stream.name}, stream.parent
    while name in streams:
        if name in seen:
            return True
        seen.add(name)
        name = streams[name].parent
    return False
