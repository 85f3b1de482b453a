from __future__ import annotations

import io

import pytest

from elt.events import AssetFinished, RunFinished, RunStarted, StepFinished, StepStarted
from elt.report.summary import print_summary
from elt.report.tally import Tally


@pytest.mark.parametrize("width", [60, 100])
def test_the_summary_is_as_promised(story, golden, width):
    tally = Tally()
    for event in story.whole():
        tally.listen(event)
    out = io.StringIO()

    print_summary(tally, out, width=width)

    golden(f"summary_{width}.txt", out.getvalue())


def test_many_good_assets_become_one_line_and_the_bad_one_stays():
    tally = Tally()
    tally.listen(RunStarted(run="r", steps=("dbt",)))
    for n in range(200):
        tally.listen(
            AssetFinished(step="dbt", asset=f"model:m{n}", status="done", rows=10)
        )
    bad = AssetFinished(step="dbt", asset="model:bad", status="failed", message="no")
    tally.listen(bad)
    tally.listen(StepFinished(step="dbt", status="failed", seconds=1.0))
    tally.listen(RunFinished(run="r", status="failed", seconds=1.0))
    out = io.StringIO()

    print_summary(tally, out, width=80)

    assert "200 models" in out.getvalue()
    assert "model:bad" in out.getvalue()
    assert "model:m7" not in out.getvalue()
    assert "elt logs r dbt" in out.getvalue()


def test_an_interrupted_run_says_once_what_to_do():
    tally = Tally()
    tally.listen(RunStarted(run="r", steps=("tap:crm",)))
    for asset in ("stream:crm.a", "stream:crm.b"):
        message = "stopped by SIGINT"
        tally.listen(
            AssetFinished(
                step="tap:crm", asset=asset, status="interrupted", message=message
            )
        )
    tally.listen(StepFinished(step="tap:crm", status="interrupted", seconds=1.0))
    tally.listen(RunFinished(run="r", status="interrupted", seconds=1.0))
    out = io.StringIO()

    print_summary(tally, out, width=80)

    assert out.getvalue().count("stopped by SIGINT") == 1
    assert "2 assets interrupted" in out.getvalue()
    assert out.getvalue().count("`elt retry") == 2


def test_the_hint_of_one_asset_stands_with_it():
    tally = Tally()
    tally.listen(RunStarted(run="r", steps=("dbt",)))
    tally.listen(
        AssetFinished(step="dbt", asset="model:a", status="failed", message="no table")
    )
    tally.listen(StepFinished(step="dbt", status="failed", seconds=1.0))
    out = io.StringIO()

    print_summary(tally, out, hints={"model:a": "Load it first"}, width=80)

    assert "  no table\n  hint: Load it first\n" in out.getvalue()


def test_output_that_cannot_hold_the_marks_gets_plain_ones(story):
    tally = Tally()
    for event in story.whole():
        tally.listen(event)
    bytes_ = io.BytesIO()
    out = io.TextIOWrapper(bytes_, encoding="ascii")

    print_summary(tally, out, width=100)

    assert b"x failed" in bytes_.getvalue()


def test_of_what_a_persons_word_holds_back_the_way_out_is_told_once():
    tally = Tally()
    tally.listen(RunStarted(run="r", steps=("dbt",)))
    why = "`model:a` was marked failed by ann@desk: no"
    for asset in ("model:b", "model:c"):
        tally.listen(
            AssetFinished(step="dbt", asset=asset, status="skipped", message=why)
        )
    tally.listen(StepFinished(step="dbt", status="skipped", seconds=0.0))
    tally.listen(RunFinished(run="r", status="stopped", seconds=1.0))
    out = io.StringIO()
    way = "`elt runs undo model:a` takes the word back"

    print_summary(tally, out, hints={"model:b": way, "model:c": way}, width=100)

    assert out.getvalue().count(f"{why}\n  hint: {way}") == 1
    assert out.getvalue().endswith(
        "run r stopped in 1.00 s: 2 skipped\n"
        "hint: when that is mended, `elt retry r` does the 2 assets that are left,"
        " and nothing twice\n"
    )


def test_two_tests_that_say_the_same_are_two_things_to_look_at():
    tally, screen = Tally(), io.StringIO()
    for event in (
        RunStarted(run="r", steps=("dbt",)),
        StepStarted(step="dbt", assets=("test:a", "test:b")),
        *(
            AssetFinished(
                step="dbt", asset=a, status="stopped", message="1 row failed the test"
            )
            for a in ("test:a", "test:b")
        ),
        StepFinished(
            step="dbt", status="stopped", seconds=1.0, message="1 row failed the test"
        ),
    ):
        tally.listen(event)

    print_summary(tally, screen)

    assert "test:a stopped" in screen.getvalue()
    assert "test:b stopped" in screen.getvalue()


def summary_of_streams(status, message="", *, number=22):
    tally, out = Tally(), io.StringIO()
    tally.listen(RunStarted(run="r", steps=("tap:pay",)))
    for n in range(number):
        text = message.format(n)
        asset = f"stream:pay.s{n}"
        tally.listen(
            AssetFinished(step="tap:pay", asset=asset, status=status, message=text)
        )
    tally.listen(StepFinished(step="tap:pay", status=status, seconds=2.0))
    tally.listen(RunFinished(run="r", status=status, seconds=2.0))
    print_summary(tally, out, width=80)
    return out.getvalue()


def test_streams_that_are_only_counted_have_no_time_of_their_own():
    told = summary_of_streams("done")

    assert [line.split() for line in told.splitlines() if "22 streams" in line] == [
        ["22", "streams", "✓", "done"]
    ]


def test_many_streams_that_failed_alike_are_a_line_and_one_thing_to_look_at():
    told = summary_of_streams("failed", "stream `s{0}` failed: HTTP 503 (GET /{0})")

    assert "  22 streams: s0, s1, s2 and 19 more  ✗ failed" in told
    assert "✗ 22 streams of pay failed\n  HTTP 503 (s0, s1, " in told
    assert told.count("HTTP 503") == 1
    assert "stream:pay" not in told
