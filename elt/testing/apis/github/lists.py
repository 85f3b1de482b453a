"""Lists of a repository's rows: one table, and how each of its lines is answered."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from elt.testing.apis.github.answers import Answer, invalid
from elt.testing.apis.github.asks import Ask, Knobs, paged
from elt.testing.apis.github.paging import Depth, by_cursor, numbered, place_in
from elt.testing.apis.github.shapes.site import Site
from elt.testing.apis.github.tables import Repository, Row

Test = Callable[[Row], bool]
Fits = tuple[Hashable, Test]  # a test, and a name that tells it from others
Shape = Callable[[Site, Repository, Row], Row]


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter that leaves rows out; `make` raises ValueError for nonsense."""

    name: str
    make: Callable[[str], Test]
    usual: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A list: where it is, what is in it, and what may be asked of it.

    A parameter that it does not know is ignored; a wrong value of one that it knows is
    422 where GitHub's OpenAPI description has a `validation_failed` for the list, which
    names its `resource` then, and ignored elsewhere: singer-io/tap-github asks for
    review comments with `sort=updated_at`, and gets them in the usual order.
    """

    path: str  # behind the repository's; {n} is a number
    table: str
    shape: Shape
    docs: str
    resource: str | None = None
    order: str = "id"  # the column of the usual order
    sorts: Mapping[str, str] = field(default_factory=dict)
    descends: bool = False
    direction_needs_sort: bool = False
    filters: tuple[Filter, ...] = ()
    parent: str | None = None  # the column that {n} is about
    has_cursors: bool = False
    depth: Callable[[Knobs], Depth] | None = None
    may_list: Callable[[Ask, Repository], None] | None = None  # raises what forbids it
    # What the caller or the time leaves out.
    fits: Callable[[Ask, Repository], Fits] | None = None


@dataclass(frozen=True, slots=True)
class _Order:
    column: str
    descends: bool


def answer_list(ask: Ask, listing: Listing) -> Answer:
    """Answer with one page of a list. Raises Refused and Elsewhere."""
    repository = ask.repository()
    if listing.may_list:
        listing.may_list(ask, repository)
    order = _order(ask, listing)
    rows = chosen(ask, listing, repository, order.column)
    address = ask.address(repository)
    if listing.has_cursors:
        page = by_cursor(
            rows,
            ask.pairs,
            address,
            order=order.column,
            descends=order.descends,
            deepest=ask.knobs.issues_by_page,
        )
    else:
        depth = listing.depth(ask.knobs) if listing.depth else None
        ordered = Backwards(rows) if order.descends else rows
        page = numbered(ordered, ask.pairs, address, depth)
    shape = listing.shape
    return paged(page, [shape(ask.site, repository, row) for row in page.rows])


def chosen(
    ask: Ask, listing: Listing, repository: Repository, column: str
) -> list[Row]:
    """Give the rows that the request's filters leave, in ascending order."""
    tests, said = _tests(ask, listing)
    if listing.parent:
        tests.append(_of_parent(listing.parent, int(ask.found["n"])))
    name: Hashable = None
    if listing.fits:
        name, test = listing.fits(ask, repository)
        tests.append(test)
    return repository.tables[listing.table].listed(
        (listing.path, said, ask.found.get("n"), name, column),
        lambda row: all(test(row) for test in tests),
        place_in(column),
    )


def _of_parent(column: str, number: int) -> Test:
    return lambda row: bool(row[column] == number)


class Backwards:
    """A list from its end, without a copy of it."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, part: slice) -> list[Row]:
        begin, end, _ = part.indices(len(self._rows))
        size = len(self._rows)
        return self._rows[max(0, size - end) : max(0, size - begin)][::-1]


def _order(ask: Ask, listing: Listing) -> _Order:
    sort = _choice(ask, listing, "sort", tuple(listing.sorts))
    direction = _choice(ask, listing, "direction", ("asc", "desc"))
    if direction is None or (sort is None and listing.direction_needs_sort):
        direction = "desc" if listing.descends else "asc"
        # List pull requests: descending by `created` and asc by any other sort.
        if listing.resource == "PullRequest" and sort not in {None, "created"}:
            direction = "asc"
    column = listing.sorts[sort] if sort else listing.order
    return _Order(column, direction == "desc")


def _choice(
    ask: Ask, listing: Listing, name: str, choices: tuple[str, ...]
) -> str | None:
    value = ask.query.get(name)
    if value is None or value in choices:
        return value
    if listing.resource:
        raise invalid(listing.resource, name, value, listing.docs)
    return None


def _tests(ask: Ask, listing: Listing) -> tuple[list[Test], tuple[Any, ...]]:
    tests, said, query = [], [], ask.query
    for known in listing.filters:
        value = query.get(known.name, known.usual)
        if value is None:
            continue
        try:
            tests.append(known.make(value))
        except ValueError:
            if listing.resource:
                raise invalid(
                    listing.resource, known.name, value, listing.docs
                ) from None
            continue
        said.append((known.name, value))
    return tests, tuple(said)
