"""Which path is answered by what.

A repository has two addresses, by name and by number; `Link` and redirects give the
second one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from elt.testing.apis.github import places, singles, writes
from elt.testing.apis.github.answers import Answer, not_found
from elt.testing.apis.github.asks import Ask
from elt.testing.apis.github.listings import LISTINGS
from elt.testing.apis.github.lists import answer_list

Act = Callable[[Ask], Answer]

_NAMED = r"/repos/(?P<owner>[^/]+)/(?P<repo>[^/]+)"
_BY_NUMBER = r"/repositories/(?P<id>\d+)"
_ORG = r"/(?:orgs/(?P<org>[^/]+)|organizations/(?P<id>\d+))"
_PARTS = {"n": r"\d+", "pull": r"\d+", "name": r"[^/]+"}
_USER = r"/(?:users/(?P<user>[^/]+)|user/(?P<id>\d+))"


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    act: Act


_OF_REPOSITORY: tuple[tuple[str, str, Act], ...] = (
    ("GET", "", places.repository),
    ("PATCH", "", writes.change_repository),
    ("POST", "/issues", writes.open_issue),
    ("GET", "/issues/{n}", singles.issue),
    ("PATCH", "/issues/{n}", writes.change_issue),
    ("POST", "/issues/{n}/comments", writes.comment),
    ("PATCH", "/issues/comments/{n}", writes.change_comment),
    ("GET", "/pulls/{n}", singles.pull),
    ("GET", "/commits/(?P<sha>[^/]+)", singles.commit),
    ("GET", "/stargazers", singles.stargazers),
    ("GET", "/actions/runs", singles.runs),
    ("GET", "/actions/runs/{n}/jobs", singles.jobs),
    ("GET", "/events", singles.events),
    ("GET", "/contributors", singles.contributors),
    ("GET", "/collaborators", singles.collaborators),
    ("GET", "/stats/commit_activity", singles.activity),
    ("GET", "/traffic/views", singles.views),
    ("GET", "/traffic/clones", singles.clones),
    ("GET", "/traffic/popular/paths", singles.popular_paths),
    ("GET", "/traffic/popular/referrers", singles.popular_referrers),
    *(
        ("GET", single.path, partial(singles.single, asked=single))
        for single in singles.SINGLES
    ),
    *(
        ("GET", listing.path, partial(answer_list, listing=listing))
        for listing in LISTINGS
    ),
)
_OTHERS: tuple[tuple[str, str, Act], ...] = (
    ("GET", "/user", places.me),
    ("GET", "/user/repos", places.my_repositories),
    ("GET", _USER, places.user),
    ("GET", f"{_USER}/repos", places.repositories_of_user),
    ("GET", _ORG, places.organization),
    ("GET", f"{_ORG}/repos", places.repositories_of_organization),
    ("GET", f"{_ORG}/members", places.members),
    ("GET", f"{_ORG}/teams", places.teams),
    ("GET", f"{_ORG}/teams/(?P<slug>[^/]+)/members", places.team_members),
    (
        "GET",
        f"{_ORG}/teams/(?P<slug>[^/]+)/memberships/(?P<user>[^/]+)",
        places.membership,
    ),
    ("GET", f"{_ORG}/team/{{n}}/members", places.team_members),
)


def _routes() -> tuple[Route, ...]:
    made = [Route(method, _compiled(path), act) for method, path, act in _OTHERS]
    for method, path, act in _OF_REPOSITORY:
        for address in (_NAMED, _BY_NUMBER):
            pattern = _compiled(f"{address}(?P<rest>{path})")
            made.append(Route(method, pattern, act))
    return tuple(made)


def _compiled(path: str) -> re.Pattern[str]:
    for name, pattern in _PARTS.items():
        path = path.replace(f"{{{name}}}", f"(?P<{name}>{pattern})")
    return re.compile(path)


ROUTES = _routes()


def answer(ask: Ask) -> Answer:
    """Answer one request. Raises Refused, for what is not there too."""
    for route in ROUTES:
        if route.method != ask.method:
            continue
        found = route.pattern.fullmatch(ask.path)
        if found:
            parts = found.groupdict()
            ask.found = {name: part for name, part in parts.items() if part is not None}
            return route.act(ask)
    raise not_found()
