"""Files: how large, whether there is room, and how to be sure that they are there."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from elt.errors import EltError

_UNIT = 1000
# What must stay free beside what is written: others use the disk meanwhile.
_SPARE_BYTES = 16_000_000


def size(number: int) -> str:
    """Write a number of bytes with its unit: `812 MB`, `1.2 GB`."""
    amount = float(number)
    for unit in ("bytes", "kB", "MB"):
        if amount < _UNIT - 0.5:
            return f"{amount:.0f} {unit}"
        amount /= _UNIT
    return f"{amount:.1f} GB"


def bytes_of(path: Path) -> int:
    """Sum up a file or a folder; what vanishes meanwhile counts nothing."""
    if path.is_dir() and not path.is_symlink():
        return sum(bytes_of(below) for below in _below(path))
    with suppress(OSError):
        return path.lstat().st_size
    return 0


def require_space(folder: Path, needed: int, what: str) -> None:
    """Raise EltError when a folder's disk has less than what will be written to it."""
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise EltError(
            f"{what} needs about {size(needed)} of disk, and {size(free)} are free",
            where=str(folder),
            hint="Make room first: `elt clean` shows what can go",
        )


def make_durable(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def take_over_mode(made: Path, old: Path) -> None:
    """Give a file the permissions and, where we may, the owner of another one."""
    was = old.stat()
    made.chmod(was.st_mode & 0o7777)
    with suppress(PermissionError):
        os.chown(made, was.st_uid, was.st_gid)


def _below(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
