"""What people and programs do with code: commits, reviews, releases, runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from elt.testing.apis.github.tables import Repository, Row, stamp
from elt.testing.apis.github.world import World, sha_of

MAIN = "main"


def commit(
    world: World,
    repository: Repository,
    author: str,
    at: datetime,
    *,
    message: str,
    **said: Any,
) -> Row:
    """Commit to a branch; `at` is the committer's date, by which lists are cut.

    `said` may hold the `branch` and the `committer`.
    """
    number = world.new_id("commits")
    branch = said.get("branch", MAIN)
    head = _branch(world, repository, branch)
    made = {
        "id": number,
        "sha": sha_of(repository.id, number, message),
        "message": message,
        "author": author,
        "committer": said.get("committer", author),
        "written_at": stamp(at),
        "committed_at": stamp(at),
        "parents": [head["sha"]] if head["sha"] else [],
        "branch": branch,
        "issue": None,
        "path": "roster/shifts.py",
    }
    repository.tables["commits"].add(made)
    repository.tables["branches"].update(head, {"sha": made["sha"]})
    repository.pushed_at = max(repository.pushed_at, stamp(at))
    return made


def push(world: World, repository: Repository, author: str, at: datetime) -> None:
    """Note that commits were pushed; whoever merges or commits calls it after."""
    head = _branch(world, repository, MAIN)
    repository.pushed_at = repository.updated_at = stamp(at)
    world.note(
        repository,
        "PushEvent",
        author,
        at,
        ref=f"refs/heads/{MAIN}",
        head=head["sha"],
    )


def commits_of(repository: Repository, issue: Row) -> list[Row]:
    """Give a pull request's commits, merged or not, in the order of their dates."""
    return repository.tables["commits"].listed(
        ("pull", issue["number"]),
        lambda row: bool(row["issue"] == issue["number"]),
        lambda row: (row["committed_at"], row["id"]),
    )


def drop_branch(repository: Repository, branch: str) -> None:
    """Delete a branch; its commits that are on no other are listed no more."""
    found = repository.tables["branches"].find("name", branch)
    if found:
        repository.tables["branches"].remove(found["id"])


def review(
    world: World,
    repository: Repository,
    issue: Row,
    user: str,
    at: datetime,
    **said: Any,
) -> Row:
    """Review a pull request; `state` is APPROVED, CHANGES_REQUESTED or COMMENTED.

    `lines` are remarks, each on a line of the change.
    """
    lines = said.get("lines", ())
    made = {
        "id": world.new_id("reviews"),
        "issue": issue["number"],
        "user": user,
        "body": "" if lines else "Looks good to me",
        "state": said["state"],
        "submitted_at": stamp(at),
        "commit": issue["pull"]["head_sha"],
    }
    repository.tables["reviews"].add(made)
    for number, body in enumerate(lines):
        _line_comment(world, repository, made, at, body=body, line=7 + 5 * number)
    world.change_issue(repository, issue, at)
    world.note(
        repository,
        "PullRequestReviewEvent",
        user,
        at,
        action="created",
        number=issue["number"],
    )
    return made


def merge(
    world: World,
    repository: Repository,
    issue: Row,
    user: str,
    at: datetime,
    *,
    keeps_commits: bool,
) -> None:
    """Merge a pull request.

    With `keeps_commits` its commits come to the main branch as they are, with dates
    older than what is there already; else they are squashed into one of now.
    """
    pull = issue["pull"]
    commits = repository.tables["commits"]
    for row in commits_of(repository, issue):
        commits.update(row, {"branch": MAIN if keeps_commits else None})
    title = f"Merge pull request #{issue['number']} from {pull['head']}"
    if not keeps_commits:
        title = f"{issue['title']} (#{issue['number']})"
    made = commit(
        world, repository, issue["user"], at, message=title, committer="web-flow"
    )
    drop_branch(repository, pull["head"])
    pull |= {"merged_at": stamp(at), "merged_by": user, "merge_sha": made["sha"]}
    push(world, repository, user, at)
    world.close_issue(repository, issue, user, at)


def release(
    world: World, repository: Repository, author: str, at: datetime, *, tag: str
) -> Row:
    head = _branch(world, repository, MAIN)
    repository.tables["tags"].add(
        {"id": world.new_id("tags"), "name": tag, "sha": head["sha"]}
    )
    made = {
        "id": world.new_id("releases"),
        "tag": tag,
        "name": f"Kettle {tag}",
        "body": f"What is new in {tag}",
        "draft": False,
        "prerelease": tag.endswith("rc1"),
        "author": author,
        "created_at": stamp(at),
        "published_at": stamp(at),
    }
    repository.tables["releases"].add(made)
    world.note(
        repository, "ReleaseEvent", author, at, action="published", release=made["id"]
    )
    return made


def deploy(
    world: World, repository: Repository, creator: str, at: datetime, **said: Any
) -> Row:
    head = _branch(world, repository, MAIN)
    made = {
        "id": world.new_id("deployments"),
        "sha": head["sha"],
        "ref": MAIN,
        "task": "deploy",
        "environment": "production",
        "description": None,
        "creator": creator,
        "created_at": stamp(at),
        "updated_at": stamp(at),
        **said,
    }
    return repository.tables["deployments"].add(made)


def report_deployment(
    world: World, repository: Repository, deployment: Row, at: datetime, *, state: str
) -> None:
    repository.tables["statuses"].add(
        {
            "id": world.new_id("statuses"),
            "deployment": deployment["id"],
            "state": state,
            "creator": deployment["creator"],
            "created_at": stamp(at),
            "updated_at": stamp(at),
        }
    )
    repository.tables["deployments"].update(deployment, {"updated_at": stamp(at)})


def star(world: World, repository: Repository, user: str, at: datetime) -> None:
    repository.tables["stars"].add(
        {"id": world.new_id("stars"), "user": user, "starred_at": stamp(at)}
    )
    world.note(repository, "WatchEvent", user, at, action="started")


def _line_comment(
    world: World, repository: Repository, review: Row, at: datetime, **said: Any
) -> None:
    repository.tables["review_comments"].add(
        {
            "id": world.new_id("review_comments"),
            "issue": review["issue"],
            "review": review["id"],
            "user": review["user"],
            "commit": review["commit"],
            "path": "roster/shifts.py",
            "created_at": stamp(at),
            "updated_at": stamp(at),
            **said,
        }
    )


def _branch(world: World, repository: Repository, name: str) -> Row:
    branches = repository.tables["branches"]
    found = branches.find("name", name)
    if found:
        return found
    main = branches.find("name", MAIN)
    row = {"id": world.new_id("branches"), "name": name}
    return branches.add({**row, "sha": main["sha"] if main else None})
