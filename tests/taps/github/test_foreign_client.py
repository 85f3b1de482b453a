"""The rows of the tap beside what PyGithub sees, a client that we did not write."""

from __future__ import annotations

import pytest
from github import Auth, Github

ROSTER = "kettle-and-crew/roster"


@pytest.fixture(scope="module")
def roster(company):
    client = Github(
        base_url=company.origin,
        auth=Auth.Token(company.api.token),
        per_page=100,
        seconds_between_requests=0,
    )
    yield client.get_repo(ROSTER)
    client.close()


SEEN = {
    "issues": lambda repo: repo.get_issues(state="all"),
    "issue_comments": lambda repo: repo.get_issues_comments(),
    "pull_requests": lambda repo: repo.get_pulls(state="all"),
    "review_comments": lambda repo: repo.get_pulls_comments(),
    "releases": lambda repo: repo.get_releases(),
    "labels": lambda repo: repo.get_labels(),
    "milestones": lambda repo: repo.get_milestones(state="all"),
    "workflow_runs": lambda repo: repo.get_workflow_runs(),
    "deployments": lambda repo: repo.get_deployments(),
    "events": lambda repo: repo.get_events(),
}
OURS = {"repository", "repository_id", "read_at"}


@pytest.mark.parametrize("stream", SEEN)
def test_rows_are_what_pygithub_sees(company, read, roster, stream):
    told = read(company, stream, repositories=[ROSTER])

    seen = {str(item.id): item.raw_data for item in SEEN[stream](roster)}
    # A run has its repository in it, under the name of our column.
    rows = {str(row["id"]): _own(row) for row in told.rows(stream)}
    for raw in seen.values():
        raw.pop("repository", None)
    assert set(rows) == set(seen)
    shared = {
        name: {key: value for key, value in row.items() if key in seen[name]}
        for name, row in rows.items()
    }
    assert shared == {
        name: {key: raw[key] for key in rows[name] if key in raw}
        for name, raw in seen.items()
    }


@pytest.mark.parametrize(
    ("stream", "field", "see"),
    [
        ("commits", "sha", lambda repo: [c.sha for c in repo.get_commits()]),
        ("branches", "name", lambda repo: [b.name for b in repo.get_branches()]),
        ("tags", "name", lambda repo: [t.name for t in repo.get_tags()]),
        (
            "stargazers",
            "user_id",
            lambda repo: [s.user.id for s in repo.get_stargazers_with_dates()],
        ),
        (
            "reviews",
            "id",
            lambda repo: [
                review.id
                for pull in repo.get_pulls(state="all")
                for review in pull.get_reviews()
            ],
        ),
    ],
)
def test_rows_without_an_id_of_their_own_are_those_that_pygithub_sees(
    company, read, roster, stream, field, see
):
    told = read(company, stream, repositories=[ROSTER])

    assert sorted(told.values(stream, field)) == sorted(see(roster))


def _own(row):
    return {name: value for name, value in row.items() if name not in OURS}
