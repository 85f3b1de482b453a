"""What `max_age` may be: a span of time that is one."""

from __future__ import annotations

from collections.abc import Iterator

from elt.errors import ConfigError
from elt.project.check import Problem
from elt.project.durations import seconds_of
from elt.project.locate import KeyPath
from elt.project.settings import File


def ages_are_durations(file: File) -> Iterator[Problem]:
    for path, text in _ages(file):
        if text is not None:
            yield from _flaws(path, text)


def _ages(file: File) -> Iterator[tuple[KeyPath, str | None]]:
    for tap, table in file.taps.items():
        yield ("taps", tap), table.max_age
        for stream, own in table.streams.items():
            yield ("taps", tap, "streams", stream), own.max_age
    for sync, sent in file.syncs.items():
        yield ("syncs", sync), sent.max_age


def _flaws(path: KeyPath, text: str) -> Iterator[Problem]:
    key = (*path, "max_age")
    try:
        seconds = seconds_of(text)
    except ConfigError as error:
        yield Problem(path, key, f"`max_age`: {error.what}", error.hint)
        return
    if not seconds:
        yield Problem(
            path,
            key,
            "`max_age` is no time at all: everything would be stale",
            "Leave the key out where any age will do",
        )
