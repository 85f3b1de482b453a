"""What a key that means a span of time may say: a duration, and perhaps not none."""

from __future__ import annotations

from collections.abc import Iterator

from elt.errors import ConfigError
from elt.project.check import Problem
from elt.project.durations import seconds_of
from elt.project.locate import KeyPath
from elt.project.settings import File

_ALL_STALE = (
    "`max_age` is no time at all: everything would be stale",
    "Leave the key out where any age will do",
)


def ages_are_durations(file: File) -> Iterator[Problem]:
    for path, text in _ages(file):
        if text is not None:
            yield from duration_problems((*path, "max_age"), text, nothing=_ALL_STALE)


def catch_up_is_a_duration(file: File) -> Iterator[Problem]:
    yield from duration_problems(("run", "max_catch_up"), file.run.max_catch_up)


def duration_problems(
    key: KeyPath, text: str, *, nothing: tuple[str, str] | None = None
) -> Iterator[Problem]:
    """Find what is wrong with a key's text.

    `nothing` is what to say of no time at all, and the way out; without, it may be.
    """
    try:
        seconds = seconds_of(text)
    except ConfigError as error:
        yield Problem(key[:-1], key, f"`{key[-1]}`: {error.what}", error.hint)
        return
    if nothing is not None and not seconds:
        yield Problem(key[:-1], key, *nothing)


def _ages(file: File) -> Iterator[tuple[KeyPath, str | None]]:
    for tap, table in file.taps.items():
        yield ("taps", tap), table.max_age
        for stream, own in table.streams.items():
            yield ("taps", tap, "streams", stream), own.max_age
    for sync, sent in file.syncs.items():
        yield ("syncs", sync), sent.max_age
