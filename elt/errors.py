"""What can go wrong, as one tree. A class exists where the remedy differs.

    EltError            exit 1   something failed; the message says what
    ├── ConfigError     exit 2   fix elt.toml, an argument or a credential
    ├── Unavailable     exit 75  nothing was wrong with what we sent: try again later
    ├── Rejected        exit 1   this row or file will fail until it changes
    ├── Guarded         exit 3   a guard or a data test stopped it on purpose
    ├── OutOfTime       exit 1   a limit in elt.toml ended it: raise that, or do less
    └── Interrupted     exit 130 a person or the system asked us to stop

Every error says what happened, where, and the way out.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence


class EltError(Exception):
    """What happened, where it happened, and what to do about it."""

    exit_code = 1
    run = ""  # the run that it ended, where one had begun

    def __init__(
        self, what: str, *, where: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """Give the whole message on as many lines as it needs."""
        lines = [self.what]
        if self.where:
            lines.append(f"  {self.where}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class ConfigError(EltError):
    """Fix the configuration, the arguments or a credential first."""

    exit_code = 2


class ConfigErrors(ConfigError):
    """All that is wrong with one file, so that one edit mends it."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        super().__init__("\n\n".join(str(error) for error in errors))
        self.errors = tuple(errors)


class Unavailable(EltError):
    """Worth trying again: nothing was wrong with what we sent."""

    exit_code = 75
    # How long the other side asked us to wait, where it said so.
    retry_after_seconds: float | None = None


class Rejected(EltError):
    """Not worth trying again until the row or the file changes."""


class Guarded(EltError):
    """A guard or a data test stopped this before it could do harm."""

    exit_code = 3


class OutOfTime(EltError):
    """It took longer than it may; what was finished is kept."""


class Interrupted(EltError):
    """Somebody asked us to stop; what was finished is kept."""

    exit_code = 130


def name_of(error: BaseException) -> str:
    """Name the class of this tree that an error belongs to, else its own class.

    Classes below those drawn above differ in what they know, not in the remedy.
    """
    classes = type(error).__mro__
    ours = (found.__name__ for found in classes if found.__module__ == __name__)
    return next(ours, classes[0].__name__)


MAKE_ROOM = (
    "Make room there and run again: what was committed is kept, the rest is read again"
)


def of_the_disk(error: BaseException, where: str | None = None) -> Unavailable | None:
    """Say in our words that a disk is full; None where that is not what happened."""
    if not isinstance(error, OSError) or error.errno not in _FULL:
        return None
    where = where or (str(error.filename) if error.filename else None)
    return Unavailable("the disk is full", where=where, hint=MAKE_ROOM)


_FULL = (errno.ENOSPC, errno.EDQUOT)
