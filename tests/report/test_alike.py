from __future__ import annotations

from elt.events import AssetFinished
from elt.report.alike import common_words, group_name, together

AWAY = "stream `{0}` could not be read: Shop: HTTP 503 [request r-{0}] (GET /v1/{0})"


def ended(name, message, *, status="failed", rejects=0):
    return AssetFinished(
        step="tap:shop", asset=name, status=status, message=message, rejects=rejects
    )


def streams(*names):
    return [ended(f"stream:shop.{name}", AWAY.format(name)) for name in names]


def test_streams_that_failed_for_one_reason_are_one_group():
    other = ended("stream:shop.c", "stream `c` could not be read: HTTP 400")

    away, *rest = together([*streams("a", "b"), other])

    assert (group_name(away), common_words(away)) == (
        "2 streams of shop",
        "Shop: HTTP 503 (a, b)",
    )
    assert rest == [[other]]


def test_a_stream_alone_keeps_its_own_words():
    (group,) = together(streams("a"))

    assert group_name(group) == "stream:shop.a"
    assert common_words(group) == AWAY.format("a")


def test_what_rows_or_tests_say_is_of_each():
    rejects = [
        ended(f"stream:shop.{name}", "2 rejects", status="warned", rejects=2)
        for name in "ab"
    ]
    tests = [ended(f"test:{name}", "3 rows failed the test") for name in "ab"]

    assert len(together([*rejects, *tests])) == 4


def test_of_very_many_streams_the_first_are_named():
    (group,) = together(streams(*(f"s{n}" for n in range(30))))

    assert common_words(group).endswith(", s10, s11 and 18 more)")
