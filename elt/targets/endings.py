"""How the streams of one tap ended, as it told it, and the bookmarks that stay.

A stream whose rows were thrown away is, with its bookmark, as the last STATE had it
that could be committed: nothing of it is lost, and nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from elt.errors import EltError
from elt.singer.endings import Ending, tell_apart
from elt.targets.bookmarks import marks_in, with_marks
from elt.targets.stream_load import Held, StreamLoad
from elt.targets.writing.plans import StreamPlan


class Endings:
    """What was told; `told` is by the id of the stream.

    `start` is the state that the tap began with, None where nobody knows it; `plans`
    are those of the streams by each name that a message may use.
    """

    def __init__(
        self, plans: Mapping[str, StreamPlan], *, start: str | bytes | None
    ) -> None:
        self.told: dict[str, Ending] = {}
        self._plans = plans
        self._start = start
        self._marks: dict[str, msgspec.Raw | None] = {}

    @property
    def tell_apart(self) -> bool:
        """Say whether streams may have ended otherwise than the tap itself."""
        return tell_apart(self.told.values())

    def has(self, name: str) -> bool:
        return self._id_of(name) in self.told

    def tell(self, name: str, ending: Ending) -> None:
        """Note it. Raises EltError where another end of the stream was told before."""
        stream = self._id_of(name)
        before = self.told.setdefault(stream, ending)
        if before.end != ending.end:
            raise EltError(
                f"the tap told two ends of stream `{stream}`: first `{before.end}`,"
                f" then `{ending.end}`",
                hint="That is a bug of the tap",
            )
        self.told[stream] = ending

    def leave_off(
        self, name: str, stream: StreamLoad | None, *, held: Held, mark: bytes | None
    ) -> None:
        """Go on without a stream, whose rows that no STATE holds are thrown away.

        With them its bookmark goes back, also where the tap says later that it moved.
        `held` is what the last STATE covers that could be committed, `mark` that STATE.
        """
        aside = stream is not None and stream.aside
        if stream is None or aside:
            held = Held()
        is_loaded = held != Held() or (stream is not None and stream.committed)
        goes_back = mark is not None and (is_loaded or self._start is None)
        state = mark if goes_back else self._start
        if stream is not None:
            # Without a bookmark to go back to, rows go only where none can be doubled.
            keeps = state is None and not aside
            stream.leave_off(stream.held() if keeps else held)
        if state is not None:
            marks = marks_in(state)
            self._marks |= {one: marks.get(one) for one in self._names_of(name)}

    def applied_to(self, state: bytes) -> bytes:
        """Give a STATE with the bookmarks that stay."""
        return with_marks(state, self._marks) if self._marks else state

    def _id_of(self, name: str) -> str:
        plan = self._plans.get(name)
        return plan.stream if plan is not None else name

    def _names_of(self, name: str) -> set[str]:
        stream = self._id_of(name)
        same = {one for one, plan in self._plans.items() if plan.stream == stream}
        return {name, *same}


def rows_may_stay(stream: StreamLoad, ending: Ending | None) -> bool:
    """Say whether rows that were read in vain do no harm, as those with a key."""
    return stream.can_come_again and not (ending and ending.end == "skipped")
