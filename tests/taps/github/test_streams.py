"""Each stream of the tap against what the simulated GitHub holds."""

from __future__ import annotations

import pytest

from elt.taps.github.streams import STREAMS, Below, Whole

HELD = {
    "issues": "issues",
    "issue_comments": "comments",
    "reviews": "reviews",
    "review_comments": "review_comments",
    "releases": "releases",
    "milestones": "milestones",
    "labels": "labels",
    "workflow_runs": "runs",
    "workflow_jobs": "jobs",
    "deployments": "deployments",
    "deployment_statuses": "statuses",
}


def held(github, table):
    return [
        row
        for repository in github.api.world.repositories.values()
        for row in repository.tables[table].rows.values()
    ]


@pytest.mark.parametrize("stream", HELD)
def test_a_list_has_every_row_of_every_repository_once(company, read, stream):
    told = read(company, stream)

    ids = set(told.values(stream))
    assert ids == {row["id"] for row in held(company, HELD[stream])}
    assert told.ends[stream] == {"end": "complete"}
    assert ids
    names = {row["repository"] for row in told.rows(stream)}
    assert names <= {"kettle-and-crew/roster", "kettle-and-crew/warehouse"}
    numbers = {r.full_name: r.id for r in company.api.world.repositories.values()}
    assert all(
        r["repository_id"] == numbers[r["repository"]] for r in told.rows(stream)
    )


def test_pull_requests_of_every_state_come(company, read):
    told = read(company, "pull_requests")

    pulls = [row["pull"]["id"] for row in held(company, "issues") if row["pull"]]
    assert sorted(told.values("pull_requests")) == sorted(pulls)
    assert set(told.values("pull_requests", "state")) == {"open", "closed"}


def test_issues_hold_pull_requests_and_say_so(company, read):
    told = read(company, "issues")

    flagged = [row["number"] for row in told.rows("issues") if row.get("pull_request")]
    pulls = [row["number"] for row in held(company, "issues") if row["pull"]]
    # A row at the edge of a page may come twice.
    assert set(flagged) == set(pulls)


def test_commits_of_default_branches_have_the_time_of_their_committer(company, read):
    told = read(company, "commits")

    on_main = [row for row in held(company, "commits") if row["branch"] == "main"]
    found = {row["sha"]: row["committed_at"] for row in told.rows("commits")}
    assert found == {row["sha"]: row["committed_at"] for row in on_main}
    assert told.ends["commits"] == {"end": "complete"}


@pytest.mark.parametrize(("stream", "table"), [("branches", None), ("tags", None)])
def test_refs_are_known_by_their_names(company, read, stream, table):
    told = read(company, stream)

    names = sorted(row["name"] for row in held(company, table or stream))
    assert sorted(told.values(stream, "name")) == names
    assert set(told.values(stream, "read_at")) == {"2024-10-01T12:00:00Z"}


def test_stars_have_their_time_and_who_it_was(company, read):
    told = read(company, "stargazers")

    stars = sorted(row["starred_at"] for row in held(company, "stars"))
    assert sorted(told.values("stargazers", "starred_at")) == stars
    assert all(row["user_id"] == row["user"]["id"] for row in told.rows("stargazers"))


def test_events_that_are_still_there_come_once(company, read):
    told = read(company, "events")

    ids = told.values("events")
    assert len(ids) == len(set(ids)) > 100
    assert told.ends["events"] == {"end": "complete"}


@pytest.mark.parametrize("stream", ["traffic_views", "traffic_clones"])
def test_traffic_has_a_row_for_each_of_fourteen_days(company, read, stream):
    told = read(company, stream)

    days = {(row["repository_id"], row["timestamp"]) for row in told.rows(stream)}
    assert len(days) == len(told.rows(stream)) == 3 * 14


def test_people_and_teams_of_an_organisation_come(company, read):
    told = read(company, "members", "teams", "team_members", "collaborators")

    assert len(told.rows("members")) == 6
    assert sorted(told.values("teams", "slug")) == ["platform", "product"]
    assert len(told.rows("team_members")) == 6
    assert len(told.rows("collaborators")) == 18
    assert {row["organization"] for row in told.rows("team_members")} == {
        "kettle-and-crew"
    }


def test_repositories_come_as_they_were_listed(company, read):
    told = read(company, "repositories")

    assert told.values("repositories", "full_name") == [
        "kettle-and-crew/next-roster",
        "kettle-and-crew/roster",
        "kettle-and-crew/warehouse",
    ]


def test_what_costs_a_request_for_each_row_is_not_read_unless_asked_for(company, read):
    told = read(company)

    left = {kind.name for kind in STREAMS} - set(told.ends)
    assert left == {"workflow_jobs", "collaborators"}
    assert all(end == {"end": "complete"} for end in told.ends.values())


def test_columns_are_declared_for_most_of_what_is_shown(company, read):
    told = read(company)

    for kind in STREAMS:
        for row in told.rows(kind.name)[:20]:
            assert set(kind.key) <= set(row), kind.name
            links = {name for name in row if name.endswith(("url", "_links"))}
            rest = set(row) - links
            assert len(rest & set(kind.columns)) >= 0.6 * len(rest), kind.name


def test_every_row_has_its_cursor(company, read):
    told = read(company)

    for kind in STREAMS:
        cursor = getattr(kind, "cursor", None)
        if cursor:
            assert cursor in kind.columns
            assert all(row.get(cursor) for row in told.rows(kind.name)), kind.name
    assert {type(kind) for kind in STREAMS} >= {Below, Whole}
