"""What people do on GitHub: every deed changes rows and leaves an event.

Ids are counted, so the same deeds in the same order give the same rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from elt.testing.apis.github.tables import Repository, Row, stamp

_FIRST_ID = {  # as large as GitHub's are: many are beyond 32 bits
    "users": 9_100,
    "organizations": 88_000,
    "repositories": 700_100,
    "issues": 3_100_000_000,
    "pulls": 2_500_000_000,
    "comments": 2_900_000_000,
    "reviews": 2_880_000_000,
    "review_comments": 2_110_000_000,
    "runs": 15_200_000_000,
    "jobs": 42_800_000_000,
    "events": 50_100_000_000,
}
_MOST_USUAL = 1_000_000  # where the ids of everything else begin


class World:
    """One organisation, its people and its repositories, at one moment."""

    def __init__(self) -> None:
        self.users: dict[str, Row] = {}
        self.organization: Row = {}
        self.members: dict[str, str] = {}  # login to role, `admin` or `member`
        self.teams: dict[str, Row] = {}  # by slug
        self.repositories: dict[int, Repository] = {}
        self.names: dict[str, int] = {}  # full names in lower case, old ones too
        self.statistics: Counter[int] = Counter()  # how often they were asked for
        self._counted: Counter[str] = Counter()

    def new_id(self, kind: str) -> int:
        self._counted[kind] += 1
        return _FIRST_ID.get(kind, _MOST_USUAL) + self._counted[kind]

    def add_user(self, login: str, at: datetime, **known: Any) -> Row:
        said = {"name": None, "company": None, "location": None, "email": None}
        user = {**said, **known, "login": login, "type": "User"}
        user |= {"id": self.new_id("users"), "created_at": stamp(at)}
        self.users[login] = user
        return user

    def make_organization(self, login: str, name: str, at: datetime) -> None:
        self.organization = {
            "id": self.new_id("organizations"),
            "login": login,
            "name": name,
            "type": "Organization",
            "created_at": stamp(at),
        }
        self.users[login] = self.organization

    def add_team(self, name: str, logins: list[str], at: datetime) -> Row:
        team: Row = {"id": self.new_id("teams"), "name": name, "slug": name.lower()}
        team |= {"members": logins, "created_at": stamp(at)}
        self.teams[team["slug"]] = team
        return team

    def add_repository(
        self,
        name: str,
        at: datetime,
        *,
        owner: str | None = None,
        private: bool = False,
        description: str = "",
        language: str | None = None,
    ) -> Repository:
        repository = Repository(
            id=self.new_id("repositories"),
            name=name,
            owner=owner or self.organization["login"],
            private=private,
            description=description,
            language=language,
            created_at=stamp(at),
            updated_at=stamp(at),
            pushed_at=stamp(at),
        )
        self.repositories[repository.id] = repository
        self.names[repository.full_name.lower()] = repository.id
        return repository

    def add_label(
        self, repository: Repository, name: str, *, color: str, description: str
    ) -> Row:
        label = {"id": self.new_id("labels"), "name": name, "color": color}
        return repository.tables["labels"].add({**label, "description": description})

    def add_milestone(
        self, repository: Repository, title: str, at: datetime, **said: Any
    ) -> Row:
        milestone = {
            "id": self.new_id("milestones"),
            "number": len(repository.tables["milestones"]) + 1,
            "title": title,
            "description": None,
            "state": "open",
            "creator": self.organization["login"],
            "created_at": stamp(at),
            "updated_at": stamp(at),
            "closed_at": None,
            "due_on": None,
            **said,
        }
        return repository.tables["milestones"].add(milestone)

    def rename(self, repository: Repository, name: str, at: datetime) -> None:
        """Give a new name; the old one leads to it until somebody else takes it."""
        repository.name = name
        repository.updated_at = stamp(at)
        self.names[repository.full_name.lower()] = repository.id

    def find(self, owner: str, name: str) -> Repository | None:
        number = self.names.get(f"{owner}/{name}".lower())
        return self.repositories.get(number) if number else None

    def note(
        self,
        repository: Repository,
        kind: str,
        actor: str,
        at: datetime,
        **payload: Any,
    ) -> None:
        """Note an event. It is shown half a minute to six hours late.

        docs.github.com, REST API endpoints for events: latency of 30 s to 6 h.
        """
        number = self.new_id("events")
        chance = int(hashlib.sha256(str(number).encode()).hexdigest()[:8], 16)
        late = 30 if chance % 10 else chance % 21_600
        repository.tables["events"].add(
            {
                "id": number,
                "type": kind,
                "actor": actor,
                "payload": payload,
                "created_at": stamp(at),
                "seen_at": stamp(at + timedelta(seconds=max(30, late))),
            }
        )

    def open_issue(
        self,
        repository: Repository,
        user: str,
        at: datetime,
        *,
        title: str,
        **said: Any,
    ) -> Row:
        """Open an issue; with `pull`, the facts of a pull request, that one."""
        issue = new_issue(repository.next_number, user, stamp(at), title=title, **said)
        issue["id"] = self.new_id("issues")
        if issue["pull"]:
            issue["pull"] = {"id": self.new_id("pulls"), **issue["pull"]}
        repository.next_number += 1
        repository.by_number[issue["number"]] = issue
        repository.tables["issues"].add(issue)
        kind = "PullRequestEvent" if issue["pull"] else "IssuesEvent"
        self.note(repository, kind, user, at, action="opened", number=issue["number"])
        return issue

    def change_issue(
        self, repository: Repository, issue: Row, at: datetime, **values: Any
    ) -> None:
        """Change what an issue says; its time of change moves with it."""
        changed = {**values, "updated_at": stamp(at)}
        repository.tables["issues"].update(issue, changed)

    def close_issue(
        self,
        repository: Repository,
        issue: Row,
        user: str,
        at: datetime,
        *,
        reason: str | None = "completed",
    ) -> None:
        values: Row = {"state": "closed", "closed_at": stamp(at), "closed_by": user}
        values["state_reason"] = None if issue["pull"] else reason
        self.change_issue(repository, issue, at, **values)
        kind = "PullRequestEvent" if issue["pull"] else "IssuesEvent"
        self.note(repository, kind, user, at, action="closed", number=issue["number"])

    def delete_issue(self, repository: Repository, issue: Row) -> None:
        """Delete an issue: it is in no list any more, and nothing tells of it."""
        repository.tables["issues"].remove(issue["id"])
        del repository.by_number[issue["number"]]
        repository.deleted.add(issue["number"])

    def comment(
        self, repository: Repository, issue: Row, user: str, at: datetime, *, body: str
    ) -> Row:
        comment = {
            "id": self.new_id("comments"),
            "issue": issue["number"],
            "user": user,
            "body": body,
            "created_at": stamp(at),
            "updated_at": stamp(at),
        }
        repository.tables["comments"].add(comment)
        # "Recently updated" counts a comment as a change of its issue.
        self.change_issue(repository, issue, at, comments=issue["comments"] + 1)
        self.note(
            repository,
            "IssueCommentEvent",
            user,
            at,
            action="created",
            number=issue["number"],
        )
        return comment


def new_issue(number: int, user: str, at: str, *, title: str, **said: Any) -> Row:
    """Make the row of an issue as it is when it was just opened."""
    return {
        "number": number,
        "title": title,
        "body": None,
        "state": "open",
        "state_reason": None,
        "user": user,
        "labels": [],
        "assignees": [],
        "milestone": None,
        "locked": False,
        "comments": 0,
        "created_at": at,
        "updated_at": at,
        "closed_at": None,
        "closed_by": None,
        "pull": None,
        **said,
    }


def sha_of(*names: object) -> str:
    """Make a commit's name out of what tells it apart."""
    return hashlib.sha1("/".join(map(str, names)).encode()).hexdigest()  # noqa: S324
