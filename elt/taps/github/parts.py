"""One repository after the other, and none that stops the rest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from elt.errors import ConfigError, EltError, Unavailable
from elt.taps.github.places import Left, Places, Repository, Wanted, find
from elt.taps.github.tokens import Tokens
from elt.taps.rest.ahead import side_by_side
from elt.taps.rest.problems import NotReadable, QuotaSpent
from elt.taps.rest.reading import Chunk, Reading

Begun = TypeVar("Begun")
_MOST_NAMES = 5


@dataclass(slots=True, kw_only=True)
class Account:
    """What all streams of a run share."""

    tokens: Tokens
    wanted: Wanted
    began_at: datetime
    start: datetime | None
    logger: logging.Logger
    most: int = 4  # requests side by side
    lookback: timedelta = timedelta(days=7)
    commits_lookback: timedelta = timedelta(days=14)
    _found: Places | EltError | None = field(default=None)

    def places(self) -> Places:
        """Find the repositories, once. Raises what went wrong then, each time."""
        if self._found is None:
            try:
                self._found = find(self.tokens, self.wanted)
            except EltError as error:
                self._found = error
        if isinstance(self._found, EltError):
            raise self._found
        return self._found


def each_repository(
    account: Account,
    reading: Reading,
    begin: Callable[[Repository], Begun],
    read: Callable[[Repository, Begun], Iterator[Chunk]],
) -> Iterator[Chunk]:
    """Read all repositories: their beginnings side by side, their rows in order.

    One that may not be read is left out and told; one that fails is told when the
    others are done, and what was not reached of it comes again. Raises that error.
    """

    def attempt(repository: Repository) -> Begun | EltError:
        try:
            return begin(repository)
        except EltError as error:
            return error

    places = account.places()
    left = [*places.left_out]
    failed: list[tuple[str, EltError]] = []
    begun = side_by_side(attempt, places.repositories, most=account.most)
    for repository, first in begun:
        try:
            if isinstance(first, EltError):
                raise first
            yield from read(repository, first)
        except (ConfigError, QuotaSpent):
            raise
        except NotReadable as error:
            rows = {"repository_id": repository.part}
            left.append(Left(repository.full_name, error, rows))
        except EltError as error:
            account.logger.warning("%s: %s", repository.full_name, error)
            failed.append((repository.full_name, error))
    tell(reading, left, len(places.repositories) + len(places.left_out), failed)


def tell(
    reading: Reading,
    left: Sequence[Left],
    of: int,
    failed: Sequence[tuple[str, EltError]] = (),
) -> None:
    """Tell what could not be read. Raises what stands for all of it."""
    if failed:
        raise _one_of(failed)
    if left and len(left) == of:
        raise left[0].error
    reasons: dict[str, list[Left]] = {}
    for one in left:
        reasons.setdefault(one.error.what, []).append(one)
    for reason, alike in reasons.items():
        rows = [one.rows for one in alike if one.rows is not None]
        is_told = len(rows) == len(alike)
        names = _some([one.name for one in alike])
        reading.leave_out(f"{names}: {reason}", *(rows if is_told else ()))


def _one_of(failed: Sequence[tuple[str, EltError]]) -> EltError:
    temporary = all(isinstance(error, Unavailable) for _, error in failed)
    kind = Unavailable if temporary else EltError
    first = next(
        (e for _, e in failed if temporary or not isinstance(e, Unavailable)),
        failed[0][1],
    )
    names = _some([name for name, _ in failed])
    return kind(f"{names}: {first.what}", where=first.where, hint=first.hint)


def _some(names: Sequence[str]) -> str:
    told = ", ".join(names[:_MOST_NAMES])
    more = len(names) - _MOST_NAMES
    return f"{told} and {more} more" if more > 0 else told
