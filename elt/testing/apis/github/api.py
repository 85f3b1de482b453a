"""The simulated GitHub: one application, also under the prefix of an own server.

with served(GitHub(seed=7)) as github:
...  # ask github.origin, or f"{github.origin}/api/v3"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from elt.testing.apis.clock import Clock
from elt.testing.apis.front import Front
from elt.testing.apis.github import bulk
from elt.testing.apis.github.answers import Answer, Refused, timed_out
from elt.testing.apis.github.asks import Ask, Elsewhere, Knobs
from elt.testing.apis.github.callers import Callers, Token, unlimited
from elt.testing.apis.github.made_up import ORGANIZATION, PEOPLE, MadeUp
from elt.testing.apis.github.paging import per_page_of
from elt.testing.apis.github.replies import (
    ENTERPRISE,
    check_accept,
    is_enterprise,
    read_version,
    reply,
    wants_agent,
)
from elt.testing.apis.github.routes import answer
from elt.testing.apis.github.shapes.site import Site
from elt.testing.apis.github.tables import Repository, Row, stamp
from elt.testing.apis.github.world import World
from elt.testing.apis.kept import note_change
from elt.testing.apis.switches import Tokens
from elt.testing.company import TODAY

_EVERY_SCOPE = frozenset({"repo", "read:org", "workflow"})


class GitHub:
    """One organisation with three repositories: public, private, and empty.

    `token` is an owner's; that of `reader` may read all and not push; more are made
    with `add_token`. With `company=False` there is the organisation and its people, and
    nothing in it. Limits and depths are GitHub's: set smaller ones in tests; with
    `limited=False` one may ask as often as one likes.
    """

    name = "github"
    token = "ghp_simulated_owner"  # noqa: S105
    reader = "ghp_simulated_reader"

    def __init__(
        self,
        *,
        seed: int = 7,
        clock: Clock | None = None,
        writes: Path | None = None,
        company: bool = True,
        limited: bool = True,
        callers: Callers | None = None,
    ) -> None:
        self.clock = clock or Clock(datetime.combine(TODAY, time(12), UTC))
        self.world = World()
        self.knobs = Knobs()
        self.callers = callers or (
            Callers(self.clock) if limited else unlimited(self.clock)
        )
        self.between_pages: Callable[[str], None] | None = None
        self._made_up = MadeUp(seed, self.world, company=company)
        self.callers.tokens.update(_tokens())
        self._catch_up()
        tokens = Tokens(self._let_in, self.revoke)
        self.front = Front(self._application, self.clock, writes=writes, tokens=tokens)

    def repository(self, name: str) -> Repository:
        """Give one of the organisation's repositories. Raises KeyError."""
        self._catch_up()
        found = self.world.find(ORGANIZATION, name)
        if found is None:
            raise KeyError(name)
        return found

    def add_token(
        self,
        secret: str,
        login: str,
        *,
        scopes: frozenset[str] = frozenset(),
        only: frozenset[str] | None = None,
        can_push: bool = False,
    ) -> None:
        """Give a person a token; one who is not there yet joins GitHub, not the org."""
        if login not in self.world.users:
            self.world.add_user(login, self.clock.now())
        token = Token(login=login, scopes=scopes, only=only, can_push=can_push)
        self.callers.tokens[secret] = token

    def _let_in(self, secret: str, scopes: frozenset[str] | None) -> None:
        """Change the scopes of a token; one that is not there yet is an owner's."""
        there = self.callers.tokens.get(secret) or _tokens()[GitHub.token]
        scopes = _EVERY_SCOPE if scopes is None else scopes
        self.callers.tokens[secret] = replace(there, scopes=scopes)

    def revoke(self, secret: str) -> None:
        del self.callers.tokens[secret]

    def add(self, kind: str, number: int, *, to: str = "roster") -> list[Row]:
        """Add rows to a repository's table: issues, comments, commits, stars ..."""
        repository = self.repository(to)
        return bulk.add(self.world, repository, kind, number, self.clock.now())

    def update(self, kind: str, number: int, values: Row, *, to: str = "roster") -> Row:
        """Change a row as somebody at GitHub would: its time of change moves on.

        `number` is the number of an issue or a pull request, else a row's id.
        """
        repository = self.repository(to)
        table = repository.tables[kind]
        row = repository.by_number[number] if kind == "issues" else table.rows[number]
        moved = {"updated_at": stamp(self.clock.now())} if "updated_at" in row else {}
        table.update(row, moved | values)
        return row

    def delete(self, number: int, *, from_: str = "roster") -> None:
        """Delete an issue or a pull request."""
        repository = self.repository(from_)
        self.world.delete_issue(repository, repository.by_number[number])

    def add_repository(
        self, name: str, *, owner: str | None = None, private: bool = False
    ) -> Repository:
        """Add an empty repository, of the organisation or of a person."""
        at = self.clock.now()
        return self.world.add_repository(name, at, owner=owner, private=private)

    def rename(self, name: str, new: str) -> None:
        self.world.rename(self.repository(name), new, self.clock.now())

    def block(self, name: str) -> None:
        """Take a repository down by a DMCA notice."""
        self.repository(name).blocked = stamp(self.clock.now())

    def force_push(self, name: str, commits: int) -> list[Row]:
        """Write the last commits of the main branch anew; give the new ones.

        The committer's dates are those of the old ones, as after a rebase that keeps
        them (`git rebase --committer-date-is-author-date`).
        """
        return bulk.force_push(self.world, self.repository(name), commits)

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._respond(request)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        self._catch_up()
        refusal = wants_agent(request)
        if refusal:
            return refusal
        token = Token(login=None)
        headers: dict[str, str] = {}
        try:
            check_accept(request)
            version = read_version(request)
            headers["X-GitHub-Api-Version-Selected"] = version
            token = self.callers.identify(request.headers.get("authorization"))
            answered = await self._answered(request, token, version)
        except Refused as refused:
            answered = refused.answer
        except Elsewhere as elsewhere:
            answered = elsewhere.answer
        return reply(request, answered, token, self.callers, headers)

    async def _answered(self, request: Request, token: Token, version: str) -> Answer:
        prefix = ENTERPRISE if is_enterprise(request) else ""
        base = f"{request.url.scheme}://{request.url.netloc}{prefix}"
        ask = Ask(
            world=self.world,
            site=Site(self.world, base, version),
            token=token,
            knobs=self.knobs,
            now=self.clock.now(),
            method=request.method,
            path=request.url.path.removeprefix(prefix),
            pairs=request.query_params.multi_items(),
            accept=request.headers.get("accept", ""),
        )
        if ask.path == "/rate_limit":
            return _rates(ask, self.callers, is_limited=not prefix)
        if not prefix:
            self.callers.admit(token, writes=ask.method != "GET")
        if ask.method != "GET":
            ask.body = await _body(request)
        self._meddle(ask)
        if self._takes_too_long(ask):
            return timed_out()
        answered = answer(ask)
        if ask.has_changed:
            note_change(request.scope)
        return answered

    def _catch_up(self) -> None:
        self._made_up.live_until(self.clock.now())

    def _meddle(self, ask: Ask) -> None:
        """Let the test change rows before a page that is not the first.

        A client may go on by a time as well as by a page.
        """
        further = {"after", "since"} & ask.query.keys()
        is_further = ask.query.get("page", "1") != "1" or bool(further)
        if self.between_pages and is_further:
            self.between_pages(ask.path)

    def _takes_too_long(self, ask: Ask) -> bool:
        return any(
            re.search(pattern, ask.path) and per_page_of(ask.pairs) > most
            for pattern, most in self.knobs.large_pages.items()
        )


def _tokens() -> dict[str, Token]:
    return {
        GitHub.token: Token(login=PEOPLE[0][0], scopes=_EVERY_SCOPE, can_push=True),
        GitHub.reader: Token(login=PEOPLE[5][0], scopes=_EVERY_SCOPE),
    }


def _rates(ask: Ask, callers: Callers, *, is_limited: bool) -> Answer:
    """Tell what is left, which costs nothing (docs.github.com, Get rate limit)."""
    if not is_limited:
        raise Refused(404, "Rate limiting is not enabled.", docs="/rate-limit")
    headers = callers.allowance(ask.token).headers
    names = ("Limit", "Remaining", "Reset", "Used")
    core = {name.lower(): int(headers[f"X-RateLimit-{name}"]) for name in names}
    search = {**core, "limit": 30, "remaining": 30, "used": 0}
    content = {"resources": {"core": core, "search": search}, "rate": core}
    return Answer(content=ask.site.fit(content))


async def _body(request: Request) -> object:
    try:
        return await request.json()
    except ValueError:
        raise Refused(400, "Problems parsing JSON") from None
