"""The lists of a repository, as a table."""

from __future__ import annotations

from datetime import timedelta

from elt.testing.apis.github import filters
from elt.testing.apis.github.answers import ONLY_FIRST, TOO_DEEP, Refused
from elt.testing.apis.github.asks import Ask, Knobs
from elt.testing.apis.github.lists import Filter, Fits, Listing, Test
from elt.testing.apis.github.paging import Depth
from elt.testing.apis.github.shapes import code, issues
from elt.testing.apis.github.shapes.site import Site
from elt.testing.apis.github.tables import Repository, Row, stamp

_TIMES = {"created": "created_at", "updated": "updated_at"}


def _comments_depth(knobs: Knobs) -> Depth:
    """PyGithub/PyGithub#2558: a repository's comments end at 30,000."""
    return Depth(most=knobs.comments, says=TOO_DEEP)


def _releases_depth(knobs: Knobs) -> Depth:
    """MeltanoLabs/tap-github#182: with the words that are said beyond."""
    return Depth(most=knobs.releases, says=ONLY_FIRST.format(most=knobs.releases))


def _stars_depth(knobs: Knobs) -> Depth:
    """MeltanoLabs/tap-github#120: 400 pages of 100."""
    return Depth(most=knobs.stargazers, says=TOO_DEEP)


def _events_depth(knobs: Knobs) -> Depth:
    """MeltanoLabs/tap-github#26: page 4 of 100 is refused."""
    return Depth(most=knobs.events, says=TOO_DEEP)


def _has_issues(_: Ask, repository: Repository) -> None:
    if not repository.has_issues:
        raise Refused(410, "Issues has been disabled in this repository.")


def _has_commits(_: Ask, repository: Repository) -> None:
    if repository.is_empty:
        docs = "/commits/commits#list-commits"
        raise Refused(409, "Git Repository is empty.", docs=docs)


def _commits_of(ask: Ask, repository: Repository) -> Fits:
    """Keep what is on the branch, or on it and not after the commit, of `sha`."""
    wanted = ask.query.get("sha", "main")
    if repository.tables["branches"].find("name", wanted):
        return wanted, lambda row: row["branch"] in {"main", wanted}
    found = repository.tables["commits"].find("sha", wanted)
    if found is None:
        raise Refused(404, f"No commit found for SHA: {wanted}")
    branches, last = {"main", found["branch"]}, found["committed_at"]
    return wanted, lambda row: row["branch"] in branches and row["committed_at"] <= last


def _seen_events(ask: Ask, _: Repository) -> Fits:
    """Keep what is neither too young to be shown nor too old."""
    now = stamp(ask.now)
    oldest = stamp(ask.now - timedelta(days=ask.knobs.events_days))
    return now, lambda row: bool(row["seen_at"] <= now and row["created_at"] >= oldest)


def _seen_releases(ask: Ask, repository: Repository) -> Fits:
    """Drafts are for those who may push (docs.github.com, List releases)."""
    pushes = ask.pushes(repository)
    return pushes, lambda row: bool(pushes or not row["draft"])


def _pulls_only(_: Ask, __: Repository) -> Fits:
    return None, lambda row: row["pull"] is not None


def _user(site: Site, _: Repository, row: Row) -> Row:
    return site.user(row["user"]) or {}


def _branch_of(name: str) -> Filter:
    """Keep pull requests of a branch; `head` is named with its owner before it."""

    def make(text: str) -> Test:
        wanted = text.rpartition(":")[2]
        return lambda row: bool(row["pull"] and row["pull"][name] == wanted)

    return Filter(name, make)


COMMITS = Listing(
    path="/commits",
    table="commits",
    shape=code.commit,
    docs="/commits/commits#list-commits",
    resource="Commit",
    order="committed_at",
    descends=True,
    filters=(
        # By the committer's date (docs.github.com, List commits).
        filters.since("committed_at"),
        filters.until("committed_at"),
        filters.same("author", "author"),
        filters.same("committer", "committer"),
        filters.same("path", "path"),
    ),
    may_list=_has_commits,
    fits=_commits_of,
)
RUNS = Listing(
    path="/actions/runs",
    table="runs",
    shape=code.run,
    docs="/actions/workflow-runs#list-workflow-runs-for-a-repository",
    resource="WorkflowRun",
    order="created_at",
    descends=True,
    filters=(
        filters.created(),
        filters.same("actor", "actor"),
        filters.same("branch", "branch"),
        filters.same("event", "event"),
        filters.same("head_sha", "sha"),
        Filter(
            "status",
            lambda text: lambda row: text in {row["status"], row["conclusion"]},
        ),
    ),
)
JOBS = Listing(
    path="/actions/runs/{n}/jobs",
    table="jobs",
    shape=code.job,
    docs="/actions/workflow-jobs#list-jobs-for-a-workflow-run",
    resource="WorkflowJob",
    parent="run",
)
STARS = Listing(
    path="/stargazers",
    table="stars",
    shape=_user,
    docs="/activity/starring#list-stargazers",
    resource="Star",
    order="starred_at",
    depth=_stars_depth,
)
LISTINGS = (
    Listing(
        path="/issues",
        table="issues",
        shape=issues.issue,
        docs="/issues/issues#list-repository-issues",
        resource="Issue",
        order="created_at",
        sorts={**_TIMES, "comments": "comments"},
        descends=True,
        is_strict=True,
        filters=(
            filters.state(),
            filters.since("updated_at"),
            filters.labels(),
            filters.assignee(),
            filters.milestone(),
            filters.same("creator", "user"),
        ),
        has_cursors=True,
        may_list=_has_issues,
    ),
    Listing(
        path="/issues/comments",
        table="comments",
        shape=issues.comment,
        docs="/issues/comments#list-issue-comments-for-a-repository",
        resource="IssueComment",
        sorts=_TIMES,
        direction_needs_sort=True,
        is_strict=True,
        filters=(filters.since("updated_at"),),
        depth=_comments_depth,
    ),
    Listing(
        path="/issues/{n}/comments",
        table="comments",
        shape=issues.comment,
        docs="/issues/comments#list-issue-comments",
        resource="IssueComment",
        filters=(filters.since("updated_at"),),
        parent="issue",
    ),
    Listing(
        path="/pulls",
        table="issues",
        shape=issues.pull,
        docs="/pulls/pulls#list-pull-requests",
        resource="PullRequest",
        order="created_at",
        # No `since`: it is ignored as any other unknown parameter is.
        sorts={**_TIMES, "popularity": "comments", "long-running": "created_at"},
        descends=True,
        is_strict=True,
        filters=(filters.state(), _branch_of("head"), _branch_of("base")),
        fits=_pulls_only,
    ),
    Listing(
        path="/pulls/{n}/reviews",
        table="reviews",
        shape=issues.review,
        docs="/pulls/reviews#list-reviews-for-a-pull-request",
        resource="PullRequestReview",
        order="submitted_at",
        parent="issue",
    ),
    Listing(
        path="/pulls/comments",
        table="review_comments",
        shape=issues.review_comment,
        docs="/pulls/comments#list-review-comments-in-a-repository",
        resource="PullRequestReviewComment",
        sorts={**_TIMES, "created_at": "created_at"},
        direction_needs_sort=True,
        filters=(filters.since("updated_at"),),
    ),
    Listing(
        path="/pulls/{n}/comments",
        table="review_comments",
        shape=issues.review_comment,
        docs="/pulls/comments#list-review-comments-on-a-pull-request",
        resource="PullRequestReviewComment",
        sorts=_TIMES,
        direction_needs_sort=True,
        filters=(filters.since("updated_at"),),
        parent="issue",
    ),
    Listing(
        path="/releases",
        table="releases",
        shape=code.release,
        docs="/releases/releases#list-releases",
        resource="Release",
        order="created_at",
        descends=True,
        depth=_releases_depth,
        fits=_seen_releases,
    ),
    Listing(
        path="/milestones",
        table="milestones",
        shape=issues.milestone,
        docs="/issues/milestones#list-milestones",
        resource="Milestone",
        order="due_on",
        filters=(filters.state(),),
    ),
    Listing(
        path="/labels",
        table="labels",
        shape=issues.label,
        docs="/issues/labels#list-labels-for-a-repository",
        resource="Label",
    ),
    Listing(
        path="/branches",
        table="branches",
        shape=code.branch,
        docs="/branches/branches#list-branches",
        resource="Branch",
        order="name",
    ),
    Listing(
        path="/tags",
        table="tags",
        shape=code.tag,
        docs="/repos/repos#list-repository-tags",
        resource="Tag",
        order="name",
        descends=True,
    ),
    Listing(
        path="/deployments",
        table="deployments",
        shape=code.deployment,
        docs="/deployments/deployments#list-deployments",
        resource="Deployment",
        descends=True,
        filters=tuple(
            filters.same(name, name) for name in ("sha", "ref", "task", "environment")
        ),
    ),
    Listing(
        path="/deployments/{n}/statuses",
        table="statuses",
        shape=code.deployment_status,
        docs="/deployments/statuses#list-deployment-statuses",
        resource="DeploymentStatus",
        descends=True,
        parent="deployment",
    ),
    COMMITS,
)
EVENTS = Listing(
    path="/events",
    table="events",
    shape=code.event,
    docs="/activity/events#list-repository-events",
    resource="Event",
    order="created_at",
    descends=True,
    depth=_events_depth,
    fits=_seen_events,
)
