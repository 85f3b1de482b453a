"""Members and teams of organisations, read in full: who is gone is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from elt.taps.github.parts import Account, tell
from elt.taps.github.places import Left, key_of
from elt.taps.github.streams import OfOrganization, OfTeams
from elt.taps.github.tokens import Place
from elt.taps.rest.ahead import pages, read_at
from elt.taps.rest.calls import Call
from elt.taps.rest.paging import Page, link_header
from elt.taps.rest.problems import NotReadable
from elt.taps.rest.reading import Chunk, Reading
from elt.taps.rest.rows import with_fields

_TEAMS = "/orgs/{org}/teams"


def lists(kind: OfOrganization, account: Account, reading: Reading) -> Iterator[Chunk]:
    """Read a list of each organisation."""

    def read(org: str, place: Place) -> Iterator[Chunk]:
        add = with_fields({"organization": org})
        for page in _pages(place, kind.path.format(org=org)):
            yield Chunk(records=[*map(add, page.records)])

    yield from _each(account, reading, read)


def lists_of_teams(
    kind: OfTeams, account: Account, reading: Reading
) -> Iterator[Chunk]:
    """Read a list of each team of each organisation."""

    def read(org: str, place: Place) -> Iterator[Chunk]:
        for page in _pages(place, _TEAMS.format(org=org)):
            for team in page.records:
                yield from of_team(org, place, int(key_of(team, "id")), team)

    def of_team(org: str, place: Place, number: int, team: bytes) -> Iterator[Chunk]:
        slug = key_of(team, "slug")
        names = {"organization": org, "team_id": number, "team_slug": slug}
        add = with_fields(names)
        for page in _pages(place, kind.path.format(org=org, team=slug)):
            yield Chunk(records=[*map(add, page.records)])

    yield from _each(account, reading, read)


def _each(
    account: Account,
    reading: Reading,
    read: Callable[[str, Place], Iterator[Chunk]],
) -> Iterator[Chunk]:
    left: list[Left] = []
    organizations = account.wanted.organizations
    for org in organizations:
        try:
            yield from read(org, account.tokens.place(f"{org}/"))
        except NotReadable as error:
            left.append(Left(org, error, {"organization": org}))
    tell(reading, left, len(organizations))


def _pages(place: Place, path: str) -> Iterator[Page]:
    call = Call(path=path, params={"per_page": 100})
    return pages(place, call, read_at(), link_header)
