"""The models of GitHub on the made-up repositories, by the real tap and dbt."""

from __future__ import annotations

from collections import Counter

import pytest
from transform.packs.company import NOW, build

from elt.testing.apis.clock import Clock
from elt.testing.apis.github.api import GitHub
from elt.testing.apis.github.made_up import ORGANIZATION
from elt.testing.apis.serving import served

pytestmark = pytest.mark.slow  # fifteen seconds of tap and dbt


@pytest.fixture(scope="module")
def github():
    return GitHub(clock=Clock(NOW))


@pytest.fixture(scope="module")
def built(github, tmp_path_factory):
    root = tmp_path_factory.mktemp("github") / "kettle"
    with served(github) as api:
        given = {"token": github.token, "organizations": [ORGANIZATION]}
        return build(root, {"github": {"base_url": api.origin, **given}})


def test_all_tests_pass_and_nothing_is_warned_of(built):
    assert "model:github__weekly_activity" in built.said
    assert "warn" not in built.said.lower()


def test_issues_and_pull_requests_are_open_closed_or_merged(built, github):
    found = built.rows(
        """
        SELECT is_pull_request, state, count(*)
        FROM github__issues_and_pull_requests
        WHERE repository = 'kettle-and-crew/roster'
        GROUP BY ALL
        """
    )

    there = Counter(
        map(_state, github.repository("roster").tables["issues"].rows.values())
    )
    assert {(is_pull, state): number for is_pull, state, number in found} == there


def test_times_are_told_in_hours(built):
    found = built.row(
        """
        SELECT title, hours_to_first_review, hours_to_close
        FROM github__issues_and_pull_requests
        WHERE repository = 'kettle-and-crew/roster' AND number = 2
        """
    )

    # Opened at 7:55:24, reviewed at 17:35:16, merged at 3:58:27 the next day.
    assert found == ("Print a week on one page", 9.66, 20.05)


def test_weeks_count_all_that_happened(built, github):
    found = built.row(
        """
        SELECT sum(commits), sum(reviews), sum(comments), sum(releases), sum(stars)
        FROM github__weekly_activity
        WHERE repository = 'kettle-and-crew/roster'
        """
    )

    tables = github.repository("roster").tables
    names = ("reviews", "comments", "releases", "stars")
    assert found[1:] == tuple(len(tables[name]) for name in names)
    assert found == (281, 191, 628, 24, 69)


def _state(issue):
    pull = issue.get("pull")
    is_merged = pull is not None and pull["merged_at"] is not None
    return pull is not None, "merged" if is_merged else issue["state"]
