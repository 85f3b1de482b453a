"""People, organisations and repositories, asked for by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from elt.testing.apis.github.answers import Answer, Refused, not_found
from elt.testing.apis.github.asks import Ask, paged
from elt.testing.apis.github.callers import may_see
from elt.testing.apis.github.paging import numbered
from elt.testing.apis.github.shapes import places
from elt.testing.apis.github.tables import Repository, Row


def me(ask: Ask) -> Answer:
    ask.need_login()
    row = ask.world.users[ask.token.login or ""]
    own = {"private_gists": 0, "total_private_repos": 1, "owned_private_repos": 1}
    own |= {"disk_usage": 0, "collaborators": 0}
    shaped = places.full_user(ask.site, row) | own
    shaped["two_factor_authentication"] = True
    return Answer(content=shaped, changed_at=row["created_at"])


def user(ask: Ask) -> Answer:
    row = _user(ask)
    if row["type"] == "Organization":
        row = {"company": None, "location": None, "email": None, **row}
    shaped = places.full_user(ask.site, row)
    return Answer(content=shaped, changed_at=row["created_at"])


def organization(ask: Ask) -> Answer:
    row = _organization(ask)
    shaped = places.organization(ask.site, row)
    return Answer(content=shaped, changed_at=row["created_at"])


def repositories_of_user(ask: Ask) -> Answer:
    """Give what is public; private ones are in /orgs/{org}/repos only."""
    row = _user(ask)
    every = [r for r in ask.world.repositories.values() if r.owner == row["login"]]
    rows = [repository for repository in every if not repository.private]
    address = f"{ask.site.base}/user/{row['id']}/repos"
    return _repositories(ask, rows, address, usual="full_name")


def repositories_of_organization(ask: Ask) -> Answer:
    row = _organization(ask)
    wanted = ask.query.get("type", "all")
    hides = {"public": {True}, "private": {False}, "forks": {True, False}}
    rows = [
        repository
        for repository in ask.world.repositories.values()
        if repository.owner == row["login"]
        and may_see(ask.token, repository, ask.world.members)
        and repository.private not in hides.get(wanted, set())
    ]
    address = f"{ask.site.base}/organizations/{row['id']}/repos"
    return _repositories(ask, rows, address, usual="created")


def my_repositories(ask: Ask) -> Answer:
    ask.need_login()
    every = ask.world.repositories.values()
    rows = [r for r in every if may_see(ask.token, r, ask.world.members)]
    return _repositories(ask, rows, f"{ask.site.base}/user/repos", usual="full_name")


def repository(ask: Ask) -> Answer:
    found = ask.repository()
    shaped = places.full_repository(ask.site, found, ask.permissions(found))
    return Answer(content=shaped, changed_at=found.updated_at)


def members(ask: Ask) -> Answer:
    """List members; to others only the public ones, and nobody made it public.

    docs.github.com, List organization members: concealed ones are for members.
    """
    row = _organization(ask)
    logins = list(ask.world.members) if _is_member(ask) else []
    wanted = ask.query.get("role", "all")
    roles = ask.world.members
    logins = [login for login in logins if wanted in {"all", roles[login]}]
    address = f"{ask.site.base}/organizations/{row['id']}/members"
    return _people(ask, logins, address)


def teams(ask: Ask) -> Answer:
    row = _organization(ask)
    _need_team_scope(ask)
    rows = list(ask.world.teams.values())
    address = f"{ask.site.base}/organizations/{row['id']}/teams"
    page = numbered(rows, ask.pairs, address, None)
    return paged(page, [places.team(ask.site, team) for team in page.rows])


def team_members(ask: Ask) -> Answer:
    row = _organization(ask)
    _need_team_scope(ask)
    team = _team(ask)
    address = f"{ask.site.base}/organizations/{row['id']}/team/{team['id']}/members"
    return _people(ask, team["members"], address)


def membership(ask: Ask) -> Answer:
    _organization(ask)
    _need_team_scope(ask)
    team, login = _team(ask), ask.found["user"]
    if login not in team["members"]:
        raise not_found("/teams/members#get-team-membership-for-a-user")
    role = "maintainer" if login == team["members"][0] else "member"
    url = f"{places.team(ask.site, team)['url']}/memberships/{login}"
    return Answer(content={"url": url, "role": role, "state": "active"})


def _repositories(
    ask: Ask, rows: list[Repository], address: str, *, usual: str
) -> Answer:
    sort = ask.query.get("sort", usual)
    keys: dict[str, Callable[[Repository], Any]] = {
        "created": lambda r: (r.created_at, r.id),
        "updated": lambda r: (r.updated_at, r.id),
        "pushed": lambda r: (r.pushed_at, r.id),
        "full_name": lambda r: r.full_name.lower(),
    }
    sort = sort if sort in keys else usual
    # By name from a to z, by time from the newest on, if nothing else is said.
    direction = ask.query.get("direction", "asc" if sort == "full_name" else "desc")
    rows = sorted(rows, key=keys[sort], reverse=direction == "desc")
    page = numbered(rows, ask.pairs, address, None)
    shaped = [places.repository(ask.site, r, ask.permissions(r)) for r in page.rows]
    return paged(page, shaped)


def _people(ask: Ask, logins: Sequence[str], address: str) -> Answer:
    page = numbered(logins, ask.pairs, address, None)
    return paged(page, ask.site.users(list(page.rows)))


def _user(ask: Ask) -> Row:
    found = ask.world.users.get(ask.found.get("user", ""))
    if "id" in ask.found:
        number = int(ask.found["id"])
        every = ask.world.users.values()
        found = next((row for row in every if row["id"] == number), None)
    if found is None:
        raise not_found("/users/users#get-a-user")
    return found


def _organization(ask: Ask) -> Row:
    row = ask.world.organization
    asked = ask.found.get("org", "").lower()
    if asked != row["login"] and ask.found.get("id") != str(row["id"]):
        raise not_found("/orgs/orgs#get-an-organization")
    return row


def _team(ask: Ask) -> Row:
    teams = ask.world.teams.values()
    asked = (ask.found.get("slug"), ask.found.get("n"))
    for team in teams:
        if team["slug"] == asked[0] or str(team["id"]) == asked[1]:
            return team
    raise not_found("/teams/teams#get-a-team-by-name")


def _is_member(ask: Ask) -> bool:
    scopes = ask.token.scopes
    return ask.token.login in ask.world.members and "read:org" in scopes


def _need_team_scope(ask: Ask) -> None:
    """Refuse who is no member, or whose token may not read the organisation.

    The OpenAPI description has 403 for List teams.
    """
    ask.need_login()
    if not _is_member(ask):
        raise Refused(
            403,
            "Resource not accessible by personal access token",
            docs="/teams/teams#list-teams",
        )
