"""A backup put back: checked first, asked for, then both files swapped.

What stands in the way of a swap that is broken off is a journal, `.elt/restore.json`:
from the moment it is written the restore goes forward only, and whoever calls it again
finishes it. Each file is swapped by a link and a rename, so at no moment is there no
warehouse or no store, and the files before stay beside the new ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from elt.errors import ConfigError, EltError, Unavailable
from elt.project.secrets import Secrets
from elt.project.settings import BASE_ENVIRONMENT, Project
from elt.runner.alone import RESTORING, alone, journal_of
from elt.runner.sending import destination_of
from elt.runner.store import migrations
from elt.runner.store.database import Store
from elt.runner.store.moments import Now, now_utc
from elt.runner.upkeep.archive import (
    STORE,
    WAREHOUSE,
    Manifest,
    extract,
    read_manifest,
)
from elt.runner.upkeep.disk import require_space, size, take_over_mode
from elt.runner.upkeep.origins import Origins
from elt.runner.upkeep.store_file import left_alone
from elt.runner.upkeep.swap import (
    Journal,
    Swap,
    finish,
    write_journal,
)
from elt.warehouse import tables
from elt.warehouse.duckdb import Warehouse, warehouse_of
from elt.warehouse.standstill import log_of, real_path, standstill

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """A backup that may be put back here."""

    path: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back.

    `kept` are the files before. Of the syncs that ran after the backup, `unsettled`
    are those that their guard will stop, and `sent_again` go to local destinations.
    """

    manifest: Manifest
    kept: tuple[Path, ...]
    unsettled: tuple[str, ...]
    sent_again: tuple[str, ...] = ()


def broken_off(project: Project) -> bool:
    """Say whether a restore was begun here and not finished."""
    return journal_of(project.private_dir).exists()


def check(project: Project, path: Path) -> Checked:
    """Say whether a backup can be put back into this project.

    Raises ConfigError when a newer elt made it, or it belongs elsewhere.
    """
    manifest = read_manifest(path)
    _refuse_newer(path, manifest)
    if manifest.project != project.name:
        raise ConfigError(
            f"this is a backup of the project `{manifest.project}`, and here is"
            f" `{project.name}`",
            where=str(path),
            hint="Go to that project, or `elt -C DIR restore FILE`",
        )
    if manifest.environment != project.environment:
        base = manifest.environment == BASE_ENVIRONMENT
        option = "without `--env`" if base else f"with `--env {manifest.environment}`"
        raise ConfigError(
            f"this is a backup of the environment `{manifest.environment}`, and"
            f" `{project.environment}` was asked for",
            where=str(path),
            hint=f"Restore it {option}",
        )
    return Checked(path, manifest)


def restore(
    project: Project,
    checked: Checked,
    *,
    confirm: Callable[[], None] = lambda: None,
    secrets: Secrets | None = None,
    now: Now = now_utc,
    tell: Tell = lambda _: None,
) -> Restored:
    """Put a backup in the place of warehouse and store.

    `confirm` raises when nobody agrees; the checksums are compared before. Raises
    Held or Unavailable when somebody is at work, ConfigError for a damaged backup.
    """
    secrets = secrets or Secrets(project.root)
    warehouse = warehouse_of(project, secrets)
    with alone(project, RESTORING):
        finish(journal_of(project.private_dir))
        journal = _journal(project, warehouse, checked, now().astimezone(UTC))
        with _extracted(project, checked, journal, tell):
            confirm()
            later = _carry_over(project, journal)
            with _nobody_at_work(project, warehouse):
                # What was pushed since is not in the backup: it goes on top of none.
                Origins(project, real_path(warehouse)).forget()
                write_journal(journal_of(project.private_dir), journal)
                kept = finish(journal_of(project.private_dir))
    local = tuple(sync for sync in later if _is_local(project, sync, secrets))
    unsettled = tuple(sync for sync in later if sync not in local)
    return Restored(checked.manifest, kept, unsettled, local)


def go_on(project: Project) -> tuple[Path, ...]:
    """Finish a restore that was broken off; give the files that were there before."""
    with alone(project, RESTORING):
        return finish(journal_of(project.private_dir))


def _is_local(project: Project, sync: str, secrets: Secrets) -> bool:
    """Say whether a sync's guard lets it go on; one that cannot be made does not."""
    table = project.file.syncs.get(sync)
    if table is None:
        return False
    try:
        return destination_of(project, table.destination, secrets).traits.is_local
    except EltError:
        return False


def _refuse_newer(path: Path, manifest: Manifest) -> None:
    newer = (
        manifest.warehouse.version > len(tables.MIGRATIONS)
        or manifest.store.version > len(migrations.MIGRATIONS)
        or _numbers(manifest.elt) > _numbers(version("elt-toolkit"))
    )
    if newer:
        raise ConfigError(
            f"a newer elt made this backup: {manifest.elt}, this one is"
            f" {version('elt-toolkit')}",
            where=str(path),
            hint="Upgrade elt: `pip install --upgrade elt-toolkit`",
        )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _journal(
    project: Project, warehouse: Warehouse, checked: Checked, moment: datetime
) -> Journal:
    path, store = real_path(warehouse), project.private_dir / STORE
    stamp = f"before-restore-{moment:%Y%m%dT%H%M%SZ}"
    return Journal(
        backup=str(checked.path),
        swaps=(
            # The warehouse first: between the two, its guards see a store that
            # remembers later syncs than it does itself, and stop them.
            _swap(path, stamp, (".wal",)),
            _swap(store, stamp, ("-wal", "-shm", "-journal")),
        ),
    )


def _swap(path: Path, stamp: str, beside: tuple[str, ...]) -> Swap:
    return Swap(
        new=str(path.with_name(f"{path.stem}.restoring{path.suffix}")),
        place=str(path),
        kept=str(path.with_name(f"{path.stem}.{stamp}{path.suffix}")),
        beside=beside,
    )


@contextmanager
def _extracted(
    project: Project, checked: Checked, journal: Journal, tell: Tell
) -> Iterator[None]:
    """Lay both files beside those that they will replace, checked."""
    manifest = checked.manifest
    warehouse, store = (Path(swap.new) for swap in journal.swaps)
    try:
        warehouse.parent.mkdir(parents=True, exist_ok=True)
        needed = manifest.warehouse.bytes + manifest.store.bytes
        require_space(warehouse.parent, needed, "the restored pair")
        tell(f"checking {checked.path.name}, {size(needed)}")
        digests = extract(checked.path, {WAREHOUSE: warehouse, STORE: store})
        wanted = {WAREHOUSE: manifest.warehouse, STORE: manifest.store}
        for name, piece in wanted.items():
            if digests.get(name) != piece.sha256:
                raise ConfigError(
                    f"the backup is damaged: its `{name}` is not what was backed up",
                    where=str(checked.path),
                    hint="Nothing was changed; take another backup",
                )
        _require_readable(warehouse, checked)
        for swap in journal.swaps:
            if Path(swap.place).exists():
                take_over_mode(Path(swap.new), Path(swap.place))
        yield
    finally:
        if not broken_off(project):
            _remove(warehouse, store)


def _require_readable(warehouse: Path, checked: Checked) -> None:
    """Open the file: a newer DuckDB may have written it."""
    try:
        with Warehouse(warehouse).reader():
            pass
    except EltError as error:
        raise ConfigError(
            f"this DuckDB cannot read the backup's warehouse, which DuckDB"
            f" {checked.manifest.duckdb} wrote: {error.what}",
            where=str(checked.path),
            hint="Nothing was changed; install that DuckDB: `pip install"
            f" duckdb=={checked.manifest.duckdb}`",
        ) from error


def _remove(warehouse: Path, store: Path) -> None:
    for path in (warehouse, log_of(warehouse), store):
        path.unlink(missing_ok=True)
    for path in store.parent.glob(f"{store.name}-*"):
        path.unlink(missing_ok=True)


def _carry_over(project: Project, journal: Journal) -> tuple[str, ...]:
    """Keep what destinations were sent since: no restore takes that back.

    So a sync whose baseline is older than what was sent is stopped by its guard.
    """
    old, new = Path(journal.swaps[1].place), Path(journal.swaps[1].new)
    with _store(new) as restored:
        if not old.exists():
            return ()
        with suppress(EltError), _store(old) as present:
            _carry_deliveries_over(present, restored)
            return _carry_baselines_over(present, restored, project.environment)
    return ()


@contextmanager
def _store(path: Path) -> Iterator[Store]:
    store = Store(path)
    try:
        yield store
    finally:
        store.close()


def _carry_baselines_over(
    present: Store, restored: Store, environment: str
) -> tuple[str, ...]:
    """Copy what was remembered of syncs later than the backup; name those."""
    backed_up = {(row[0], row[1]): row[5] for row in restored.rows(_BASELINES)}
    later = [
        tuple(row)
        for row in present.rows(_BASELINES)
        if row["remembered_at"] > backed_up.get((row[0], row[1]), "")
    ]
    with restored.writing() as connection:
        connection.executemany(
            "INSERT OR REPLACE INTO baselines (environment, sync, warehouse_id,"
            " sequence, run, remembered_at) VALUES (?, ?, ?, ?, ?, ?)",
            later,
        )
    return tuple(row[1] for row in later if row[0] == environment)


def _carry_deliveries_over(present: Store, restored: Store) -> None:
    """Copy how far taps were delivered to foreign targets, whose tables stay."""
    later = [dict(row) for row in present.rows(_AT_TARGETS)]
    names = ", ".join(later[0]) if later else ""
    values = ", ".join(f":{name}" for name in later[0]) if later else ""
    with restored.writing() as connection:
        if later:
            connection.executemany(
                f"INSERT OR REPLACE INTO states ({names}) VALUES ({values})", later
            )


_AT_TARGETS = "SELECT * FROM states WHERE warehouse_id LIKE 'target:%'"
_BASELINES = """
    SELECT environment, sync, warehouse_id, sequence, run, remembered_at
    FROM baselines
"""


@contextmanager
def _nobody_at_work(project: Project, warehouse: Warehouse) -> Iterator[None]:
    """Keep others from the files that go; raises Unavailable when somebody is there.

    A file that is damaged, perhaps the reason for all this, keeps nobody out.
    """
    with ExitStack() as held:
        if warehouse.exists():
            _hold(held, standstill(warehouse))
        _hold(held, left_alone(project.private_dir / STORE))
        yield


def _hold(held: ExitStack, lock: AbstractContextManager[object]) -> None:
    try:
        held.enter_context(lock)
    except Unavailable:
        raise
    except EltError:
        pass
