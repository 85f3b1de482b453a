"""Giving disk space back, which DuckDB keeps: the file copied aside, then renamed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from elt.errors import ConfigError
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.alone import alone
from elt.runner.upkeep.disk import make_durable, require_space, size, take_over_mode
from elt.warehouse.copying import Copied, copy_database, used_bytes
from elt.warehouse.duckdb import Warehouse, warehouse_of
from elt.warehouse.standstill import log_of, real_path, standstill

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What came of it; `after_bytes` is that of the copy, also when it was not kept."""

    path: Path
    before_bytes: int
    after_bytes: int
    copied: Copied

    @property
    def is_smaller(self) -> bool:
        return self.after_bytes < self.before_bytes


def compact(
    project: Project, *, secrets: Secrets | None = None, tell: Tell = lambda _: None
) -> Compacted:
    """Write the warehouse anew and put that in its place, if it is smaller.

    The old file stays until the new one is checked and on the disk: killed at any
    moment, this leaves one of the two. Raises Held or Unavailable when somebody uses
    the project or the file, EltError when DuckDB cannot copy something.
    """
    warehouse = warehouse_of(project, secrets or Secrets(project.root))
    if not warehouse.exists():
        raise ConfigError(
            "there is no warehouse yet", where=str(warehouse.path), hint="Run `elt run`"
        )
    with alone(project, "elt compact"):
        return _compact(warehouse, tell)


def aside_of(path: Path) -> Path:
    """Name the copy: beside the file, on the same disk, and known as a leftover."""
    return path.with_name(f"{path.stem}.compacting{path.suffix}")


def _compact(warehouse: Warehouse, tell: Tell) -> Compacted:
    path = real_path(warehouse)
    aside = aside_of(path)
    _remove(aside)  # of one that was killed
    try:
        with standstill(warehouse) as connection:
            before_bytes = path.stat().st_size
            require_space(path.parent, used_bytes(connection), "compacting")
            tell(f"copying {path.name}, {size(before_bytes)}")
            copied = copy_database(connection, aside)
            made = Compacted(path, before_bytes, aside.stat().st_size, copied)
            if made.is_smaller:
                # Renamed while the old one is still held, so that nobody can have
                # written to it since it was copied.
                take_over_mode(aside, path)
                make_durable(aside)
                aside.replace(path)
                make_durable(path.parent)
    finally:
        _remove(aside)
    return made


def _remove(aside: Path) -> None:
    aside.unlink(missing_ok=True)
    log_of(aside).unlink(missing_ok=True)
