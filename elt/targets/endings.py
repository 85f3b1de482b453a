"""How the streams of one tap ended, as it told it, and the bookmarks that stay.

A stream whose rows were thrown away is, with its bookmark, as the last STATE had it
that could be committed: nothing of it is lost, and nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from elt.errors import EltError
from elt.singer.endings import Ending
from elt.targets.bookmarks import marks_in, with_marks


class Endings:
    """What was told, by the id of the stream."""

    def __init__(self) -> None:
        self.told: dict[str, Ending] = {}
        self._marks: dict[str, msgspec.Raw | None] = {}

    @property
    def any_failed(self) -> bool:
        return any(ending.end == "failed" for ending in self.told.values())

    def tell(self, stream: str, ending: Ending) -> None:
        """Note it. Raises EltError where another end of the stream was told before."""
        before = self.told.setdefault(stream, ending)
        if before.end != ending.end:
            raise EltError(
                f"the tap told two ends of stream `{stream}`: first `{before.end}`,"
                f" then `{ending.end}`",
                hint="That is a bug of the tap",
            )
        self.told[stream] = ending

    def keep_marks(self, names: Collection[str], state: str | bytes | None) -> None:
        """Let the stream of these names stay where this state has it."""
        marks = marks_in(state or b"{}")
        self._marks |= {name: marks.get(name) for name in names}

    def applied_to(self, state: bytes) -> bytes:
        """Give a STATE with the bookmarks that stay."""
        return with_marks(state, self._marks) if self._marks else state
