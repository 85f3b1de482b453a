"""One line of the table: what was compared, what came of it, and the verdict."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from measuring import Measured
from pairs import START_ALLOWED_SECONDS, Turns, median_seconds

Verdict = Literal["met", "MISSED", "shown", "skipped", "FAILED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A row of the page; `must` is empty where nothing was promised."""

    work: str
    against: str = ""
    ours: str = ""
    ratio: str = ""
    must: str = ""
    verdict: Verdict
    note: str = ""


def verdict(value: float, allowed: float) -> Verdict:
    return "met" if value <= allowed else "MISSED"


def ratio_result(
    turns: Turns, *, work: str, against: str, allowed: float, note: str = ""
) -> Result:
    """Say how a limit and elt compare, starts taken off."""
    decided = verdict(turns.ratio, allowed) if turns.can_be_compared else "shown"
    too_little = "" if turns.can_be_compared else "too little work to compare"
    return Result(
        work=work,
        against=f"{against}: {_seconds(turns.limit, turns.limit_start)}",
        ours=_seconds(turns.ours, turns.our_start),
        ratio=f"{turns.ratio:.2f} ({turns.spread})",
        must=f"<= {allowed}",
        verdict=decided,
        note="; ".join(
            filter(None, [_used(turns), note, _slow_start(turns), too_little])
        ),
    )


def _seconds(found: Sequence[Measured], start: float) -> str:
    whole = f"{median_seconds(found):.2f} s"
    return f"{whole}, of which {start:.2f} s of start" if start else whole


def _used(turns: Turns) -> str:
    """Tell the time of both cores, which counts less what else the machine does."""
    ours, limit = (
        statistics.median(one.cpu_seconds for one in found)
        for found in (turns.ours, turns.limit)
    )
    return f"{ours:.1f} s of processors with its start, against {limit:.1f} s"


def _slow_start(turns: Turns) -> str:
    if turns.our_start <= START_ALLOWED_SECONDS:
        return ""
    return f"only {START_ALLOWED_SECONDS} s of the start are taken off"
