"""How old everything is: looked up in the run log and in what dbt measured.

Nothing is asked of taps, and dbt is not started: what they said last is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from elt.events import ignore
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.assets import known_assets, stream_asset_id
from elt.runner.discovery import discover_all
from elt.runner.freshness import Age, age_of
from elt.runner.graph import Asset
from elt.runner.store.asset_log import asset_ids, last_success
from elt.runner.store.database import Store
from elt.runner.store.past import last_results
from elt.singer.catalog import selected_streams
from elt.transform.freshness import Measured, measured
from elt.transform.manifest import Manifest, Source, read_manifest
from elt.transform.setup import Setup
from elt.warehouse.bookmarks import LastLoad


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The assets of a project, and what they were made with."""

    catalogs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    assets: tuple[Asset, ...] = ()
    manifest: Manifest = field(default_factory=Manifest)


def remembered(project: Project, logged: Iterable[str]) -> Known:
    """Recall a project's assets as taps and dbt told of them last.

    Of a tap that told nothing yet, the streams are those among the ids that the run
    log has, else a guess. Raises EltError for a manifest that cannot be read: without
    it nobody knows what may be how old.
    """
    found = discover_all(
        project, Secrets(project.root), preview=True, listen=ignore, wanted=()
    )
    manifest = _manifest(project)
    assets = known_assets(project, found.catalogs, manifest, logged)
    return Known(catalogs=found.catalogs, assets=tuple(assets), manifest=manifest)


def known_now(
    project: Project,
    catalogs: Mapping[str, Mapping[str, Any]],
    manifest: Manifest | None,
    store: Store,
) -> Known:
    """Give what a run knows of the assets, those of taps that it asks nothing too.

    A guess would give their streams names that the run log does not have.
    """
    logged = asset_ids(store, project.environment)
    manifest = manifest or Manifest()
    assets = known_assets(project, catalogs, manifest, logged)
    return Known(catalogs=catalogs, assets=tuple(assets), manifest=manifest)


def as_logged(
    catalogs: Mapping[str, Mapping[str, Any]], loads: Iterable[LastLoad]
) -> list[tuple[str, str, datetime]]:
    """Say loads as the run log would: asset, run and moment."""
    ids = {
        (tap, stream.name): stream.id
        for tap, catalog in catalogs.items()
        for stream in selected_streams(catalog)
    }
    found = []
    for one in loads:
        stream = ids.get((one.tap, one.stream), one.stream)
        found.append((stream_asset_id(one.tap, stream), one.run_id, one.at))
    return found


def ages_of(
    project: Project,
    known: Known,
    store: Store,
    *,
    now: datetime,
    else_seconds: float | None = None,
) -> dict[str, Age]:
    """Give the age of each asset, and of each source that is limited and not loaded.

    A source is under `source:` and dbt's name of it. `else_seconds` is the limit of
    assets that have none.
    """
    success = last_success(store, project.environment)
    results = last_results(store, project.environment)
    # A sync that this environment only plans is not late.
    judged = (a for a in known.assets if a.id in success or not _plans_only(a, results))
    ages = {
        asset.id: age_of(
            asset.id,
            success.get(asset.id),
            now=now,
            max_seconds=_limit(asset, else_seconds),
            warn_seconds=asset.warn_age_seconds,
            owner=asset.owner,
            tags=asset.tags,
        )
        for asset in judged
    }
    return ages | {age.asset: age for age in _of_sources(project, known, now)}


def outside_sources(known: Known) -> list[Source]:
    """Give the sources that somebody else loads and dbt says how old they may be."""
    loaded = {name for a in known.assets for name in a.detail.get("sources", ())}
    return [
        source
        for source in known.manifest.sources.values()
        if source.name not in loaded
        if source.warn_after_seconds or source.error_after_seconds
    ]


def _plans_only(asset: Asset, results: Mapping[str, str]) -> bool:
    return results.get(asset.id) == "planned"


def _limit(asset: Asset, else_seconds: float | None) -> float | None:
    if asset.max_age_seconds is None and asset.warn_age_seconds is None:
        return else_seconds
    return asset.max_age_seconds


def _of_sources(project: Project, known: Known, now: datetime) -> Iterator[Age]:
    sources = outside_sources(known)
    folder = project.transform_dir
    if not sources or folder is None:
        return
    found = measured(folder)
    for source in sources:
        seen = found.get(source.unique_id)
        yield age_of(
            f"source:{source.name}",
            seen.loaded_at if seen else None,
            now=now,
            max_seconds=source.error_after_seconds,
            warn_seconds=source.warn_after_seconds,
            unknown=_why_unknown(seen, project.environment),
        )


def _why_unknown(seen: Measured | None, environment: str) -> str:
    if seen is None:
        return "`dbt source freshness` has said nothing of it"
    if seen.environment not in {None, environment}:
        return f"`dbt source freshness` looked in `{seen.environment}` last"
    return " ".join(seen.error.split())


def _manifest(project: Project) -> Manifest:
    if project.file.transform is None:
        return Manifest()
    path = Setup(project).manifest_path
    return read_manifest(path) if path.exists() else Manifest()
