"""One request, as those see it who answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from elt.testing.apis.github.answers import Answer, Refused, blocked, moved, not_found
from elt.testing.apis.github.callers import Token, may_push, may_see, permissions
from elt.testing.apis.github.paging import Page, Pairs
from elt.testing.apis.github.shapes.site import Site
from elt.testing.apis.github.tables import Repository
from elt.testing.apis.github.world import World


@dataclass(slots=True, kw_only=True)
class Knobs:
    """What a test may set; the numbers are GitHub's own."""

    issues_by_page: int = 10_000
    releases: int = 10_000
    stargazers: int = 40_000
    comments: int = 30_000
    runs: int = 1_000
    events: int = 300
    statistics_asks: int = 1  # so often 202 is said before statistics are there
    large_pages: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Ask:
    """A request, who makes it, and the world that it is made to."""

    world: World
    site: Site
    token: Token
    knobs: Knobs
    now: datetime
    method: str
    path: str  # without the prefix of an Enterprise server
    pairs: Pairs  # the query
    accept: str
    body: Any = None
    found: Mapping[str, str] = field(default_factory=dict)  # parts of the path
    has_changed: bool = False

    @property
    def query(self) -> dict[str, str]:
        return dict(self.pairs)

    def repository(self) -> Repository:
        """Find the repository of the path, where the caller may see it.

        Raises Elsewhere for its old name, and Refused.
        """
        if "id" in self.found:
            repository = self.world.repositories.get(int(self.found["id"]))
        else:
            repository = self.world.find(self.found["owner"], self.found["repo"])
        members = self.world.members
        if repository is None or not may_see(self.token, repository, members):
            raise not_found("/repos/repos#get-a-repository")
        if repository.blocked:
            raise Elsewhere(blocked(repository.blocked))
        if "id" not in self.found:
            self._check_name(repository)
        return repository

    def address(self, repository: Repository) -> str:
        """Give this request's address with the repository's number in it."""
        rest = self.found.get("rest", "")
        return f"{self.site.base}/repositories/{repository.id}{rest}"

    def pushes(self, repository: Repository) -> bool:
        return may_push(self.token, repository, self.world.members)

    def permissions(self, repository: Repository) -> dict[str, bool]:
        return permissions(self.token, repository, self.world.members)

    def need_login(self) -> None:
        if self.token.login is None:
            raise Refused(401, "Requires authentication")

    def _check_name(self, repository: Repository) -> None:
        asked = f"{self.found['owner']}/{self.found['repo']}"
        if asked.lower() == repository.full_name.lower():
            return
        query = urlencode(self.pairs)
        location = self.address(repository) + (f"?{query}" if query else "")
        raise Elsewhere(moved(location, again=self.method != "GET"))


class Elsewhere(Exception):
    """An answer in place of the one that was asked for."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.status))
        self.answer = answer


def paged(page: Page, content: Any, **headers: str) -> Answer:
    """Answer with a page of a list and its links."""
    links = {"Link": page.links} if page.links else {}
    return Answer(content=content, headers={**links, **headers})
