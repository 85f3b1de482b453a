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
        what, hint = _flaw(text)
        if what:
            yield Problem(path, (*path, "max_age"), what, hint)


def _ages(file: File) -> Iterator[tuple[KeyPath, str]]:
    for tap, table in file.taps.items():
        yield ("taps", tap), table.max_age or ""
        for stream, own in table.streams.items():
            yield ("taps", tap, "streams", stream), own.max_age or ""
    for sync, sent in file.syncs.items():
        yield ("syncs", sync), sent.max_age or ""


def _flaw(text: str) -> tuple[str, str]:
    if not text:
        return "", ""
    try:
        seconds = seconds_of(text)
    except ConfigError as error:
        return f"`max_age`: {error.what}", error.hint or ""
    if not seconds:
        return (
            "`max_age` is no time at all: everything would be stale",
            "Leave the key out where any age will do",
        )
    return "", ""
