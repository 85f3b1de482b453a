"""One sync's step: the sync put together, sent, and remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from elt.errors import ConfigError, ConfigErrors, Unavailable
from elt.events import Listener, LogLine, ignore
from elt.plugins import find, load
from elt.project.nearest import did_you_mean
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.reverse.baseline import RememberedBaseline
from elt.reverse.destination import CONFIG, Column, Sender, Writer, make_destination
from elt.reverse.guard import Finding
from elt.reverse.plan import (
    Consent,
    Sync,
    SyncPlan,
    check_route,
    plan_sync,
    should_send,
)
from elt.reverse.sync import SyncResult, Watch, run_sync
from elt.runner.ages import remembered
from elt.runner.attempt import AssetResult
from elt.runner.stale import stale_above
from elt.runner.store import state
from elt.runner.store.asset_log import asset_ids
from elt.runner.store.database import Store, open_store
from elt.transform.dbt import Dbt
from elt.transform.manifest import Manifest, Node, read_manifest
from elt.transform.sources import write_exposures
from elt.warehouse.dialect import relation
from elt.warehouse.duckdb import Warehouse, warehouse_of


@contextmanager
def planned_sync(project: Project, name: str) -> Iterator[SyncPlan]:
    """Compute what a sync would send now; nothing is sent or stored.

    Raises ConfigError for an unknown name, with the nearest one.
    """
    if name not in project.file.syncs:
        raise ConfigError(
            f"there is no sync `{name}`",
            where="elt.toml",
            hint=did_you_mean(name, project.file.syncs),
        )
    secrets = Secrets(project.root)
    warehouse = warehouse_of(project, secrets)
    dbt = Dbt(project, warehouse, resolve=secrets.resolve)
    with open_store(project.private_dir) as store, secrets.kept_out_of_errors():
        sync = sync_of(
            project,
            name,
            manifest=manifest_of(project, dbt, ignore, preview=True),
            warehouse=warehouse,
            secrets=secrets,
            store=store,
            above=_stale_above(project, name, store),
        )
        with plan_sync(sync) as planned:
            yield planned


def _stale_above(project: Project, name: str, store: Store) -> list[Finding]:
    """Look at what is remembered of the project: for a plan nothing is asked."""
    if project.file.syncs[name].on_stale == "send":
        return []
    known = remembered(project, asset_ids(store, project.environment))
    return stale_above(project, name, known, store)


def send(
    sync: Sync,
    send_in: Sequence[str],
    *,
    run: str,
    store: Store,
    consent: Consent,
    watch: Watch,
) -> AssetResult:
    """Run a sync, and remember its baseline so that a lost one is noticed."""
    result = run_sync(
        sync,
        run_id=run,
        sends=should_send(sync.destination, send_in, sync.environment),
        consent=consent,
        watch=watch,
    )
    if result.baseline is not None:
        place = state.Place(
            environment=sync.environment, warehouse_id=result.baseline.warehouse_id
        )
        state.remember_baseline(
            store, place, sync=sync.name, sequence=result.baseline.sequence, run=run
        )
    return _answer(sync, result)


def sync_of(  # noqa: PLR0913  a sync is put together from many things
    project: Project,
    name: str,
    *,
    manifest: Manifest,
    warehouse: Warehouse,
    secrets: Secrets,
    store: Store,
    above: Sequence[Finding] = (),
) -> Sync:
    """Put together a sync of the project by its name."""
    table = project.file.syncs[name]
    model = manifest.model(table.model)
    if model is None or model.relation is None:
        raise ConfigError(
            f"sync `{name}` sends the model `{table.model}`, which is no table",
            where=project.where("syncs", name),
        )
    known = state.remembered_baseline(store, project.environment, name)
    return Sync(
        name=name,
        table=table,
        relation=relation(*model.relation),
        environment=project.environment,
        warehouse=warehouse,
        destination=destination_of(project, table.destination, secrets),
        spool_dir=project.private_dir / "syncs",
        remembered=None
        if known is None
        else RememberedBaseline(
            sequence=known.sequence, warehouse_id=known.warehouse_id
        ),
        above=tuple(above),
    )


def destination_of(project: Project, name: str, secrets: Secrets) -> Sender | Writer:
    table = project.file.destinations[name]
    try:
        plugin = find("destination", table.plugin, project.root)
        config = secrets.resolve(
            table.config, project.where("destinations", name, "config")
        )
        kind = cast("Callable[..., object]", load(plugin))
        return make_destination(kind, config, project.root)
    except ConfigError as error:
        place = project.where("destinations", name, "config")
        where = error.where or project.where("destinations", name)
        error.where = where.replace(CONFIG, place)
        raise


def check_destination(project: Project, name: str, secrets: Secrets) -> None:
    """Find what is wrong with a destination and its syncs without calling anybody.

    A sync without `fields` is looked at when its model is known: by the sync's plan.
    """
    destination = destination_of(project, name, secrets)
    for sync, table in project.file.syncs.items():
        if table.destination == name and table.fields:
            fields = dict.fromkeys([table.key, *table.fields])
            columns = tuple(Column(name=field, type="") for field in fields)
            check_route(destination, sync, table, columns)


def manifest_of(
    project: Project, dbt: Dbt, listen: Listener, *, preview: bool = False
) -> Manifest:
    """Read dbt's manifest; syncs stand in the dbt project as exposures.

    Raises ConfigError when the project does not parse, in a run only if it never did.
    """

    def on_line(text: str) -> None:
        listen(LogLine(step="dbt", source="dbt", level="info", text=text))

    try:
        manifest = dbt.manifest(on_line=on_line)
    except (ConfigError, Unavailable) as error:
        if preview or not dbt.setup.manifest_path.exists():
            raise
        # Taps load all the same; the build will fail with this error.
        on_line(f"dbt cannot read its project, so its last state counts: {error.what}")
        return read_manifest(dbt.setup.manifest_path)
    models = {node.name for node in manifest.nodes.values() if _is_model(node)}
    folder = project.transform_dir
    if folder and write_exposures(folder, project.file.syncs, models):
        manifest = dbt.parse(on_line=on_line)
    return manifest


def read_dbt_project(project: Project, secrets: Secrets) -> Manifest:
    """Let dbt read its project, and find the model of each sync in it.

    Raises ConfigErrors with every sync whose model is not there.
    """
    dbt = Dbt(project, warehouse_of(project, secrets), resolve=secrets.resolve)
    manifest = manifest_of(project, dbt, ignore, preview=True)
    models = manifest.models()
    errors = [
        ConfigError(
            f"sync `{name}` sends the model `{table.model}`, which does not exist",
            where=project.where("syncs", name),
            hint=did_you_mean(table.model, models),
        )
        for name, table in project.file.syncs.items()
        if table.model not in models
    ]
    if errors:
        raise ConfigErrors(errors)
    return manifest


def _is_model(node: Node) -> bool:
    return node.kind == "model"


def _answer(sync: Sync, result: SyncResult) -> AssetResult:
    return AssetResult(
        asset=f"sync:{sync.name}",
        status=result.status,
        rows=result.tally.accepted,
        rejects=result.tally.rejected,
        message=result.message,
        hint=result.hint,
    )
