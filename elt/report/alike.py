"""What failed for one reason, told once: else fifty streams would tell it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from elt.events import AssetFinished
from elt.report.endings import Ended
from elt.report.figures import counted
from elt.singer.diagnosis import of_no_stream

_NAMED = 12


class Result(Ended, Protocol):
    """A result that says whose it is."""

    @property
    def asset(self) -> str: ...


Some = TypeVar("Some", bound=Result)


def together(results: Iterable[Some]) -> list[list[Some]]:
    """Put streams side by side that ended alike and for the same reason."""
    groups: dict[object, list[Some]] = {}
    for each in results:
        has_reason = each.message and not each.rejects
        is_stream = each.asset.startswith("stream:")
        reason = (each.status, of_no_stream(each.message))
        key = reason if has_reason and is_stream else each.asset
        groups.setdefault(key, []).append(each)
    return list(groups.values())


class Gathered:
    """Keeps the results of streams until their step ends, or is to be tried again.

    They come together, when the tap has ended.
    """

    def __init__(self) -> None:
        self._held: dict[str, list[AssetFinished]] = {}

    def add(self, event: AssetFinished) -> list[list[AssetFinished]]:
        """Give what is not kept."""
        if not event.asset.startswith("stream:"):
            return [[event]]
        self._held.setdefault(event.step, []).append(event)
        return []

    def of(self, step: str) -> list[list[AssetFinished]]:
        return together(self._held.pop(step, []))


def common_words(results: list[Some]) -> str:
    """Give the reason of a group, and which streams it is of, if they are several."""
    if len(results) == 1:
        return results[0].message
    return f"{of_no_stream(results[0].message)} ({names(results)})"


def names(results: list[Some], most: int = _NAMED) -> str:
    """Name the streams of a group without their tap."""
    found = [each.asset.partition(":")[2].partition(".")[2] for each in results]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def group_name(results: list[Some]) -> str:
    """Name a group: its asset, or so many streams of a tap."""
    first = results[0].asset
    if len(results) == 1:
        return first
    tap = first.partition(":")[2].partition(".")[0]
    return f"{counted(len(results), 'stream')} of {tap}"
