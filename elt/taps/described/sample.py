"""Columns found in the first records of a stream, and those that are declared."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from elt.errors import ConfigError, ConfigErrors, EltError, Unavailable
from elt.taps.described.doubts import doubter
from elt.taps.described.lists import Lists
from elt.taps.described.settings import StreamSettings
from elt.taps.described.spans import spans
from elt.taps.kinds import NULL, Kind, kind_of, schema_from_words, schema_of, widest
from elt.taps.rest.ahead import side_by_side
from elt.taps.rest.problems import NotReadable
from elt.taps.rest.rows import Record

MOST_RECORDS, MOST_PAGES, MOST_PARENTS, MOST_SPANS = 100, 5, 10, 4
_ANY_KEY = {"type": ["string", "integer"]}
_OF_CURSOR: dict[str, dict[str, Any]] = {
    "iso": {"type": ["null", "string"], "format": "date-time"},
    "unix_seconds": {"type": ["null", "integer"]},
    "unix_milliseconds": {"type": ["null", "integer"]},
    "plain": {"type": ["null", "string", "integer"]},
}
_decode = msgspec.json.Decoder(dict[str, Any]).decode
Properties = dict[str, Any]


def columns_of_all(
    lists: Lists, names: Sequence[str], *, logger: logging.Logger
) -> dict[str, Properties]:
    """Look into streams, several at a time.

    A stream that is wrong keeps its place, with its key alone, and fails when it is
    read. Raises all errors as one where no stream is right, or some may be later.
    """

    def look(name: str) -> Properties | EltError:
        stream = lists.streams[name]
        try:
            return columns_of(stream, _sample(lists, stream, logger))
        except ConfigError:  # about all streams: who we are, or a certificate
            raise
        except EltError as error:
            return error

    found = dict(side_by_side(look, names, most=lists.api.reach.concurrency))
    errors = {n: each for n, each in found.items() if isinstance(each, EltError)}
    wrong = {n: e for n, e in errors.items() if not isinstance(e, NotReadable)}
    later = {n: e for n, e in wrong.items() if isinstance(e, Unavailable)}
    if wrong and (later or len(errors) == len(names)):
        raise _as_one(later or wrong)
    for name, error in errors.items():
        logger.warning("stream %s cannot be looked into: %s", name, error)
    return {
        name: columns_of(lists.streams[name], ())
        if isinstance(each, EltError)
        else each
        for name, each in found.items()
    }


def columns_of(stream: StreamSettings, records: Sequence[Record]) -> Properties:
    """Find columns as the functions tap does; one that is only null is left open."""
    kinds: dict[str, Kind] = {}
    for record in records:
        for name, value in _decode(record).items():
            kinds[name] = widest(kinds.get(name, NULL), kind_of(value))
    found = {name: schema_of(kind) for name, kind in kinds.items() if kind != NULL}
    if stream.cursor:
        found.setdefault(stream.cursor.field, _OF_CURSOR[stream.cursor.kind])
    found |= {name: schema_from_words(words) for name, words in stream.columns.items()}
    keys = {name: _not_null(found.pop(name, _ANY_KEY)) for name in stream.key}
    return {**keys, **found}


def _sample(
    lists: Lists, stream: StreamSettings, logger: logging.Logger
) -> list[Record]:
    some = replace(lists, most_parents=MOST_PARENTS, on_page=doubter(stream, logger))
    every = list(spans(stream, since=lists.start, until=lists.until, has_end=False))
    most = MOST_PARENTS if stream.parent else MOST_PAGES
    found: list[Record] = []
    for span in reversed(every[-MOST_SPANS:]):  # the newest have more to show
        for number, records in enumerate(some.read(stream, span), 1):
            found += records
            # The second page shows that the next one is asked for as the API wants it.
            if number >= (2 if len(found) >= MOST_RECORDS else most):
                break
        if len(found) >= MOST_RECORDS:
            break
    return found[:MOST_RECORDS]


def _not_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    types = [one for one in schema.get("type", ()) if one != "null"]
    return {**schema, "type": types}


def _as_one(errors: Mapping[str, EltError]) -> EltError:
    """Name the streams; it is temporary where all of the errors are.

    What fails in a parent fails in its children too, and is told once.
    """
    once: dict[str, str] = {}
    for name, error in errors.items():
        once.setdefault(str(error), name)
    errors = {name: errors[name] for name in once.values()}
    told = [
        _like(error)(f"stream `{n}`: {error.what}", where=error.where, hint=error.hint)
        for n, error in errors.items()
    ]
    if len(told) == 1:
        return told[0]
    if all(isinstance(error, Unavailable) for error in told):
        return Unavailable("\n\n".join(map(str, told)))
    return ConfigErrors([ConfigError(e.what, where=e.where, hint=e.hint) for e in told])


def _like(error: EltError) -> type[EltError]:
    return Unavailable if isinstance(error, Unavailable) else ConfigError
