"""Issues, pull requests, and what is said about them."""

from __future__ import annotations

from elt.testing.apis.github.deeds import commits_of
from elt.testing.apis.github.shapes.places import repository as shape_repository
from elt.testing.apis.github.shapes.site import (
    Site,
    association,
    node_id,
    reactions,
)
from elt.testing.apis.github.tables import Repository, Row

_PULL = {"admin": False, "push": False, "pull": True}


def issue(site: Site, repository: Repository, row: Row) -> Row:
    """Give an issue; a pull request is one too, with the key `pull_request`.

    Its id is the issue's, not the pull request's (docs.github.com, List repository
    issues: "the id will be an issue id").
    """
    number, web = row["number"], site.web_url(repository)
    base = site.repository_url(repository)
    url = f"{base}/issues/{number}"
    place = "pull" if row["pull"] else "issues"
    shaped = {
        "url": url,
        "repository_url": base,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": f"{web}/{place}/{number}",
        "id": row["id"],
        "node_id": node_id("PullRequest" if row["pull"] else "Issue", row["id"]),
        "closed_by": site.user(row["closed_by"]),
        "timeline_url": f"{url}/timeline",
        "reactions": reactions(url),
        "performed_via_github_app": None,
        "state_reason": row["state_reason"],
        "comments": row["comments"],
        "type": None,
        **_said(site, repository, row),
    }
    if row["pull"]:
        shaped["draft"] = row["pull"]["draft"]
        shaped["pull_request"] = {
            "url": f"{base}/pulls/{number}",
            "html_url": f"{web}/pull/{number}",
            "diff_url": f"{web}/pull/{number}.diff",
            "patch_url": f"{web}/pull/{number}.patch",
            "merged_at": row["pull"]["merged_at"],
        }
    return site.fit(shaped)


def pull(site: Site, repository: Repository, row: Row) -> Row:
    """Give a pull request as lists have it."""
    number, pull_row = row["number"], row["pull"]
    base, web = site.repository_url(repository), site.web_url(repository)
    url, issue_url = f"{base}/pulls/{number}", f"{base}/issues/{number}"
    pages = {
        "self": url,
        "html": f"{web}/pull/{number}",
        "issue": issue_url,
        "comments": f"{issue_url}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{base}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{base}/statuses/{pull_row['head_sha']}",
    }
    return site.fit(
        {
            "url": url,
            "id": pull_row["id"],
            "node_id": node_id("PullRequest", pull_row["id"]),
            "html_url": pages["html"],
            "diff_url": f"{web}/pull/{number}.diff",
            "patch_url": f"{web}/pull/{number}.patch",
            "issue_url": issue_url,
            "commits_url": pages["commits"],
            "review_comments_url": pages["review_comments"],
            "review_comment_url": pages["review_comment"],
            "comments_url": pages["comments"],
            "statuses_url": pages["statuses"],
            **_said(site, repository, row),
            "draft": pull_row["draft"],
            "merged_at": pull_row["merged_at"],
            "merge_commit_sha": pull_row["merge_sha"],
            "requested_reviewers": site.users(pull_row["reviewers"]),
            "requested_teams": [],
            "head": _end(site, repository, row, "head"),
            "base": _end(site, repository, row, "base"),
            "_links": {name: {"href": href} for name, href in pages.items()},
            "auto_merge": None,
        }
    )


def full_pull(site: Site, repository: Repository, row: Row) -> Row:
    """Give a pull request as it is when it is asked for alone."""
    tables, pull_row = repository.tables, row["pull"]
    said = tables["review_comments"].rows.values()
    own = commits_of(repository, row)
    is_merged = pull_row["merged_at"] is not None
    return {
        **pull(site, repository, row),
        "merged": is_merged,
        "mergeable": None if is_merged else True,
        "rebaseable": None if is_merged else True,
        "mergeable_state": "unknown" if is_merged else "clean",
        "merged_by": site.user(pull_row["merged_by"]),
        "comments": row["comments"],
        "review_comments": sum(c["issue"] == row["number"] for c in said),
        "maintainer_can_modify": False,
        "commits": max(1, len(own)),
        "additions": 12,
        "deletions": 3,
        "changed_files": 2,
    }


def comment(site: Site, repository: Repository, row: Row) -> Row:
    base = site.repository_url(repository)
    web = f"{site.web_url(repository)}/issues/{row['issue']}"
    url = f"{base}/issues/comments/{row['id']}"
    return {
        "url": url,
        "html_url": f"{web}#issuecomment-{row['id']}",
        "issue_url": f"{base}/issues/{row['issue']}",
        "id": row["id"],
        "node_id": node_id("IssueComment", row["id"]),
        "user": site.user(row["user"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "body": row["body"],
        "author_association": association(site, repository, row["user"]),
        "reactions": reactions(url),
        "performed_via_github_app": None,
    }


def review(site: Site, repository: Repository, row: Row) -> Row:
    url = f"{site.repository_url(repository)}/pulls/{row['issue']}"
    web = f"{site.web_url(repository)}/pull/{row['issue']}"
    html = f"{web}#pullrequestreview-{row['id']}"
    return {
        "id": row["id"],
        "node_id": node_id("PullRequestReview", row["id"]),
        "user": site.user(row["user"]),
        "body": row["body"],
        "state": row["state"],
        "html_url": html,
        "pull_request_url": url,
        "_links": {"html": {"href": html}, "pull_request": {"href": url}},
        "submitted_at": row["submitted_at"],
        "commit_id": row["commit"],
        "author_association": association(site, repository, row["user"]),
    }


def review_comment(site: Site, repository: Repository, row: Row) -> Row:
    base = site.repository_url(repository)
    pull_url = f"{base}/pulls/{row['issue']}"
    url = f"{base}/pulls/comments/{row['id']}"
    html = f"{site.web_url(repository)}/pull/{row['issue']}#discussion_r{row['id']}"
    links = {"self": url, "html": html, "pull_request": pull_url}
    return {
        "url": url,
        "pull_request_review_id": row["review"],
        "id": row["id"],
        "node_id": node_id("PullRequestReviewComment", row["id"]),
        "diff_hunk": "@@ -1,7 +1,9 @@",
        "path": row["path"],
        "commit_id": row["commit"],
        "original_commit_id": row["commit"],
        "user": site.user(row["user"]),
        "body": row["body"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "html_url": html,
        "pull_request_url": pull_url,
        "author_association": association(site, repository, row["user"]),
        "_links": {name: {"href": href} for name, href in links.items()},
        "reactions": reactions(url),
        "line": row["line"],
        "original_line": row["line"],
        "start_line": None,
        "original_start_line": None,
        "start_side": None,
        "side": "RIGHT",
        "position": row["line"],
        "original_position": row["line"],
        "subject_type": "line",
    }


def label(site: Site, repository: Repository, row: Row) -> Row:
    name = row["name"].replace(" ", "%20")
    return {
        "id": row["id"],
        "node_id": node_id("Label", row["id"]),
        "url": f"{site.repository_url(repository)}/labels/{name}",
        "name": row["name"],
        "description": row["description"],
        "color": row["color"],
        "default": row["name"] in {"bug", "enhancement", "good first issue"},
        "archived_at": None,
        "archived_by": None,
    }


def milestone(site: Site, repository: Repository, row: Row) -> Row:
    url = f"{site.repository_url(repository)}/milestones/{row['number']}"
    issues = repository.tables["issues"].listed(
        ("milestone", row["number"]),
        lambda issue: issue["milestone"] == row["number"],
        lambda issue: issue["id"],
    )
    closed = sum(found["state"] == "closed" for found in issues)
    return {
        "url": url,
        "html_url": f"{site.web_url(repository)}/milestone/{row['number']}",
        "labels_url": f"{url}/labels",
        "id": row["id"],
        "node_id": node_id("Milestone", row["id"]),
        "number": row["number"],
        "title": row["title"],
        "description": row["description"],
        "creator": site.user(row["creator"]),
        "open_issues": len(issues) - closed,
        "closed_issues": closed,
        "state": row["state"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "due_on": row["due_on"],
        "closed_at": row["closed_at"],
    }


def _said(site: Site, repository: Repository, row: Row) -> Row:
    """Give what an issue and a pull request have in common."""
    assignees = site.users(row["assignees"])
    return {
        "number": row["number"],
        "title": row["title"],
        "user": site.user(row["user"]),
        "labels": [_label_named(site, repository, name) for name in row["labels"]],
        "state": row["state"],
        "locked": row["locked"],
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": _milestone_numbered(site, repository, row["milestone"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "closed_at": row["closed_at"],
        "author_association": association(site, repository, row["user"]),
        "active_lock_reason": None,
        "body": row["body"],
    }


def _label_named(site: Site, repository: Repository, name: str) -> Row:
    found = repository.tables["labels"].find("name", name)
    return label(
        site,
        repository,
        found or {"id": 0, "name": name, "color": "ededed", "description": None},
    )


def _milestone_numbered(
    site: Site, repository: Repository, number: int | None
) -> Row | None:
    found = number and repository.tables["milestones"].find("number", number)
    return milestone(site, repository, found) if found else None


def _end(site: Site, repository: Repository, row: Row, name: str) -> Row:
    branch, sha = row["pull"][name], row["pull"][f"{name}_sha"]
    if repository.id not in site.places:
        site.places[repository.id] = shape_repository(site, repository, _PULL)
    return {
        "label": f"{repository.owner}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": site.user(repository.owner),
        "repo": site.places[repository.id],
    }
