"""Many rows at once, for tests of volume; and history written anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from elt.testing.apis.github import deeds
from elt.testing.apis.github.life import new_pull
from elt.testing.apis.github.runs import start_run
from elt.testing.apis.github.tables import Repository, Row, stamp
from elt.testing.apis.github.world import World, new_issue, sha_of

_Make = Callable[[World, Repository, int, str], Row]


def add(
    world: World, repository: Repository, kind: str, number: int, now: datetime
) -> list[Row]:
    """Add rows, one for each second that ends now. Raises KeyError for the kind."""
    if kind == "runs":
        return [start_run(world, repository, "nils-l", now) for _ in range(number)]
    make = _MAKERS[kind]
    begin = now - timedelta(seconds=number)
    times = (stamp(begin + timedelta(seconds=index)) for index in range(number))
    rows = [make(world, repository, index, at) for index, at in enumerate(times)]
    table = "issues" if kind == "pulls" else kind
    repository.tables[table].add_all(rows)
    return rows


def force_push(world: World, repository: Repository, number: int) -> list[Row]:
    commits = repository.tables["commits"]
    main = [row for row in commits.rows.values() if row["branch"] == deeds.MAIN]
    last = sorted(main, key=lambda row: (row["committed_at"], row["id"]))[-number:]
    parents = last[0]["parents"]
    made = []
    for old in last:
        commits.remove(old["id"])
        new = {**old, "id": world.new_id("commits"), "parents": parents}
        new["sha"] = sha_of(repository.id, new["id"], old["message"])
        made.append(commits.add(new))
        parents = [new["sha"]]
    branches = repository.tables["branches"]
    head = branches.find("name", deeds.MAIN)
    if head:
        branches.update(head, {"sha": parents[0]})
    return made


def _issue(world: World, repository: Repository, index: int, at: str) -> Row:
    row = new_issue(repository.next_number, "tomasz-k", at, title=f"Issue {index}")
    row |= {"id": world.new_id("issues"), "labels": []}
    repository.by_number[row["number"]] = row
    repository.next_number += 1
    return row


def _pull(world: World, repository: Repository, index: int, at: str) -> Row:
    row = _issue(world, repository, index, at)
    head = sha_of(repository.id, "head", row["number"])
    pull = new_pull(f"branch-{index}", head, head)
    row["pull"] = {"id": world.new_id("pulls"), **pull}
    return row


def _comment(world: World, repository: Repository, index: int, at: str) -> Row:
    return {
        "id": world.new_id("comments"),
        "issue": max(1, repository.next_number - 1),
        "user": "tomasz-k",
        "body": f"Comment {index}",
        "created_at": at,
        "updated_at": at,
    }


def _commit(world: World, repository: Repository, index: int, at: str) -> Row:
    number = world.new_id("commits")
    return {
        "id": number,
        "sha": sha_of(repository.id, number),
        "message": f"Commit {index}",
        "author": "tomasz-k",
        "committer": "tomasz-k",
        "written_at": at,
        "committed_at": at,
        "parents": [],
        "branch": deeds.MAIN,
        "issue": None,
        "path": "roster/shifts.py",
    }


def _star(world: World, repository: Repository, index: int, at: str) -> Row:
    del repository, index
    return {"id": world.new_id("stars"), "user": "tomasz-k", "starred_at": at}


def _release(world: World, repository: Repository, index: int, at: str) -> Row:
    del repository
    return {
        "id": world.new_id("releases"),
        "tag": f"nightly-{index}",
        "name": f"Nightly {index}",
        "body": "",
        "draft": False,
        "prerelease": True,
        "author": "tomasz-k",
        "created_at": at,
        "published_at": at,
    }


def _event(world: World, repository: Repository, index: int, at: str) -> Row:
    del repository, index
    return {
        "id": world.new_id("events"),
        "type": "WatchEvent",
        "actor": "tomasz-k",
        "payload": {"action": "started"},
        "created_at": at,
        "seen_at": at,
    }


_MAKERS: dict[str, _Make] = {
    "issues": _issue,
    "pulls": _pull,
    "comments": _comment,
    "commits": _commit,
    "stars": _star,
    "releases": _release,
    "events": _event,
}
