"""How each asset stands: how its last run left it, and how old it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from elt.project.settings import Project
from elt.runner.ages import Known, ages_of, remembered
from elt.runner.fingerprints import fingerprints, past_of
from elt.runner.freshness import ORDER, Age
from elt.runner.graph import DBT_KINDS, Graph
from elt.runner.selection import asks_the_past, select
from elt.runner.store.asset_log import AssetStatus, asset_statuses
from elt.runner.store.database import Store
from elt.runner.store.moments import Now, now_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One asset, or a source that somebody else loads.

    `last` is None where no run had it, `age` where the project has it no more.
    """

    asset: str
    last: AssetStatus | None = None
    age: Age | None = None

    @property
    def owner(self) -> str:
        """Give the owner as the project names him now, else as its last run did."""
        told = self.age or self.last
        return told.owner if told else ""

    @property
    def tags(self) -> tuple[str, ...]:
        told = self.age or self.last
        return told.tags if told else ()

    @property
    def is_too_old(self) -> bool:
        return self.age is not None and self.age.is_too_old

    def document(self) -> dict[str, Any]:
        """Give all of it for JSON; what is not known is null."""
        last = asdict(self.last) if self.last else _NO_RUN
        age = self.age
        return {
            **last,
            "asset": self.asset,
            "owner": self.owner,
            "tags": self.tags,
            "age_seconds": age.seconds if age else None,
            "max_age_seconds": age.max_seconds if age else None,
            "warn_age_seconds": age.warn_seconds if age else None,
            "freshness": age.freshness if age else None,
        }


_NO_RUN: dict[str, Any] = dict.fromkeys(each.name for each in fields(AssetStatus))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to look at, and the limit of what declares none."""

    selection: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    else_seconds: float | None = None


def standings(
    project: Project, store: Store, asked: Asked, *, now: Now = now_utc
) -> list[Standing]:
    """Look at what a run had or a limit asks for, the oldest of it first.

    Raises ConfigError for a selection that matches nothing.
    """
    logged = {each.asset: each for each in asset_statuses(store, project.environment)}
    known = remembered(project, logged)
    ages = ages_of(project, known, store, now=now(), else_seconds=asked.else_seconds)
    limited = [name for name, age in ages.items() if age.freshness is not None]
    there = {asset.id for asset in known.assets}
    still = (name for name in logged if name in there or _may_be_there(name, known))
    names = dict.fromkeys([*still, *limited])
    if asked.selection or asked.exclude:
        chosen = set(_chosen(project, store, known, asked))
        names = {name: None for name in names if name in chosen}
    found = [Standing(asset=n, last=logged.get(n), age=ages.get(n)) for n in names]
    return sorted(found, key=lambda each: (_place(each), each.asset))


def _may_be_there(asset: str, known: Known) -> bool:
    """Say whether nobody knows that the project has an asset no more."""
    is_node = asset.partition(":")[0] in DBT_KINDS
    return is_node and not known.manifest.nodes


def _place(standing: Standing) -> int:
    freshness = standing.age.freshness if standing.age else None
    # What is fresh stands among what has no limit.
    return ORDER.index(freshness or "fresh")


def _chosen(
    project: Project, store: Store, known: Known, asked: Asked
) -> Iterator[str]:
    graph, named = Graph(known.assets), project.file.selections
    words: Collection[str] = [*asked.selection, *asked.exclude]
    past = None
    if asks_the_past(words, named):
        made_of = fingerprints(project, known.catalogs, known.manifest)
        past = past_of(store, project.environment, made_of)
    found = select(
        graph, asked.selection, exclude=asked.exclude, named=named, past=past
    )
    for asset in found:
        yield asset
        yield from (f"source:{name}" for name in graph[asset].detail.get("reads", ()))
