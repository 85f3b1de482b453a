"""Whether something is older than it may be, decided with the clock handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from elt.runner.graph import Graph

Freshness = Literal["fresh", "aging", "stale", "unknown"]
# What nobody can tell holds back, too: a watchdog that sees nothing has to bark.
TOO_OLD: frozenset[Freshness] = frozenset({"stale", "unknown"})
# Worst first.
ORDER: tuple[Freshness, ...] = ("stale", "unknown", "aging", "fresh")

_CLOCK_TOLERANCE = timedelta(minutes=5)
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_NEVER = {
    "stream": "was never loaded",
    "test": "never passed",
    "sync": "was never sent",
    "source": "has no rows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """How old an asset is, or a source that somebody else loads, and how old it may be.

    `last` is when it last ended well, or brought rows; None where it never did, or
    where nobody knows, and then `unknown` says why. `freshness` is None where nothing
    limits the age.
    """

    asset: str  # an asset's id, or `source:` and dbt's name of it
    freshness: Freshness | None
    last: datetime | None = None
    seconds: float | None = None
    max_seconds: float | None = None
    warn_seconds: float | None = None
    unknown: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()

    @property
    def is_too_old(self) -> bool:
        return self.freshness in TOO_OLD


def age_of(  # noqa: PLR0913  a moment, the clock and the limits
    asset: str,
    last: datetime | None,
    *,
    now: datetime,
    max_seconds: float | None = None,
    warn_seconds: float | None = None,
    unknown: str = "",
    owner: str = "",
    tags: tuple[str, ...] = (),
) -> Age:
    """Judge an age; what never was is older than anything."""
    if last is not None and last - now > _CLOCK_TOLERANCE:
        unknown = f"it was at {last:%Y-%m-%d %H:%M} UTC, which is still to come"
    seconds = None
    if last is not None and not unknown:
        seconds = max(0.0, (now - last).total_seconds())
    return Age(
        asset=asset,
        freshness=_freshness(seconds, max_seconds, warn_seconds, unknown),
        last=last,
        seconds=seconds,
        max_seconds=max_seconds,
        warn_seconds=warn_seconds,
        unknown=unknown,
        owner=owner,
        tags=tags,
    )


def _freshness(
    seconds: float | None,
    max_seconds: float | None,
    warn_seconds: float | None,
    unknown: str,
) -> Freshness | None:
    if max_seconds is None and warn_seconds is None:
        return None
    if unknown and max_seconds is not None:
        return "unknown"
    if max_seconds is not None and (seconds is None or seconds > max_seconds):
        return "stale"
    if warn_seconds is not None and (seconds is None or seconds > warn_seconds):
        return "aging"
    return "fresh"


def ages_above(graph: Graph, asset: str, ages: Mapping[str, Age]) -> list[Age]:
    """Give the ages of all that an asset needs, in the order of the graph."""
    above = graph.upstream([asset])
    found: dict[str, Age] = {}
    for need in filter(above.__contains__, graph.order):
        outside = (f"source:{name}" for name in graph[need].detail.get("reads", ()))
        found |= {name: ages[name] for name in (*outside, need) if name in ages}
    return list(found.values())


def told(age: Age) -> str:
    """Say how old something is and how old it may be, in a sentence without its end."""
    if age.unknown:
        return f"nobody knows how old `{age.asset}` is: {age.unknown}"
    limit = age.max_seconds if age.max_seconds is not None else age.warn_seconds
    may = "" if limit is None else f", and may be {span(limit)} old"
    if age.seconds is None:
        return f"`{age.asset}` {_NEVER.get(_kind(age), 'was never built')}{may}"
    return f"`{age.asset}` is {span(age.seconds)} old{may}"


def way_out(age: Age) -> str:
    """Say what makes it younger, as the start of a hint."""
    kind, _, name = age.asset.partition(":")
    match kind:
        case "source" if age.unknown:
            return "`elt dbt source freshness` looks at it"
        case "source":
            return "Have it loaded, then look again: `elt dbt source freshness`"
        case "stream":
            return f"`elt run tap:{name.partition('.')[0]}` loads it"
        case "sync":
            return f"`elt run {age.asset}` sends it"
        case _:
            return f"`elt run +{name}` brings it up to date"


def span(seconds: float) -> str:
    """Write a time in its two largest units: `26 h`, `1 h 30 min`, `3 days 4 h`."""
    whole = int(seconds)
    if whole >= 2 * _DAY:
        return _two(whole, (_DAY, "days"), (_HOUR, "h"))
    if whole >= _HOUR:
        return _two(whole, (_HOUR, "h"), (_MINUTE, "min"))
    return _two(whole, (_MINUTE, "min"), (1, "s"))


def _two(whole: int, larger: tuple[int, str], smaller: tuple[int, str]) -> str:
    count, rest = divmod(whole, larger[0])
    parts = ((count, larger[1]), (rest // smaller[0], smaller[1]))
    return " ".join(f"{n} {word}" for n, word in parts if n) or f"0 {smaller[1]}"


def _kind(age: Age) -> str:
    return age.asset.partition(":")[0]
