"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from elt.errors import ConfigError

NEW_FILE_MODE = 0o644


def write_whole(path: Path, text: str, *, mode: int | None = None) -> None:
    """Put a new text in a file's place at once, so that nobody reads half of it.

    Its permissions stay, unless `mode` is given; where it is a link, what it links to
    is written. Raises ConfigError when that cannot be done.
    """
    target = path.resolve()
    try:
        content = text.encode("utf-8", "surrogateescape")
        _replace(target, content, _mode(target) if mode is None else mode)
    except OSError as error:
        raise ConfigError(
            f"`{path.name}` cannot be written: {_reason(error)}",
            where=str(target),
            hint=f"Let the user that runs elt write to it and to {target.parent}",
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder and those around it. Raises ConfigError when that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the folder cannot be made: {_reason(error)}",
            where=str(path),
            hint="Choose a folder that you may write to",
        ) from error


def make_private_folder(path: Path) -> None:
    """Make a folder for this user only, and so those around it that are not there.

    `mkdir` gives its mode to the last one alone.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def _replace(target: Path, content: bytes, mode: int) -> None:
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(None, "the file is read-only")
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    aside = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _mode(target: Path) -> int:
    if not target.exists():
        return NEW_FILE_MODE
    return stat.S_IMODE(target.stat().st_mode)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
