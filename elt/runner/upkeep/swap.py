"""Files that take the places of others, together: what is begun can be finished."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from elt.errors import ConfigError
from elt.runner.upkeep.disk import make_durable


class Swap(msgspec.Struct, frozen=True):
    """One file. `beside` are the endings of what belongs to the one before."""

    new: str
    place: str
    kept: str
    beside: tuple[str, ...] = ()


class Journal(msgspec.Struct, frozen=True):
    """What was begun, and is to be finished."""

    backup: str
    swaps: tuple[Swap, ...]


def write_journal(path: Path, journal: Journal) -> None:
    """Begin: from here on there is only forward."""
    for swap in journal.swaps:
        make_durable(Path(swap.new))
        make_durable(Path(swap.new).parent)
    aside = path.with_suffix(".new")
    aside.write_bytes(msgspec.json.encode(journal))
    make_durable(aside)
    aside.replace(path)
    make_durable(path.parent)


def finish(path: Path) -> tuple[Path, ...]:
    """Do what the journal still asks for; give the files that were kept.

    Safe to call again after any interruption, and when there is no journal.
    """
    if not path.exists():
        return ()
    try:
        journal = msgspec.json.decode(path.read_bytes(), type=Journal)
    except msgspec.DecodeError as error:
        raise ConfigError(
            "the journal of a restore cannot be read",
            where=str(path),
            hint="Look at the files beside it, then delete it and restore again",
        ) from error
    for swap in journal.swaps:
        _finish(swap)
    path.unlink()
    make_durable(path.parent)
    return tuple(Path(s.kept) for s in journal.swaps if Path(s.kept).exists())


def _finish(swap: Swap) -> None:
    new, place, kept = Path(swap.new), Path(swap.place), Path(swap.kept)
    if not new.exists():
        return  # done before
    for ending in swap.beside:
        _move(Path(f"{place}{ending}"), Path(f"{kept}{ending}"))
    if place.exists() and not kept.exists():
        _link(place, kept)
    new.replace(place)
    make_durable(place.parent)


def _link(place: Path, kept: Path) -> None:
    """Give the old file a second name, so that its place is never empty."""
    try:
        os.link(place, kept)
    except OSError:  # a file system without links
        place.replace(kept)
    make_durable(kept.parent)


def _move(path: Path, to: Path) -> None:
    with suppress(FileNotFoundError):
        path.replace(to)
