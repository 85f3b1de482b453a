"""The simulation through PyGithub, which nobody here wrote."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

import pytest
from github import (
    Auth,
    BadCredentialsException,
    Github,
    GithubException,
    RateLimitExceededException,
    UnknownObjectException,
)

from elt.testing.apis.github.answers import too_often
from elt.testing.apis.github.api import GitHub


def client_of(github, token=GitHub.token, **more):
    return Github(
        auth=Auth.Token(token),
        base_url=more.pop("base_url", github.origin),
        per_page=more.pop("per_page", 100),
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
        **more,
    )


@pytest.fixture
def roster(github):
    with client_of(github) as client:
        yield client.get_repo("kettle-and-crew/roster")


@pytest.fixture
def own_roster(own):
    with client_of(own) as client:
        yield client.get_repo("kettle-and-crew/roster")


def read_every_attribute(thing):
    """Read what the client knows of an object; it checks the types as it goes."""
    kind = type(thing)
    known = {name for name in dir(kind) if isinstance(getattr(kind, name), property)}
    read = set(thing._rawData) & known
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        for name in read:
            getattr(thing, name)
    return read


LISTS = {
    "issues": lambda r: r.get_issues(state="all"),
    "issue comments": lambda r: r.get_issues_comments(),
    "pulls": lambda r: r.get_pulls(state="all"),
    "review comments": lambda r: r.get_pulls_review_comments(),
    "commits": lambda r: r.get_commits(),
    "releases": lambda r: r.get_releases(),
    "milestones": lambda r: r.get_milestones(state="all"),
    "labels": lambda r: r.get_labels(),
    "branches": lambda r: r.get_branches(),
    "tags": lambda r: r.get_tags(),
    "stargazers": lambda r: r.get_stargazers_with_dates(),
    "runs": lambda r: r.get_workflow_runs(),
    "deployments": lambda r: r.get_deployments(),
    "events": lambda r: r.get_events(),
    "contributors": lambda r: r.get_contributors(),
    "collaborators": lambda r: r.get_collaborators(),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_to_its_end_and_every_attribute_has_its_type(roster, name):
    things = list(LISTS[name](roster))

    assert things
    assert len({str(thing) for thing in things}) > 1
    assert len(read_every_attribute(things[0])) >= 2
    read_every_attribute(things[-1])


def test_what_is_below_a_pull_request_is_read(roster):
    comment = roster.get_pulls_review_comments()[0]
    pull = roster.get_pull(int(comment.pull_request_url.rpartition("/")[2]))

    (review, *_) = pull.get_reviews()
    (said, *_) = pull.get_review_comments()

    assert review.state in {"APPROVED", "CHANGES_REQUESTED"}
    assert said.pull_request_review_id == review.id
    assert pull.as_issue().number == pull.number
    assert pull.as_issue().id != pull.id
    read_every_attribute(pull)
    read_every_attribute(review)


def test_what_is_below_a_run_and_a_deployment_is_read(roster):
    run = roster.get_workflow_runs()[0]
    deployment = roster.get_deployments()[0]

    jobs, statuses = list(run.jobs()), list(deployment.get_statuses())

    assert {job.name for job in jobs} == {"lint", "tests"}
    assert {status.state for status in statuses} == {"in_progress", "success"}
    for thing in (run, jobs[0], deployment, statuses[0]):
        read_every_attribute(thing)


def test_people_teams_and_places_are_read(github):
    with client_of(github) as client:
        organization = client.get_organization("kettle-and-crew")
        teams = list(organization.get_teams())
        names = {repository.name for repository in organization.get_repos()}

        assert client.get_user().login == "ines-almeida"
        assert client.get_user("tomasz-k").name == "Tomasz Kowalski"
        assert [team.slug for team in teams] == ["product", "platform"]
        assert next(member.login for member in teams[1].get_members()) == "tomasz-k"
        assert len(list(organization.get_members())) == 6
        assert names == {"roster", "warehouse", "next-roster"}
        read_every_attribute(organization)
        read_every_attribute(client.get_user())


def test_traffic_and_statistics_are_read(own_roster, own):
    own.api.knobs.statistics_asks = 0
    roster = own_roster

    views = roster.get_views_traffic()

    assert len(views.views) == 14
    assert views.count == sum(day.count for day in views.views)
    assert roster.get_clones_traffic(per="week").clones
    assert roster.get_top_paths()[0].path == "/kettle-and-crew/roster"
    assert roster.get_top_referrers()[0].referrer == "Google"
    assert len(roster.get_stats_commit_activity()) == 52


def test_what_is_written_is_read_again(own_roster):
    issue = own_roster.create_issue(
        "The kettle is cold", body="Since May", labels=["bug"]
    )
    issue.create_comment("Not here")
    issue.edit(state="closed", state_reason="not_planned", title="Cold kettle")

    found = own_roster.get_issue(issue.number)
    assert (found.title, found.state, found.state_reason) == (
        "Cold kettle",
        "closed",
        "not_planned",
    )
    assert [comment.body for comment in found.get_comments()] == ["Not here"]
    assert found.comments == 1
    assert found.closed_by.login == "ines-almeida"


def test_issues_since_a_moment_are_those_changed_since(roster):
    since = datetime(2025, 5, 20, tzinfo=UTC)

    issues = list(roster.get_issues(state="all", since=since, sort="updated"))

    assert issues
    assert all(issue.updated_at >= since for issue in issues)


def test_an_enterprise_server_has_the_same_under_its_prefix(github):
    with client_of(github, base_url=f"{github.origin}/api/v3", per_page=7) as client:
        roster = client.get_repo("kettle-and-crew/roster")

        assert roster.url.startswith(f"{github.origin}/api/v3/repos/")
        assert len(list(roster.get_tags())) == 24


@pytest.mark.parametrize("version", ["2022-11-28", "2026-03-10"])
def test_both_versions_are_read(github, version):
    with client_of(github, api_version=version) as client:
        issue = client.get_repo("kettle-and-crew/roster").get_issues()[0]

        assert ("assignee" in issue.raw_data) == (version == "2022-11-28")


def test_errors_are_the_clients_own(github):
    stranger = client_of(github, token="ghp_nobody")  # noqa: S106
    with stranger, pytest.raises(BadCredentialsException):
        stranger.get_user().login  # noqa: B018
    with client_of(github) as client:
        with pytest.raises(UnknownObjectException):
            client.get_repo("kettle-and-crew/nothing")
        empty = client.get_repo("kettle-and-crew/next-roster")
        with pytest.raises(GithubException, match="Git Repository is empty") as error:
            list(empty.get_commits())
        assert error.value.status == 409


@pytest.mark.parametrize("retry_after", [60, None])
def test_a_secondary_limit_is_known_by_its_words(own, retry_after):
    own.api.front.troubles.add(too_often(retry_after=retry_after))

    with client_of(own) as client, pytest.raises(RateLimitExceededException):
        client.get_repo("kettle-and-crew/roster")


def test_a_spent_hour_is_known_by_its_words(own):
    own.api.callers.requests_per_hour = 1

    with client_of(own) as client:
        client.get_repo("kettle-and-crew/roster")
        with pytest.raises(RateLimitExceededException):
            client.get_repo("kettle-and-crew/roster")
        assert client.get_rate_limit().resources.core.remaining == 0


def test_a_renamed_repository_is_found_under_its_old_name(own):
    own.api.rename("roster", "planner")

    with client_of(own) as client:
        assert client.get_repo("kettle-and-crew/roster").name == "planner"
