from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from elt.events import (
    AssetFinished,
    Event,
    LogLine,
    RowsLoaded,
    RunStarted,
    StepRetrying,
    StepStarted,
)
from elt.report.plain import PlainLines
from elt.report.tally import Tally


class Clock:
    """Starts at nine and moves only when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def elapsed(self) -> float:
        return self.seconds

    def time(self) -> datetime:
        start = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
        return start + timedelta(seconds=self.seconds)


def tell(events: list[Event], seconds_between: float = 1.0) -> str:
    clock, screen = Clock(), io.StringIO()
    tally = Tally(now=clock.elapsed)
    with PlainLines(tally, screen, now=clock.time, elapsed=clock.elapsed) as view:
        for event in events:
            tally.listen(event)
            view.listen(event)
            clock.seconds += seconds_between
    return screen.getvalue()


def test_the_plain_view_is_as_promised(story, golden):
    golden("plain.txt", tell(story.whole()))


def test_commits_of_a_stream_are_told_every_five_seconds_at_most():
    start = StepStarted(step="tap:crm", assets=("stream:crm.deals",))
    commit = RowsLoaded(step="tap:crm", stream="deals", rows=100)

    text = tell([start, *[commit] * 100], seconds_between=0.2)

    assert text.count("rows loaded") == 3


def test_nodes_that_are_skipped_are_no_progress():
    skipped = AssetFinished(
        step="dbt", asset="model:mrr", status="skipped", message="`stream:a.b` failed"
    )

    text = tell([RunStarted(run="r", steps=("dbt",)), skipped])

    assert "nodes" not in text


def test_a_flood_of_warnings_is_cut_and_says_where_the_rest_is():
    line = LogLine(step="tap:crm", source="tap:crm", level="warning", text="slow")

    started = RunStarted(run="r", steps=("tap:crm",))
    text = tell([started, *[line] * 1000], seconds_between=0.01)

    assert text.count("slow") == 20
    assert text.count("elt logs last tap:crm") == 1


def test_after_a_flood_a_line_a_minute_shows_that_it_lives():
    line = LogLine(step="tap:crm", source="tap:crm", level="warning", text="slow")

    text = tell([line] * 141, seconds_between=2.0)

    assert text.count("slow") == 20 + 4
    assert text.count("elt logs last tap:crm") == 1


def test_a_taps_escape_sequences_do_not_reach_the_screen():
    wild = "\x1b[2J\x1b]0;title\x07red\x1b[31m alert\r\x08"

    line = LogLine(step="tap:crm", source="tap:crm", level="error", text=wild)

    assert tell([line]).endswith("error: red alert\n")


def test_a_commit_of_a_bookmark_alone_moves_nothing_to_look_at():
    start = StepStarted(step="tap:crm", assets=("stream:crm.deals",))
    commit = RowsLoaded(step="tap:crm", stream="deals", rows=0)

    assert "loaded" not in tell([start, *[commit] * 9], seconds_between=9.0)


def test_what_streams_have_in_common_is_told_before_the_step_is_tried_again():
    said = "stream `{0}` failed: HTTP 400 (GET /{0})"
    events: list[Event] = [
        AssetFinished(
            step="tap:crm",
            asset=f"stream:crm.{name}",
            status="failed",
            message=said.format(name),
        )
        for name in ("deals", "owners")
    ]
    again = StepRetrying(step="tap:crm", attempt=1, delay_seconds=5.0, reason="503")

    first, second = tell([*events, again]).splitlines()

    assert first.endswith("2 streams of crm failed: HTTP 400 (deals, owners)")
    assert "attempt 1 failed" in second


def test_a_rate_below_one_a_second_is_not_told():
    start = StepStarted(step="tap:crm", assets=("stream:crm.deals",))
    commit = RowsLoaded(step="tap:crm", stream="deals", rows=1)

    assert "deals: 1 row loaded\n" in tell([start, commit], seconds_between=9.0)
