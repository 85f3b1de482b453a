"""People and places: what every other object holds or points at."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from elt.testing.apis.github.tables import Repository, Row
from elt.testing.apis.github.world import World

WEB = "https://github.com"
OLDEST = "2022-11-28"
# What the version 2026-03-10 leaves out (the two OpenAPI descriptions compared).
LEFT_OUT = {
    "assignee",
    "has_downloads",
    "merge_commit_sha",
    "rate",
    "use_squash_pr_title_as_default",
}

_OF_USER = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}


@dataclass(slots=True)
class Site:
    """Where objects point to, and what version of them is asked for."""

    world: World
    base: str  # the API's own address, without a slash at its end
    version: str = OLDEST
    _users: dict[str | None, Row | None] = field(default_factory=dict)
    places: dict[int, Row] = field(default_factory=dict)  # of this one request

    def fit(self, shaped: Row) -> Row:
        """Leave out what the asked version has no more."""
        if self.version == OLDEST:
            return shaped
        return {key: value for key, value in shaped.items() if key not in LEFT_OUT}

    def user(self, login: str | None) -> Row | None:
        """Give a simple user; None for one whose account is gone."""
        if login not in self._users:
            found = self.world.users.get(login or "")
            self._users[login] = self._simple(found) if found else None
        return self._users[login]

    def users(self, logins: list[str]) -> list[Row]:
        return [user for login in logins if (user := self.user(login))]

    def repository_url(self, repository: Repository) -> str:
        return f"{self.base}/repos/{repository.full_name}"

    def web_url(self, repository: Repository) -> str:
        return f"{WEB}/{repository.full_name}"

    def _simple(self, row: Row) -> Row:
        url = f"{self.base}/users/{row['login']}"
        return {
            "login": row["login"],
            "id": row["id"],
            "node_id": node_id(row["type"], row["id"]),
            "avatar_url": f"https://avatars.githubusercontent.com/u/{row['id']}?v=4",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{WEB}/{row['login']}",
            **{key: url + path for key, path in _OF_USER.items()},
            "type": row["type"],
            "user_view_type": "public",
            "site_admin": False,
        }


def node_id(kind: str, number: int | str) -> str:
    """Make a node id as GitHub's old ones are (octokit/fixtures, any)."""
    return base64.b64encode(f"0{len(kind)}:{kind}{number}".encode()).decode()


def association(site: Site, repository: Repository, login: str | None) -> str:
    if login == repository.owner:
        return "OWNER"
    return "MEMBER" if login in site.world.members else "NONE"


def reactions(url: str) -> dict[str, Any]:
    kinds = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(kinds, 0)}
