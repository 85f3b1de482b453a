"""Who did what when, in a repository, on rows made by hand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from transform.packs.rendered import Rendered

PULL = {"repository_id": 1, "number": 7}


def at(day, hour=9):
    return datetime(2025, 3, day, hour, tzinfo=UTC)


def user(login):
    return json.dumps({"login": login, "type": "User"})


@pytest.fixture
def github(schemas):
    models = Rendered("github", schemas["github"])
    models.add("repositories", id=1, full_name="acme/app")
    return models


def test_a_first_review_is_by_somebody_else_than_the_author(github):
    told = {**PULL, "user": user("ann"), "state": "closed", "created_at": at(3)}
    github.add("issues", id=1, pull_request="{}", closed_at=at(4, 15), **told)
    github.add("pull_requests", id=2, merged_at=at(4, 15), **told)
    for number, login, when in ((1, "ann", at(3, 10)), (2, "bob", at(3, 21))):
        github.add(
            "reviews",
            id=number,
            repository_id=1,
            pull_request_number=7,
            user=user(login),
            submitted_at=when,
        )

    found = github.rows(
        """
        SELECT repository, state, reviews, hours_to_first_review, hours_to_close
        FROM vendor__issues_and_pull_requests
        """
    )

    assert found == [("acme/app", "merged", 1, Decimal(12), Decimal(30))]


def test_a_week_begins_on_monday_and_counts_what_happened_in_it(github):
    github.add("issues", id=1, number=1, repository_id=1, created_at=at(9, 23))
    github.add("issues", id=2, number=2, repository_id=1, created_at=at(10, 0))
    github.add("stargazers", repository_id=1, user_id=5, starred_at=at(16, 23))

    sql = "SELECT week, issues_opened, stars FROM vendor__weekly_activity"

    assert github.rows(sql) == [(date(2025, 3, 3), 1, 0), (date(2025, 3, 10), 1, 1)]


def test_a_release_that_is_gone_from_its_list_is_deleted(github):
    github.add("releases", id=1, repository_id=1, tag_name="v1", read_at=at(1))
    github.add("releases", id=2, repository_id=1, tag_name="v2", read_at=at(2))
    github.add("releases", id=3, repository_id=2, tag_name="v1", read_at=at(1))

    sql = "SELECT release_id FROM stg_vendor__releases WHERE is_deleted"

    assert github.rows(sql) == [(1,)]
