from __future__ import annotations

import pytest

from elt.report.markdown import LIMIT_BYTES, summary
from tests.report.outcomes import asset, bad_night, result, step, unreadable


def test_the_summary_is_as_promised(golden):
    golden("summary.md", summary(bad_night()))


def test_the_worst_comes_first():
    told = summary(bad_night())

    order = [told.index(f"<summary>{sign}") for sign in ("✗", "■", "!")]
    assert order == sorted(order)
    table = told.split("| step |")[1]
    assert table.index("tap:billing") < table.index("tap:crm")


def test_a_run_that_never_began_says_why():
    told = summary(result(status="failed", run="", errors=[unreadable()]))

    assert "tap `crm` needs a `token`\nelt.toml:14  [taps.crm]" in told
    assert "hint: Add" in told


def test_it_stays_far_below_what_github_takes_and_counts_the_rest():
    failed = [
        asset(f"model:m{n}", "failed", message=f"{n} " + "é" * 5_000)
        for n in range(2_000)
    ]

    told = summary(result(step("dbt", *failed, status="failed"), status="failed"))

    assert len(told.encode()) <= LIMIT_BYTES
    assert told.startswith("## ✗ elt run")
    assert "model:m0" in told
    assert "There is more than fits here" in told


def test_a_thousand_steps_are_a_hundred_lines():
    told = summary(result(*(step(f"tap:t{n}", asset("x:y")) for n in range(1_000))))

    assert "| +900 more | | | | |" in told
    assert len(told.encode()) <= LIMIT_BYTES


@pytest.mark.parametrize(
    "hostile",
    [
        "</pre></details><script>alert(1)</script>",
        "a | b | c\n| d |",
        "@everybody [x](http://y) ![z](http://w) `#1` *b* ~~c~~",
    ],
)
def test_nothing_that_data_says_is_markup(hostile):
    told = asset(f"model:{hostile}", "failed", message=hostile, hint=hostile)

    text = summary(result(step("dbt", told, status="failed"), project=hostile))

    outside = "".join(part.rpartition("</pre>")[2] for part in text.split("<pre>"))
    assert "<script>" not in text
    assert "](" not in outside
    assert "@everybody" not in outside
    rows = [line for line in outside.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {6}
