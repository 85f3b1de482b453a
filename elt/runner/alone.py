"""Whoever changes a project keeps others out of it: by its lock, and by a journal.

The lock ends with its process. The journal of a restore that was broken off stays, and
holds everybody up until that restore is finished.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elt.errors import ConfigError
from elt.project.settings import Project
from elt.runner.lock import Held, hold, this_process

RESTORING = "elt restore"


@contextmanager
def alone(project: Project, doing: str) -> Iterator[None]:
    """Hold the project's lock; `doing` tells others what is under way.

    Raises Held when a run, or other upkeep, has it, and ConfigError when a restore was
    broken off and this is not one.
    """
    try:
        with hold(project.private_dir / "lock", this_process(doing)):
            if doing != RESTORING:
                require_finished(project.private_dir)
            yield
    except Held as held:
        held.hint = "Try again when it has ended"
        raise


def author() -> str:
    """Name whoever changes something by hand, for the trail that is kept of it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def journal_of(private_dir: Path) -> Path:
    return private_dir / "restore.json"


def require_finished(private_dir: Path) -> None:
    """Raise ConfigError while files are half swapped: that has to be finished first."""
    if journal_of(private_dir).exists():
        raise ConfigError(
            "a restore was broken off, and warehouse and run log may be of different"
            " times",
            where=str(journal_of(private_dir)),
            hint="Finish it first: `elt restore`",
        )
