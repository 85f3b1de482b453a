from __future__ import annotations

from elt.errors import EltError
from elt.events import BookmarkCommitted, Event, LogLine
from elt.runner.attempt import Stop
from elt.runner.hub import Hub
from elt.runner.store.recorder import Refused

BOOKMARK = BookmarkCommitted(step="tap:crm", tap="crm", state="{}")


def test_an_event_that_the_log_refuses_is_told_and_the_run_goes_on():
    recorded: list[Event] = []
    kept: list[Event] = []
    watched: list[Event] = []
    stop = Stop()

    def record(event: Event) -> None:
        if event is BOOKMARK:
            raise Refused("the run log cannot keep it")
        recorded.append(event)

    hub = Hub(
        record=record, keep=kept.append, watch=watched.append, scrub=str, stop=stop
    )

    hub(BOOKMARK)

    (line,) = recorded
    assert isinstance(line, LogLine)
    assert line.text == "the run log cannot keep it. It is a bug of elt"
    assert watched == [line, BOOKMARK]
    assert kept == [BOOKMARK]
    assert not stop.is_set()


def test_a_log_that_takes_nothing_any_more_stops_the_run():
    def record(_: Event) -> None:
        raise EltError("the disk is full")

    stop = Stop()

    Hub(record=record, scrub=str, stop=stop)(BOOKMARK)

    assert stop.timed_out
    assert stop.reason.startswith("the run log failed: the disk is full")
