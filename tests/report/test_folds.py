from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from elt.events import LogLine, RunStarted, StepFinished, StepRetrying, StepStarted
from elt.report.folds import Folds, disarmed
from elt.report.plain import PlainLines
from elt.report.tally import Tally


@pytest.fixture
def tell():
    """Tell events as a CI's log has them."""

    def told(place, *events):
        out, tally = io.StringIO(), Tally()
        view = PlainLines(
            tally,
            out,
            now=lambda: datetime(2026, 11, 21, 9, tzinfo=UTC),
            folds=Folds(place, lambda: 1_700_000_000.7),
        )
        with view:
            for event in events:
                tally.listen(event)
                view.listen(event)
        return out.getvalue()

    return told


def said(step, text, source="tap"):
    return LogLine(step=step, source=source, level="warning", text=text)


def two_steps_side_by_side():
    return [
        RunStarted(run="r", steps=("tap:a", "tap:b")),
        StepStarted(step="tap:a", assets=()),
        StepStarted(step="tap:b", assets=()),
        said("tap:a", "a 1"),
        said("tap:b", "b 1"),
        said("tap:a", "a 2"),
        StepRetrying(step="tap:b", attempt=1, delay_seconds=5.0, reason="busy"),
        said("tap:b", "::error::from the tap\n##[error]too", source="elt"),
        StepFinished(step="tap:a", status="done", seconds=1.0),
        StepFinished(step="tap:b", status="done", seconds=2.0),
    ]


def test_the_log_is_as_promised(tell, golden):
    golden("folded_github.txt", tell("github", *two_steps_side_by_side()))


def test_what_a_step_said_is_one_block_at_its_end(tell):
    lines = tell("github", *two_steps_side_by_side()).splitlines()

    start = lines.index("::group::tap:a: what it said")
    assert [line.split("  ")[-1] for line in lines[start + 1 : start + 3]] == [
        "warning: tap: a 1",
        "warning: tap: a 2",
    ]
    assert lines[start + 3] == "::endgroup::"
    assert "tap:a             done" in lines[start - 1]


def test_why_a_step_waits_is_told_at_once(tell):
    text = tell("github", *two_steps_side_by_side())

    assert text.index("attempt 1 failed") < text.index("::group::")


def test_a_step_that_says_nothing_has_no_block(tell):
    text = tell(
        "github",
        StepStarted(step="tap:a", assets=()),
        StepFinished(step="tap:a", status="done", seconds=1.0),
    )

    assert "::group::" not in text


def test_what_steps_that_never_ended_said_is_not_lost(tell):
    text = tell("gitlab", StepStarted(step="tap:a", assets=()), said("tap:a", "last"))

    assert "last" in text
    assert text.count("section_start:") == text.count("section_end:") == 1


def test_a_gitlab_section_is_named_with_letters_alone(tell):
    text = tell("gitlab", *two_steps_side_by_side())

    start = "\x1b[0Ksection_start:1700000000:elt_tap_a[collapsed=true]\r\x1b[0K"
    assert f"{start}tap:a: what it said\n" in text
    assert "\x1b[0Ksection_end:1700000000:elt_tap_a\r\x1b[0K\n" in text


@pytest.mark.parametrize(
    ("line", "safe"),
    [
        ("::error::x", ": :error::x"),
        ("  ::add-mask::x", "  : :add-mask::x"),
        ("a ::error::x", "a ::error::x"),
        ("a ##[error]x", "a ## [error]x"),
        ("plain", "plain"),
    ],
)
def test_a_line_of_data_is_no_command(line, safe):
    assert disarmed(line) == safe


def test_what_a_tap_says_besides_warnings_is_folded_too(tell):
    line = LogLine(step="tap:a", source="a", level="info", text="page 1 of 3")

    text = tell(
        "github",
        StepStarted(step="tap:a", assets=()),
        line,
        StepFinished(step="tap:a", status="done", seconds=1.0),
    )

    assert "::group::tap:a: what it said\n09:00:00  page 1 of 3\n::endgroup::" in text


def test_what_a_tap_waits_for_is_told_at_once(tell):
    wait = "GET /deals: HTTP 503; waiting 8.0 s before try 4 of 7"
    line = LogLine(step="tap:a", source="a", level="warning", text=wait)

    text = tell("github", StepStarted(step="tap:a", assets=()), line)

    assert f"tap:a             warning: {wait}\n" in text
    assert "::group::" not in text
