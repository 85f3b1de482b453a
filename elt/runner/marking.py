"""Saying by hand how something ended: what is meant, then the word, under the lock."""

from __future__ import annotations

from dataclasses import dataclass

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean, which_of
from elt.project.settings import Project
from elt.runner.alone import alone, author
from elt.runner.resume import is_open
from elt.runner.store.asset_log import AssetStatus, asset_statuses
from elt.runner.store.chain import chain_of
from elt.runner.store.database import Store, open_store
from elt.runner.store.history import find, mark_crashed
from elt.runner.store.marks import (
    Mark,
    Word,
    last_mark,
    mark,
    planned_in,
    take_back,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What a name means: assets of a run, and how each stands."""

    run: str
    assets: tuple[str, ...]
    statuses: tuple[AssetStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """Marks that were taken back; of `late` ones a run has had the asset since.

    `older` are words that were said of the same step before, and still stand.
    """

    marks: tuple[Mark, ...]
    late: tuple[Mark, ...]
    older: tuple[Mark, ...] = ()


def meant(project: Project, name: str, *, run: str | None = None) -> Meant:
    """Find an asset or a step in the latest run that planned it, or in this one.

    Raises ConfigError where there is none, with the nearest name.
    """
    with open_store(project.private_dir) as store:
        return _meant(project, store, name, run)


def say(
    project: Project,
    name: str,
    word: Word,
    *,
    run: str | None = None,
    reason: str = "",
) -> list[Mark]:
    """Write a person's word over results, under the lock; `cleared` forgets them.

    Of a step, `success` and `skipped` are about what did not end well. Raises Held
    while a run is under way, ConfigError where there is nothing to say it of.
    """
    with alone(project, "elt runs"), open_store(project.private_dir) as store:
        mark_crashed(store, alive=lambda _: False)
        found = _meant(project, store, name, run)
        assets = found.assets
        if word in {"success", "skipped"} and assets != (name,):
            assets = _open_of(store, found, name)
        return mark(
            store,
            project.environment,
            found.run,
            assets,
            word,
            reason=reason,
            author=author(),
        )


def unsay(project: Project, name: str, *, reason: str = "") -> TakenBack:
    """Take the last word on an asset back; of a step, what was last said in one go."""
    with alone(project, "elt runs"), open_store(project.private_dir) as store:
        assets = _meant(project, store, name, None).assets
        found = [last_mark(store, project.environment, asset) for asset in assets]
        standing = [each for each in found if each is not None]
        if not standing:
            raise ConfigError(
                f"nobody has marked or cleared `{name}`, or it was taken back",
                hint="`elt runs changes` lists what was changed by hand",
            )
        last = max(standing, key=lambda each: each.id)
        said = [each for each in standing if _saying(each) == _saying(last)]
        late = take_back(store, said, reason=reason, author=author())
    older = tuple(each for each in standing if each not in said)
    return TakenBack(marks=tuple(said), late=tuple(late), older=older)


def _saying(each: Mark) -> tuple[str, ...]:
    """Tell one word about all assets of a step from another; `mark` writes one time."""
    return each.run, each.made_at, each.author, each.word


def _meant(project: Project, store: Store, name: str, run: str | None) -> Meant:
    environment = project.environment
    known = {each.asset: each for each in asset_statuses(store, environment)}
    chosen = find(store, run)["id"] if run else None
    found = planned_in(store, environment, name, run=chosen)
    if found is None and chosen is None and name in known:
        found = known[name].run, (name,)  # its run is longer ago than runs are kept
    if found is None:
        raise _unknown(store, name, known, chosen)
    return Meant(
        run=found[0],
        assets=found[1],
        statuses=tuple(known[asset] for asset in found[1] if asset in known),
    )


def _open_of(store: Store, found: Meant, step: str) -> tuple[str, ...]:
    planned = {each.asset: each for each in chain_of(store, found.run).planned}
    left = [a for a in found.assets if a not in planned or is_open(planned[a])]
    if not left:
        raise ConfigError(
            f"all of `{step}` ended well in run {found.run}",
            hint="Name the asset that is meant; `elt runs show` lists them",
        )
    return tuple(left)


def _unknown(
    store: Store, name: str, known: dict[str, AssetStatus], run: str | None
) -> ConfigError:
    names = set(known)
    if run is not None:
        planned = [each for each in chain_of(store, run).planned if each.run == run]
        names = {n for each in planned for n in (each.asset, each.step)}
    alike = [each for each in names if each.partition(":")[2] == name]
    return ConfigError(
        f"run {run} has no `{name}`" if run else f"no run has had `{name}`",
        hint=which_of(alike)
        or did_you_mean(name, names)
        or "Nothing has run yet: start with `elt run`",
    )
