"""Which repositories are read: those of organisations, of people, and of a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from elt.errors import ConfigError
from elt.taps.github.tokens import Place, Tokens
from elt.taps.rest.ahead import pages, read_at
from elt.taps.rest.calls import Call
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.paging import link_header
from elt.taps.rest.problems import NotReadable
from elt.taps.rest.rows import Record

_GLOB = frozenset("*?[")
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the config asks for. `repositories` and `exclude` may have globs."""

    organizations: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    archived: bool = True
    forks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What is known of a repository before it is read.

    Its number stays when it is renamed or given to somebody else, so that is what its
    state goes by; its name is the one it has now.
    """

    id: int
    full_name: str
    default_branch: str
    created_at: str
    record: Record

    @property
    def part(self) -> str:
        return str(self.id)

    @property
    def path(self) -> str:
        return f"/repos/{self.full_name}"


@dataclass(frozen=True, slots=True)
class Left:
    """What may not be read, by its name; `rows` are values that tell its rows."""

    name: str
    error: NotReadable
    rows: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Repositories by name, and what of the config cannot be read."""

    repositories: tuple[Repository, ...]
    left_out: tuple[Left, ...]


class _Shape(msgspec.Struct):
    id: int
    full_name: str
    created_at: str
    default_branch: str | None = None
    archived: bool = False
    fork: bool = False


_shape = msgspec.json.Decoder(_Shape).decode


def wanted_of(config: Mapping[str, Any]) -> Wanted:
    """Read the config. Raises ConfigError where it names nothing, or no repository."""
    lists = ("organizations", "users", "repositories", "exclude")
    found = Wanted(
        **{name: tuple(config.get(name) or ()) for name in lists},
        archived=config.get("archived") is not False,
        forks=bool(config.get("forks")),
    )
    if not (found.organizations or found.users or found.repositories):
        raise ConfigError(
            "no repository is named",
            hint='Write `organizations = ["acme"]`, `users = ["ann"]` or'
            ' `repositories = ["acme/site", "acme/app-*"]` in the tap\'s config',
        )
    for name in found.repositories:
        owner, _, rest = name.partition("/")
        if not owner or not rest or "/" in rest or _GLOB & set(owner):
            raise ConfigError(
                f"`{name}` in `repositories` is not the name of one",
                hint="Write owner and name, as in `acme/site`; the name may have globs",
            )
    return found


def find(tokens: Tokens, wanted: Wanted) -> Places:
    """Ask which repositories there are; each once, by name."""
    found: dict[int, Repository] = {}
    left: list[Left] = []
    for source, records in _sources(tokens, wanted):
        try:
            for record, token in records:
                shape = _shape(bytes(record))
                if _fits(shape, source, wanted):
                    found.setdefault(shape.id, _repository(shape, record))
                    tokens.saw(str(shape.id), token)
        except NotReadable as error:
            left.append(Left(source, error))
    ordered = sorted(found.values(), key=lambda r: r.full_name.lower())
    return Places(tuple(ordered), tuple(left))


_Found = Iterator[tuple[Record, int]]


def _sources(tokens: Tokens, wanted: Wanted) -> Iterator[tuple[str, _Found]]:
    for org in wanted.organizations:
        yield org, _listed(tokens, org, f"/orgs/{org}/repos", type="all")
    for user in wanted.users:
        yield user, _listed(tokens, user, f"/users/{user}/repos", type="owner")
    for name in wanted.repositories:
        if _GLOB & set(name):
            yield name, _matching(tokens, name.partition("/")[0])
        else:
            yield name, _named(tokens, name)


def _named(tokens: Tokens, name: str) -> _Found:
    """Ask for one; an old name leads to the new one (docs.github.com, redirects)."""
    place = tokens.place(name.lower())
    yield from (
        (record, tokens.number_of(place.key))
        for record in place.ask(Call(path=f"/repos/{name}"), read_at()).records
    )


def _matching(tokens: Tokens, owner: str) -> _Found:
    """List an owner's, who is an organisation or a person."""
    try:
        yield from _listed(tokens, owner, f"/orgs/{owner}/repos", type="all")
    except NotReadable as error:
        if error.status != _NOT_FOUND:
            raise
        yield from _listed(tokens, owner, f"/users/{owner}/repos", type="owner")


def _listed(tokens: Tokens, owner: str, path: str, **params: str) -> _Found:
    """List with every token: private repositories are in the list of who sees them."""
    call = Call(path=path, params={"per_page": 100, "sort": "full_name", **params})
    refused: NotReadable | None = None
    is_read = False
    for token in tokens.all:
        if token.is_refused:
            continue
        place = Place(tokens, f"{owner}/ by {token.number}")
        tokens.note(place.key, token)
        try:
            for page in pages(place, call, read_at(), link_header):
                yield from ((record, token.number) for record in page.records)
            is_read = True
        except NotReadable as error:
            refused = error
    if refused and not is_read:
        raise refused


def _fits(shape: _Shape, source: str, wanted: Wanted) -> bool:
    name = shape.full_name.lower()
    if any(fnmatchcase(name, pattern.lower()) for pattern in wanted.exclude):
        return False
    if "/" in source and not _GLOB & set(source):
        return True  # it was named, whatever it is
    if "/" in source and not fnmatchcase(name, source.lower()):
        return False
    return (wanted.archived or not shape.archived) and (wanted.forks or not shape.fork)


def _repository(shape: _Shape, record: Record) -> Repository:
    return Repository(
        id=shape.id,
        full_name=shape.full_name,
        default_branch=shape.default_branch or "",
        created_at=shape.created_at,
        record=record,
    )


def key_of(record: Record, *path: str) -> str:
    return str(value_at(msgspec.Raw(bytes(record)), path))
