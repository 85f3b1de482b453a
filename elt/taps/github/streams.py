"""GitHub's streams as data: where each is listed, how it is read, what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elt.taps.github import columns

Params = Mapping[str, str]
READ_AT = "read_at"
_ID = ("id",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    name: str
    columns: Mapping[str, Any]
    key: tuple[str, ...] = _ID
    by_default: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Since(Stream):
    """Sorted by `updated_at`, ascending, from a moment on."""

    path: str
    params: Params = field(default_factory=dict)
    cursor: str = "updated_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest(Stream):
    """Newest first, read down to the mark.

    `order` is what GitHub sorts by. Where that is not the cursor, a row may change
    when it is no longer among the first: then reading goes on below the mark, for
    `lookback_days`.
    """

    path: str
    order: str
    params: Params = field(default_factory=dict)
    cursor: str = "updated_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs(Stream):
    """Workflow runs, of ranges of their creation: nothing else bounds them."""

    cursor: str = "updated_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Commits(Stream):
    """Commits of the default branch."""

    cursor: str = "committed_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stars(Stream):
    """Who starred, in the order of time."""

    cursor: str = "starred_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(Stream):
    """Read in whole when it changed: GitHub has nothing to ask for what is new.

    Rows say in `read_at` when; one that is gone is left behind with an older one.
    Lists of what does not go have a cursor of their own. `at` is where in an answer
    the rows are.
    """

    path: str
    params: Params = field(default_factory=dict)
    at: tuple[str, ...] = ()
    cursor: str = READ_AT


@dataclass(frozen=True, slots=True, kw_only=True)
class Below(Stream):
    """A list for each row of another stream, when that row changed.

    `by` is the field of the row above that fills `path`; `names` are the fields that
    rows get, and where the row above has them, its time of change among them.
    """

    above: Newest | Runs
    path: str
    by: str = "id"
    names: Mapping[str, str]
    cursor: str
    params: Params = field(default_factory=dict)
    at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfOrganization(Stream):
    """A list of an organisation, few rows, read in full: who is gone is gone."""

    path: str  # with {org}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfTeams(Stream):
    """A list of each of an organisation's teams."""

    path: str  # with {org} and {team}


@dataclass(frozen=True, slots=True, kw_only=True)
class Repositories(Stream):
    """The repositories themselves, as they were found."""


InRepository = Since | Newest | Runs | Commits | Stars | Below
Kind = InRepository | Whole | OfOrganization | OfTeams | Repositories

PULL_REQUESTS = Newest(
    name="pull_requests",
    path="/pulls",
    order="updated_at",
    # The real names of the orders: `updated_at` is none (OpenAPI, pulls/list).
    params={"state": "all", "sort": "updated", "direction": "desc"},
    columns=columns.PULL_REQUESTS,
)
WORKFLOW_RUNS = Runs(name="workflow_runs", columns=columns.WORKFLOW_RUNS)
DEPLOYMENTS = Newest(
    name="deployments",
    path="/deployments",
    order="created_at",
    columns=columns.DEPLOYMENTS,
)

STREAMS: tuple[Kind, ...] = (
    Repositories(name="repositories", columns=columns.REPOSITORIES),
    Since(
        name="issues",
        path="/issues",
        params={"state": "all"},
        columns=columns.ISSUES,
    ),
    Since(
        name="issue_comments",
        path="/issues/comments",
        columns=columns.ISSUE_COMMENTS,
    ),
    PULL_REQUESTS,
    Below(
        name="reviews",
        above=PULL_REQUESTS,
        path="/pulls/{}/reviews",
        by="number",
        names={
            "pull_request_number": "number",
            "pull_request_updated_at": "updated_at",
        },
        cursor="pull_request_updated_at",
        columns=columns.REVIEWS,
    ),
    Since(
        name="review_comments",
        path="/pulls/comments",
        columns=columns.REVIEW_COMMENTS,
    ),
    Commits(
        name="commits",
        # A fork has the same commits.
        key=("repository_id", "sha"),
        columns=columns.COMMITS,
    ),
    Whole(name="releases", path="/releases", columns=columns.RELEASES),
    Whole(
        name="milestones",
        path="/milestones",
        params={"state": "all"},
        columns=columns.MILESTONES,
    ),
    Whole(name="labels", path="/labels", columns=columns.LABELS),
    Whole(
        name="branches",
        path="/branches",
        key=("repository_id", "name"),
        columns=columns.BRANCHES,
    ),
    Whole(
        name="tags",
        path="/tags",
        key=("repository_id", "name"),
        columns=columns.TAGS,
    ),
    Stars(
        name="stargazers",
        key=("repository_id", "user_id"),
        columns=columns.STARGAZERS,
    ),
    WORKFLOW_RUNS,
    Below(
        name="workflow_jobs",
        above=WORKFLOW_RUNS,
        path="/actions/runs/{}/jobs",
        params={"filter": "all"},  # also those of earlier attempts
        at=("jobs",),
        names={"run_updated_at": "updated_at"},
        cursor="run_updated_at",
        columns=columns.WORKFLOW_JOBS,
        by_default=False,
    ),
    DEPLOYMENTS,
    Below(
        name="deployment_statuses",
        above=DEPLOYMENTS,
        path="/deployments/{}/statuses",
        names={"deployment_id": "id", "deployment_updated_at": "updated_at"},
        cursor="deployment_updated_at",
        columns=columns.DEPLOYMENT_STATUSES,
    ),
    Whole(
        name="collaborators",
        path="/collaborators",
        key=("repository_id", "id"),
        columns=columns.COLLABORATORS,
        by_default=False,
    ),
    Whole(
        name="events",
        path="/events",
        cursor="created_at",
        columns=columns.EVENTS,
    ),
    Whole(
        name="traffic_views",
        path="/traffic/views",
        at=("views",),
        cursor="timestamp",
        key=("repository_id", "timestamp"),
        columns=columns.TRAFFIC,
    ),
    Whole(
        name="traffic_clones",
        path="/traffic/clones",
        at=("clones",),
        cursor="timestamp",
        key=("repository_id", "timestamp"),
        columns=columns.TRAFFIC,
    ),
    OfOrganization(
        name="members",
        path="/orgs/{org}/members",
        key=("organization", "id"),
        columns=columns.MEMBERS,
    ),
    OfOrganization(name="teams", path="/orgs/{org}/teams", columns=columns.TEAMS),
    OfTeams(
        name="team_members",
        path="/orgs/{org}/teams/{team}/members",
        key=("team_id", "id"),
        columns=columns.TEAM_MEMBERS,
    ),
)
