"""What an API may answer instead of rows, told apart by what is to be done.

ConfigError      who we say we are is not accepted: nothing of the tap can be read
NotReadable      this stream, or part of it, is not for us: leave it out, and say so
Refused          the request itself is wrong: a setting of the stream, or a bug
Repeats          a list never ends: how it is paged, or the API, is wrong
Unavailable      after several tries; another run may do
└── QuotaSpent   not before a time that is too far away to wait for
"""

from __future__ import annotations

from elt.errors import EltError, Unavailable


class NotReadable(EltError):
    """The API knows us and does not give us this; `status` is HTTP's."""

    def __init__(
        self, what: str, *, status: int, where: str | None = None, hint: str | None
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status


class Refused(EltError):
    """The API understood the request and will never do it; `status` is HTTP's."""

    def __init__(
        self,
        what: str,
        *,
        status: int,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status


class Repeats(EltError):
    """The API points to a page that was read already."""


class QuotaSpent(Unavailable):
    """The API asks to wait for longer than a run should."""
