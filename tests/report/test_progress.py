from __future__ import annotations

import io
import time

import pytest

from elt.events import Event, RowsLoaded, StepStarted
from elt.report import screen
from elt.report.progress import Progress, Speed
from elt.report.tally import Tally


def picture(events: list[Event], width: int, *, seconds: float = 7.0) -> str:
    """Draw the live lines as they are some seconds after these events."""
    clock = [0.0]
    tally = Tally(now=lambda: clock[0])
    view = Progress(tally, io.StringIO(), width=width, now=lambda: clock[0])
    for event in events:
        tally.listen(event)
    view.picture()
    clock[0] = seconds
    out = io.StringIO()
    screen.show(view.picture(), out, width)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 100])
def test_the_live_lines_are_as_promised(story, golden, width):
    beginning = story.beginning()
    dbt = [*beginning, *story.taps_ended(), *story.dbt_underway()]
    sync = [*dbt, *story.ending()]

    pictures = [picture(events, width) for events in (beginning, dbt, sync)]

    golden(f"progress_{width}.txt", "\n".join(pictures))


@pytest.mark.parametrize("width", [60, 100])
def test_what_stays_above_the_live_lines_is_as_promised(story, golden, width):
    out = io.StringIO()
    tally = Tally(now=lambda: 0.0)
    view = Progress(tally, out, width=width)

    for event in story.whole():
        tally.listen(event)
        view.listen(event)

    golden(f"progress_above_{width}.txt", out.getvalue())


def test_a_tap_of_many_streams_shows_the_busiest_and_counts_the_rest():
    names = [f"s{n}" for n in range(30)]
    events: list[Event] = [StepStarted(step="tap:big", assets=tuple(names))]
    events += [RowsLoaded(step="tap:big", stream=name, rows=1) for name in names]

    text = picture(events, 80)

    assert "... 25 more streams" in text
    assert len(text.splitlines()) == 8


def test_a_rate_follows_the_last_seconds_and_falls_to_zero_in_a_stall():
    speed = Speed(seconds=5.0)

    rates = [speed.per_second(min(n, 10) * 100, float(n)) for n in range(20)]

    assert rates[9] == 100.0
    assert rates[19] == 0.0


def test_a_million_events_cost_little():
    tally = Tally()
    view = Progress(tally, io.StringIO(), width=80)
    event = RowsLoaded(step="tap:crm", stream="deals", rows=1)

    before = time.process_time()
    for _ in range(100_000):
        tally.listen(event)
        view.listen(event)
    seconds = time.process_time() - before

    assert tally.step("tap:crm").streams["deals"].loaded == 100_000
    assert seconds < 1.0  # measured: 0.1; a million in a run then cost a second
