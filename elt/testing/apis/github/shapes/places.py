"""Users, organisations, teams and repositories."""

from __future__ import annotations

from elt.testing.apis.github.shapes.site import WEB, Site, node_id
from elt.testing.apis.github.tables import Repository, Row

_OF_REPOSITORY = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def repository(site: Site, row: Repository, permissions: Row) -> Row:
    """Give a repository as lists have it."""
    shaped = named_repository(site, row)
    web = site.web_url(row)
    shaped |= {
        "git_url": web.replace("https", "git") + ".git",
        "ssh_url": f"git@github.com:{row.full_name}.git",
        "clone_url": f"{web}.git",
        "svn_url": web,
        "mirror_url": None,
        "homepage": None,
        "language": row.language,
        "size": 3 * len(row.tables["commits"]),
        "default_branch": "main",
        "topics": [],
        "license": None,
        "visibility": "private" if row.private else "public",
        "archived": False,
        "disabled": False,
        "is_template": False,
        "allow_forking": True,
        "web_commit_signoff_required": False,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "pushed_at": row.pushed_at,
        "permissions": permissions,
    }
    shaped |= _features(row) | _counts(row)
    return site.fit(shaped)


def full_repository(site: Site, row: Repository, permissions: Row) -> Row:
    """Give a repository as it is when it is asked for alone."""
    shaped = repository(site, row, permissions)
    shaped["network_count"] = shaped["forks_count"]
    shaped["subscribers_count"] = len(site.world.members)
    if row.owner == site.world.organization.get("login"):
        shaped["organization"] = site.user(row.owner)
    if permissions.get("push"):
        merges = ("allow_merge_commit", "allow_rebase_merge", "allow_squash_merge")
        shaped |= dict.fromkeys(merges, True)
        shaped |= {"allow_auto_merge": False, "delete_branch_on_merge": True}
        shaped |= {"use_squash_pr_title_as_default": False}
    return site.fit(shaped)


def named_repository(site: Site, row: Repository) -> Row:
    """Give a repository as it stands within a workflow run."""
    url = site.repository_url(row)
    return {
        "id": row.id,
        "node_id": node_id("Repository", row.id),
        "name": row.name,
        "full_name": row.full_name,
        "owner": site.user(row.owner),
        "private": row.private,
        "html_url": site.web_url(row),
        "description": row.description or None,
        "fork": False,
        "url": url,
        **{key: url + path for key, path in _OF_REPOSITORY.items()},
    }


def full_user(site: Site, row: Row) -> Row:
    owned = [r for r in site.world.repositories.values() if r.owner == row["login"]]
    return {
        **(site.user(row["login"]) or {}),
        "name": row["name"],
        "company": row["company"],
        "blog": "",
        "location": row["location"],
        "email": row["email"],
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": sum(not repository.private for repository in owned),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
    }


def organization(site: Site, row: Row) -> Row:
    url = f"{site.base}/orgs/{row['login']}"
    return {
        "login": row["login"],
        "id": row["id"],
        "node_id": node_id("Organization", row["id"]),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{row['id']}?v=4",
        "description": None,
        "name": row["name"],
        "company": None,
        "blog": None,
        "location": None,
        "email": None,
        "is_verified": False,
        "has_organization_projects": True,
        "has_repository_projects": True,
        "public_repos": sum(not r.private for r in site.world.repositories.values()),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "html_url": f"{WEB}/{row['login']}",
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        "archived_at": None,
        "type": "Organization",
    }


def team(site: Site, row: Row) -> Row:
    number = site.world.organization["id"]
    url = f"{site.base}/organizations/{number}/team/{row['id']}"
    login = site.world.organization["login"]
    return {
        "id": row["id"],
        "node_id": node_id("Team", row["id"]),
        "name": row["name"],
        "slug": row["slug"],
        "description": "",
        "privacy": "closed",
        "notification_setting": "notifications_enabled",
        "url": url,
        "html_url": f"{WEB}/orgs/{login}/teams/{row['slug']}",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "permission": "pull",
        "type": "organization",
        "organization_id": number,
        "parent": None,
    }


def _features(row: Repository) -> Row:
    return {
        "has_issues": row.has_issues,
        "has_projects": True,
        "has_downloads": True,
        "has_wiki": True,
        "has_pages": False,
        "has_discussions": False,
    }


def _counts(row: Repository) -> Row:
    opened = row.tables["issues"].listed(
        "open", lambda issue: issue["state"] == "open", lambda issue: issue["id"]
    )
    stars = len(row.tables["stars"])
    return {
        "forks_count": 0,
        "forks": 0,
        "stargazers_count": stars,
        "watchers_count": stars,
        "watchers": stars,
        # Pull requests are issues, and counted as such.
        "open_issues_count": len(opened),
        "open_issues": len(opened),
    }
