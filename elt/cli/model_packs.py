"""`elt add tap NAME --models`: ready-made models of a tap's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elt.cli.options import note
from elt.errors import ConfigError

if TYPE_CHECKING:
    from elt.project.settings import Project


def pack_of(project: Project, tap: str, plugin: str) -> str:
    """Name the models of a tap, before anything is asked or written.

    Raises ConfigError where there are none, nowhere to put them, or some there already.
    """
    from elt.project.settings import plain_name
    from elt.transform.staging import packs, refuse_written

    there = project.file.taps.get(tap)
    pack = (there.plugin if there else None) or plugin
    if pack not in packs():
        raise ConfigError(
            f"there are no models for the tap `{pack}`",
            hint=f"There are some for {', '.join(packs())}; leave `--models` out",
        )
    if project.transform_dir is None:
        raise ConfigError(
            "there is no dbt project that models could be written to",
            where="elt.toml",
            hint='Add [transform] with `project_dir = "transform"`',
        )
    refuse_written(project.transform_dir, pack, tap=plain_name(tap))
    return pack


def write_pack(project: Project, tap: str, pack: str) -> None:
    """Write them, and say where; `tap` may not be in elt.toml yet."""
    from elt.project.settings import plain_name
    from elt.transform.staging import write_models

    assert project.transform_dir is not None  # noqa: S101  it was refused before
    known = tap in project.file.taps
    schema = project.tap_schema(tap) if known else f"raw_{plain_name(tap)}"
    written = write_models(
        project.transform_dir, pack, tap=plain_name(tap), schema=schema
    )
    folder = written[0].parent.relative_to(project.root)
    note(f"Wrote {len(written)} files to {folder}: they are yours to change")
