"""What `[run]` may say beside the kinds of its values."""

from __future__ import annotations

from collections.abc import Iterator

from elt.errors import ConfigError
from elt.project.check import Problem
from elt.project.durations import seconds_of
from elt.project.settings import File


def catch_up_is_a_duration(file: File) -> Iterator[Problem]:
    try:
        seconds_of(file.run.max_catch_up)
    except ConfigError as error:
        what = f"`max_catch_up`: {error.what}"
        yield Problem(("run",), ("run", "max_catch_up"), what, error.hint)
