from __future__ import annotations

import pytest

from elt.errors import Unavailable
from elt.taps.rest.waiting import Again, tries


class Source:
    """Fails so many times, and asks for a wait."""

    def __init__(self, failures, after_seconds=None):
        self.left = failures
        self.after_seconds = after_seconds
        self.waited = []
        self.heard = []

    def ask(self, most=5):
        def once():
            if self.left:
                self.left -= 1
                raise Again(Unavailable("down"), self.after_seconds)
            return "rows"

        return tries(
            most,
            sleep=self.waited.append,
            before_sleep=lambda failure, seconds, number: self.heard.append(
                (str(failure), round(seconds), number)
            ),
        )(once)


def test_waits_grow_and_differ_by_chance():
    sources = [Source(4) for _ in range(20)]

    for source in sources:
        assert source.ask() == "rows"

    firsts = {source.waited[0] for source in sources}
    assert len(firsts) > 1
    for source in sources:
        for wait, least in zip(source.waited, (1, 2, 4, 8), strict=True):
            assert least <= wait <= 1.5 * least


def test_what_was_asked_for_is_waited_and_little_more():
    source = Source(3, after_seconds=20.0)

    source.ask()

    assert all(20.0 <= wait <= 23.0 for wait in source.waited)
    assert [number for _, _, number in source.heard] == [1, 2, 3]


@pytest.mark.parametrize(("asked", "least"), [(0.0, (1, 2, 4, 8)), (1.0, (1, 1, 4, 8))])
def test_what_is_not_enough_again_and_again_becomes_longer(asked, least):
    source = Source(4, after_seconds=asked)

    source.ask()

    assert all(w >= one for w, one in zip(source.waited, least, strict=True))


def test_the_last_failure_is_raised_as_what_it_was():
    with pytest.raises(Unavailable, match="down"):
        Source(5).ask(most=5)


def test_no_wait_of_our_own_is_longer_than_a_minute():
    source = Source(12)

    source.ask(most=13)

    assert max(source.waited) <= 60.0
