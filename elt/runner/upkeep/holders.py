"""Which processes have a lock on a file, as the kernel tells."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LOCKS = Path("/proc/locks")
_PYTHON = "python"
_FIELDS = 6  # number, kind, mode, access, pid, device:inode


@dataclass(frozen=True, slots=True)
class Holder:
    """A process; `command` names its program and, of Python, what it runs."""

    pid: int
    command: str
    writes: bool

    def __str__(self) -> str:
        return f"`{self.command}` (process {self.pid})"


def holders(path: Path, locks: Path = _LOCKS) -> list[Holder]:
    """List the other processes with a lock on a file; empty where nobody says."""
    try:
        inode = str(path.stat().st_ino)
        lines = locks.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    found: dict[int, bool] = {}
    for line in lines:
        fields = [field for field in line.split() if field != "->"]
        if len(fields) < _FIELDS or fields[5].rpartition(":")[2] != inode:
            continue
        pid = int(fields[4])
        if pid not in (os.getpid(), -1):
            found[pid] = found.get(pid, False) or fields[3] == "WRITE"
    return [Holder(pid, command_of(pid), writes) for pid, writes in found.items()]


def command_of(pid: int) -> str:
    """Name what a process runs, without its arguments: secrets may stand there."""
    with suppress(OSError):
        line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        words = [word for word in line.split("\0") if word]
        if words:
            return _named(words)
    return "a program"


def _named(words: list[str]) -> str:
    program = Path(words[0]).name
    if not program.startswith(_PYTHON):
        return program
    match words[1:]:
        case ["-m", module, *_]:
            return f"{program} -m {module}"
        case [script, *_] if not script.startswith("-"):
            return f"{program} {Path(script).name}"
        case _:
            return program
