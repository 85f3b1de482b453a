"""What bounds a list: how deep it goes, what is hidden, what forbids it."""

from __future__ import annotations

from datetime import timedelta

from elt.testing.apis.github.answers import ONLY_FIRST, TOO_DEEP, Refused
from elt.testing.apis.github.asks import Ask, Knobs
from elt.testing.apis.github.lists import Filter, Fits, Test
from elt.testing.apis.github.paging import Depth
from elt.testing.apis.github.tables import Repository, stamp

_DAYS_OF_EVENTS = 30  # docs.github.com, REST API endpoints for events


def comments_depth(knobs: Knobs) -> Depth:
    """PyGithub/PyGithub#2558: a repository's comments end at 30,000."""
    return Depth(most=knobs.comments, says=TOO_DEEP)


def releases_depth(knobs: Knobs) -> Depth:
    """MeltanoLabs/tap-github#182: with the words that are said beyond."""
    return Depth(most=knobs.releases, says=ONLY_FIRST.format(most=knobs.releases))


def stars_depth(knobs: Knobs) -> Depth:
    """MeltanoLabs/tap-github#120: 400 pages of 100."""
    return Depth(most=knobs.stargazers, says=TOO_DEEP)


def events_depth(knobs: Knobs) -> Depth:
    """MeltanoLabs/tap-github#26: page 4 of 100 is refused."""
    return Depth(most=knobs.events, says=TOO_DEEP)


def has_issues(_: Ask, repository: Repository) -> None:
    if not repository.has_issues:
        raise Refused(410, "Issues has been disabled in this repository.")


def has_commits(_: Ask, repository: Repository) -> None:
    if repository.is_empty:
        docs = "/commits/commits#list-commits"
        raise Refused(409, "Git Repository is empty.", docs=docs)


def commits_of(ask: Ask, repository: Repository) -> Fits:
    """Keep what is on the branch, or on it and not after the commit, of `sha`."""
    wanted = ask.query.get("sha", "main")
    if repository.tables["branches"].find("name", wanted):
        return wanted, lambda row: row["branch"] in {"main", wanted}
    found = repository.tables["commits"].find("sha", wanted)
    if found is None:
        raise Refused(404, f"No commit found for SHA: {wanted}")
    branches, last = {"main", found["branch"]}, found["committed_at"]
    return wanted, lambda row: row["branch"] in branches and row["committed_at"] <= last


def seen_events(ask: Ask, _: Repository) -> Fits:
    """Keep what is neither too young to be shown nor too old."""
    now = stamp(ask.now)
    oldest = stamp(ask.now - timedelta(days=_DAYS_OF_EVENTS))
    return now, lambda row: bool(row["seen_at"] <= now and row["created_at"] >= oldest)


def seen_releases(ask: Ask, repository: Repository) -> Fits:
    """Drafts are for those who may push (docs.github.com, List releases)."""
    pushes = ask.pushes(repository)
    return pushes, lambda row: bool(pushes or not row["draft"])


def pulls_only(_: Ask, __: Repository) -> Fits:
    return None, lambda row: row["pull"] is not None


def branch_of(name: str) -> Filter:
    """Keep pull requests of a branch; `head` is named with its owner before it."""

    def make(text: str) -> Test:
        wanted = text.rpartition(":")[2]
        return lambda row: bool(row["pull"] and row["pull"][name] == wanted)

    return Filter(name, make)


def pull_commits_depth(_: Knobs) -> Depth:
    """docs.github.com, List commits on a pull request: at most 250."""
    return Depth(most=250, says=TOO_DEEP)
