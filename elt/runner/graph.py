"""Everything that a run can bring up to date, and what needs what."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from elt.errors import ConfigError

Kind = Literal["stream", "model", "seed", "snapshot", "function", "test", "sync"]
DBT_KINDS: frozenset[Kind] = frozenset(
    {"model", "seed", "snapshot", "function", "test"}
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One thing to bring up to date; `upstream` holds the ids of what it needs.

    What `detail` holds for each kind is written in `elt.runner.assets`.
    """

    id: str
    kind: Kind
    name: str
    upstream: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""
    max_age_seconds: float | None = None  # older is stale; None: any age will do
    warn_age_seconds: float | None = None  # older is aging


class Graph:
    """Assets without circles; iterating gives them so that needs come first.

    The order is stable: among those that could come next, the one given first does.
    """

    def __init__(self, assets: Iterable[Asset]) -> None:
        """Raise ConfigError for a name given twice, an unknown need or a circle."""
        self._assets: dict[str, Asset] = {}
        for asset in assets:
            if asset.id in self._assets:
                raise ConfigError(f"two assets are called `{asset.id}`")
            self._assets[asset.id] = asset
        self._needs = {
            asset_id: tuple(dict.fromkeys(a.upstream))
            for asset_id, a in self._assets.items()
        }
        self._needed_by = _turned(self._needs)
        self.order = _ordered(self._needs, self._needed_by)

    def __getitem__(self, asset_id: str) -> Asset:
        return self._assets[asset_id]

    def __contains__(self, asset_id: object) -> bool:
        return asset_id in self._assets

    def __iter__(self) -> Iterator[Asset]:
        return (self._assets[asset_id] for asset_id in self.order)

    def __len__(self) -> int:
        return len(self._assets)

    def needs(self, asset_id: str) -> tuple[str, ...]:
        """Give what the asset needs directly."""
        return self._needs[asset_id]

    def needed_by(self, asset_id: str) -> tuple[str, ...]:
        """Give what needs the asset directly."""
        return self._needed_by[asset_id]

    def upstream(self, ids: Iterable[str], *, depth: int | None = None) -> set[str]:
        """All that these need, at most `depth` edges away; not these themselves."""
        return _reached(ids, self._needs, depth)

    def downstream(self, ids: Iterable[str], *, depth: int | None = None) -> set[str]:
        """All that need these, at most `depth` edges away; not these themselves."""
        return _reached(ids, self._needed_by, depth)

    def among(self, chosen: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Tell what each of these needs of the others, also through what is left out.

        A model still waits for its stream when the view between them is not built.
        """
        kept = set(chosen)
        nearest: dict[str, dict[str, None]] = {}
        for asset_id in self.order:
            reached: dict[str, None] = {}
            for need in self._needs[asset_id]:
                reached.update({need: None} if need in kept else nearest[need])
            nearest[asset_id] = reached
        return {
            asset_id: tuple(nearest[asset_id])
            for asset_id in self.order
            if asset_id in kept
        }


def _turned(needs: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    needed_by: dict[str, list[str]] = {asset_id: [] for asset_id in needs}
    for asset_id, upstream in needs.items():
        for need in upstream:
            if need not in needed_by:
                raise ConfigError(f"`{asset_id}` needs `{need}`, which does not exist")
            needed_by[need].append(asset_id)
    return {asset_id: tuple(below) for asset_id, below in needed_by.items()}


def _ordered(
    needs: Mapping[str, tuple[str, ...]], needed_by: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    ids = list(needs)
    place = {asset_id: index for index, asset_id in enumerate(ids)}
    waits_for = {asset_id: len(upstream) for asset_id, upstream in needs.items()}
    ready = [place[asset_id] for asset_id in ids if waits_for[asset_id] == 0]
    order: list[str] = []
    while ready:
        asset_id = ids[heapq.heappop(ready)]
        order.append(asset_id)
        for below in needed_by[asset_id]:
            waits_for[below] -= 1
            if waits_for[below] == 0:
                heapq.heappush(ready, place[below])
    if len(order) < len(ids):
        raise _circle(needs, {asset_id for asset_id in ids if waits_for[asset_id] > 0})
    return tuple(order)


def _circle(needs: Mapping[str, tuple[str, ...]], stuck: set[str]) -> ConfigError:
    # Each stuck asset needs a stuck one, so following needs must come round.
    path = [min(stuck)]
    while path.count(path[-1]) == 1:
        path.append(next(need for need in needs[path[-1]] if need in stuck))
    circle = path[path.index(path[-1]) :]
    return ConfigError(
        "these need each other in a circle: "
        + " -> ".join(f"`{asset_id}`" for asset_id in circle),
        hint="An arrow reads `needs`; take one of them away",
    )


def _reached(
    ids: Iterable[str], edges: Mapping[str, tuple[str, ...]], depth: int | None
) -> set[str]:
    start = set(ids)
    reached: set[str] = set()
    front = start
    while front and depth != 0:
        front = {found for asset_id in front for found in edges[asset_id]} - reached
        reached |= front
        depth = None if depth is None else depth - 1
    return reached - start
