"""Commits, releases, workflow runs, deployments, stars and events."""

from __future__ import annotations

from elt.testing.apis.github.shapes.places import named_repository
from elt.testing.apis.github.shapes.site import Site, node_id
from elt.testing.apis.github.tables import Repository, Row, moment_of

_WORKFLOW = 7_001


def commit(site: Site, repository: Repository, row: Row) -> Row:
    base, web = site.repository_url(repository), site.web_url(repository)
    sha = row["sha"]
    parents = [_commit_named(site, repository, parent) for parent in row["parents"]]
    return {
        "sha": sha,
        "node_id": node_id("Commit", f"{repository.id}:{sha}"),
        "commit": {
            "author": _signed(site, row["author"], row["written_at"]),
            "committer": _signed(site, row["committer"], row["committed_at"]),
            "message": row["message"],
            "tree": {"sha": sha[::-1], "url": f"{base}/git/trees/{sha[::-1]}"},
            "url": f"{base}/git/commits/{sha}",
            "comment_count": 0,
            "verification": {
                "verified": False,
                "reason": "unsigned",
                "signature": None,
                "payload": None,
                "verified_at": None,
            },
        },
        "url": f"{base}/commits/{sha}",
        "html_url": f"{web}/commit/{sha}",
        "comments_url": f"{base}/commits/{sha}/comments",
        "author": site.user(row["author"]),
        "committer": site.user(row["committer"]),
        "parents": [
            {**parent, "html_url": f"{web}/commit/{parent['sha']}"}
            for parent in parents
        ],
    }


def release(site: Site, repository: Repository, row: Row) -> Row:
    base, web = site.repository_url(repository), site.web_url(repository)
    url = f"{base}/releases/{row['id']}"
    return {
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": f"{url}/assets{{?name,label}}",
        "html_url": f"{web}/releases/tag/{row['tag']}",
        "id": row["id"],
        "author": site.user(row["author"]),
        "node_id": node_id("Release", row["id"]),
        "tag_name": row["tag"],
        "target_commitish": "main",
        "name": row["name"],
        "draft": row["draft"],
        "immutable": False,
        "prerelease": row["prerelease"],
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        "published_at": row["published_at"],
        "assets": [],
        "tarball_url": f"{base}/tarball/{row['tag']}",
        "zipball_url": f"{base}/zipball/{row['tag']}",
        "body": row["body"],
    }


def branch(site: Site, repository: Repository, row: Row) -> Row:
    return {
        "name": row["name"],
        "commit": _commit_named(site, repository, row["sha"]),
        "protected": row["name"] == "main",
    }


def tag(site: Site, repository: Repository, row: Row) -> Row:
    base = site.repository_url(repository)
    ref = f"refs/tags/{row['name']}"
    return {
        "name": row["name"],
        "zipball_url": f"{base}/zipball/{ref}",
        "tarball_url": f"{base}/tarball/{ref}",
        "commit": _commit_named(site, repository, row["sha"]),
        "node_id": node_id("Ref", f"{repository.id}:{ref}"),
    }


def run(site: Site, repository: Repository, row: Row) -> Row:
    base, web = site.repository_url(repository), site.web_url(repository)
    url = f"{base}/actions/runs/{row['id']}"
    named = named_repository(site, repository)
    workflow_url = f"{base}/actions/workflows/{_WORKFLOW}"
    attempt = row["run_attempt"] - 1
    suite = row["id"] + 500_000
    return {
        "id": row["id"],
        "name": "ci",
        "node_id": node_id("WorkflowRun", row["id"]),
        "head_branch": row["branch"],
        "head_sha": row["sha"],
        "path": ".github/workflows/ci.yml",
        "display_title": "ci",
        "run_number": row["run_number"],
        "event": row["event"],
        "status": row["status"],
        "conclusion": row["conclusion"],
        "workflow_id": _WORKFLOW,
        "check_suite_id": suite,
        "check_suite_node_id": node_id("CheckSuite", suite),
        "url": url,
        "html_url": f"{web}/actions/runs/{row['id']}",
        "pull_requests": [],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "actor": site.user(row["actor"]),
        "run_attempt": row["run_attempt"],
        "referenced_workflows": [],
        "run_started_at": row["run_started_at"],
        "triggering_actor": site.user(row["actor"]),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{base}/check-suites/{suite}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{attempt}" if attempt else None,
        "workflow_url": workflow_url,
        "head_commit": _head_commit(site, repository, row),
        "repository": named,
        "head_repository": named,
    }


def job(site: Site, repository: Repository, row: Row) -> Row:
    base, web = site.repository_url(repository), site.web_url(repository)
    return {
        "id": row["id"],
        "run_id": row["run"],
        "workflow_name": "ci",
        "head_branch": row["branch"],
        "run_url": f"{base}/actions/runs/{row['run']}",
        "run_attempt": row["run_attempt"],
        "node_id": node_id("CheckRun", row["id"]),
        "head_sha": row["sha"],
        "url": f"{base}/actions/jobs/{row['id']}",
        "html_url": f"{web}/actions/runs/{row['run']}/job/{row['id']}",
        "status": row["status"],
        "conclusion": row["conclusion"],
        "created_at": row["created_at"],
        "started_at": row["started_at"],
        "completed_at": row["completed_at"],
        "name": row["name"],
        "steps": [],
        "check_run_url": f"{base}/check-runs/{row['id']}",
        "labels": ["ubuntu-latest"],
        "runner_id": 1,
        "runner_name": "GitHub Actions 1",
        "runner_group_id": 0,
        "runner_group_name": "GitHub Actions",
    }


def deployment(site: Site, repository: Repository, row: Row) -> Row:
    base = site.repository_url(repository)
    url = f"{base}/deployments/{row['id']}"
    return {
        "url": url,
        "id": row["id"],
        "node_id": node_id("Deployment", row["id"]),
        "task": row["task"],
        "original_environment": row["environment"],
        "environment": row["environment"],
        "description": row["description"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "statuses_url": f"{url}/statuses",
        "repository_url": base,
        "creator": site.user(row["creator"]),
        "sha": row["sha"],
        "ref": row["ref"],
        "payload": {},
        "transient_environment": False,
        "production_environment": row["environment"] == "production",
        "performed_via_github_app": None,
    }


def deployment_status(site: Site, repository: Repository, row: Row) -> Row:
    base = site.repository_url(repository)
    url = f"{base}/deployments/{row['deployment']}"
    return {
        "url": f"{url}/statuses/{row['id']}",
        "id": row["id"],
        "node_id": node_id("DeploymentStatus", row["id"]),
        "state": row["state"],
        "creator": site.user(row["creator"]),
        "description": "",
        "environment": "production",
        "target_url": "",
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "deployment_url": url,
        "repository_url": base,
        "environment_url": "",
        "log_url": "",
        "performed_via_github_app": None,
    }


def stargazer(site: Site, repository: Repository, row: Row) -> Row:
    """Give what `application/vnd.github.star+json` gives; else it is the user alone."""
    del repository
    return {"starred_at": row["starred_at"], "user": site.user(row["user"])}


def event(site: Site, repository: Repository, row: Row) -> Row:
    return {
        "id": str(row["id"]),  # a text, unlike all other ids
        "type": row["type"],
        "actor": _acting(site, row["actor"]),
        "repo": {
            "id": repository.id,
            "name": repository.full_name,
            "url": site.repository_url(repository),
        },
        "payload": row["payload"],
        "public": not repository.private,
        "created_at": row["created_at"],
        "org": _acting(site, repository.owner),
    }


def _acting(site: Site, login: str) -> Row:
    user = site.user(login) or {}
    keys = ("id", "login", "gravatar_id", "avatar_url")
    return {
        **{key: user[key] for key in keys},
        "display_login": login,
        "url": f"{site.base}/users/{login}",
    }


def _commit_named(site: Site, repository: Repository, sha: str | None) -> Row:
    return {"sha": sha, "url": f"{site.repository_url(repository)}/commits/{sha}"}


def _signed(site: Site, login: str, at: str) -> Row:
    """Give who signed a commit, and when; an address is not always an account."""
    user = site.world.users.get(login)
    name = user["name"] if user and user["name"] else login
    return {"name": name, "email": f"{login}@kettle.example", "date": at}


def _head_commit(site: Site, repository: Repository, row: Row) -> Row | None:
    found = repository.tables["commits"].find("sha", row["sha"])
    if found is None:
        return None
    signed = _signed(site, found["author"], found["written_at"])
    return {
        "id": found["sha"],
        "tree_id": found["sha"][::-1],
        "message": found["message"],
        "timestamp": moment_of(found["committed_at"]).isoformat(),
        "author": {key: signed[key] for key in ("name", "email")},
        "committer": {key: signed[key] for key in ("name", "email")},
    }
