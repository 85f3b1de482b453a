"""`elt add tap NAME --models`: ready-made models of a tap's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elt.cli.options import note
from elt.errors import ConfigError

if TYPE_CHECKING:
    from elt.project.settings import Project


def pack_of(project: Project, tap: str, plugin: str | None) -> str:
    """Name the models of a tap, before anything is asked or written.

    `plugin` is None for a program that elt does not know; what elt.toml says of a tap
    counts more. Raises ConfigError where there are no models, nowhere to put them, or
    some there already.
    """
    from elt.project.settings import plain_name
    from elt.transform.staging import packs, refuse_written

    there = project.file.taps.get(tap)
    pack = there.plugin if there else plugin
    if pack is None:
        raise ConfigError(
            f"models read the columns of elt's own taps, and `{tap}` is another one",
            where=project.where("taps", tap) if there else None,
            hint="Leave `--models` out; elt's own are added by their name alone, "
            "without `--package` and `--executable`",
        )
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
    from elt.project.settings import plain_name, tap_schema
    from elt.project.tap_settings import TapTable
    from elt.transform.staging import write_models

    assert project.transform_dir is not None  # noqa: S101  it was refused before
    table = project.file.taps.get(tap, TapTable())
    written = write_models(
        project.transform_dir,
        pack,
        tap=plain_name(tap),
        schema=tap_schema(tap, table),
    )
    folder = written[0].parent.relative_to(project.root)
    note(f"Wrote {len(written)} files to {folder}: they are yours to change")
