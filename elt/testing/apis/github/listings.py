"""The lists of a repository, as a table."""

from __future__ import annotations

from dataclasses import replace

from elt.testing.apis.github import bounds, filters
from elt.testing.apis.github.lists import Filter, Listing
from elt.testing.apis.github.shapes import code, issues
from elt.testing.apis.github.shapes.site import Site
from elt.testing.apis.github.tables import Repository, Row

_TIMES = {"created": "created_at", "updated": "updated_at"}


def _user(site: Site, _: Repository, row: Row) -> Row:
    return site.user(row["user"]) or {}


COMMITS = Listing(
    path="/commits",
    table="commits",
    shape=code.commit,
    docs="/commits/commits#list-commits",
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
    may_list=bounds.has_commits,
    fits=bounds.commits_of,
)
RUNS = Listing(
    path="/actions/runs",
    table="runs",
    shape=code.run,
    docs="/actions/workflow-runs#list-workflow-runs-for-a-repository",
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
    parent="run",
)
STARS = Listing(
    path="/stargazers",
    table="stars",
    shape=_user,
    docs="/activity/starring#list-stargazers",
    order="starred_at",
    depth=bounds.stars_depth,
)
TIMED_STARS = replace(STARS, shape=code.stargazer)
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
        filters=(
            filters.state(),
            filters.since("updated_at"),
            filters.labels(),
            filters.assignee(),
            filters.milestone(),
            filters.same("creator", "user"),
        ),
        has_cursors=True,
        may_list=bounds.has_issues,
    ),
    Listing(
        path="/issues/comments",
        table="comments",
        shape=issues.comment,
        docs="/issues/comments#list-issue-comments-for-a-repository",
        resource="IssueComment",
        sorts=_TIMES,
        direction_needs_sort=True,
        filters=(filters.since("updated_at"),),
        depth=bounds.comments_depth,
    ),
    Listing(
        path="/issues/{n}/comments",
        table="comments",
        shape=issues.comment,
        docs="/issues/comments#list-issue-comments",
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
        filters=(filters.state(), bounds.branch_of("head"), bounds.branch_of("base")),
        fits=bounds.pulls_only,
    ),
    Listing(
        path="/pulls/{n}/reviews",
        table="reviews",
        shape=issues.review,
        docs="/pulls/reviews#list-reviews-for-a-pull-request",
        order="submitted_at",
        parent="issue",
    ),
    Listing(
        path="/pulls/comments",
        table="review_comments",
        shape=issues.review_comment,
        docs="/pulls/comments#list-review-comments-in-a-repository",
        sorts={**_TIMES, "created_at": "created_at"},
        direction_needs_sort=True,
        filters=(filters.since("updated_at"),),
    ),
    Listing(
        path="/pulls/{n}/comments",
        table="review_comments",
        shape=issues.review_comment,
        docs="/pulls/comments#list-review-comments-on-a-pull-request",
        sorts=_TIMES,
        direction_needs_sort=True,
        filters=(filters.since("updated_at"),),
        parent="issue",
    ),
    Listing(
        path="/pulls/{n}/commits",
        table="commits",
        shape=code.commit,
        docs="/pulls/pulls#list-commits-on-a-pull-request",
        order="committed_at",
        parent="issue",
        depth=bounds.pull_commits_depth,
    ),
    Listing(
        path="/releases",
        table="releases",
        shape=code.release,
        docs="/releases/releases#list-releases",
        order="created_at",
        descends=True,
        depth=bounds.releases_depth,
        fits=bounds.seen_releases,
    ),
    Listing(
        path="/milestones",
        table="milestones",
        shape=issues.milestone,
        docs="/issues/milestones#list-milestones",
        order="due_on",
        sorts={"due_on": "due_on"},  # `completeness` is not simulated
        filters=(filters.state(),),
    ),
    Listing(
        path="/labels",
        table="labels",
        shape=issues.label,
        docs="/issues/labels#list-labels-for-a-repository",
    ),
    Listing(
        path="/branches",
        table="branches",
        shape=code.branch,
        docs="/branches/branches#list-branches",
        order="name",
    ),
    Listing(
        path="/tags",
        table="tags",
        shape=code.tag,
        docs="/repos/repos#list-repository-tags",
        order="name",
        descends=True,
    ),
    Listing(
        path="/deployments",
        table="deployments",
        shape=code.deployment,
        docs="/deployments/deployments#list-deployments",
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
    order="created_at",
    descends=True,
    depth=bounds.events_depth,
    fits=bounds.seen_events,
)
