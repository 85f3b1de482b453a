"""How an asset or a run ended, in words: rejects alone leave it done, with a count."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from elt.events import is_left_out, only_rejects
from elt.report.figures import counted
from elt.report.marks import DONE_WITH


class Ended(Protocol):
    """A result as an event or the run log has it."""

    @property
    def status(self) -> str: ...
    @property
    def rejects(self) -> int: ...
    @property
    def message(self) -> str: ...


def ending(result: Ended) -> str:
    """Give the status of a result, or `done with 2 rejects`."""
    if only_rejects(result.status, result.rejects, result.message):
        return done_with(result.rejects)
    return result.status


def run_ending(status: str, results: Iterable[Ended]) -> str:
    """Give the status of a run, or `done with 2 rejects` where nothing else is up."""
    warned = [each for each in results if each.status == "warned"]
    alone = all(only_rejects(e.status, e.rejects, e.message) for e in warned)
    if status == "warned" and warned and alone:
        return done_with(sum(each.rejects for each in warned))
    return status


def left_out(results: Iterable[Ended]) -> str:
    """Count the streams that their taps may not read; empty where there is none."""
    number = sum(is_left_out(each.status, each.message) for each in results)
    return f"{counted(number, 'stream')} skipped by the tap" if number else ""


def done_with(rejects: int) -> str:
    return f"{DONE_WITH} {counted(rejects, 'reject')}"
