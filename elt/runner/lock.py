"""One run at a time per project: a kernel lock that ends with its process.

`kill -9` frees it at once, so no rule about stale locks is needed. The owner is
written inside, for the message only.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from elt.errors import ConfigError, Interrupted, Unavailable
from elt.singer.private_files import pid_is_taken

_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A process, told from a later one with the same number.

    `process_start` counts from the boot and `boot` names it; both are empty where
    the system does not say.
    """

    run: str
    pid: int
    host: str
    boot: str
    process_start: str
    started_at: str  # of the run, ISO 8601 in UTC


class Held(Unavailable):
    """Another run holds the lock; `owner` is None when it has not said who it is."""

    def __init__(self, owner: Owner | None, path: Path) -> None:
        super().__init__(
            f"another run of this project is under way{_described(owner)}",
            where=str(path),
            hint="Wait for it, or use `--on-overlap wait=10m` or `--on-overlap skip`",
        )
        self.owner = owner
        if owner is not None and is_paused(owner):
            self.what += ", paused"
            self.hint = (
                f"It has been stopped and keeps its lock: `kill -CONT {owner.pid}` lets"
                f" it go on, `kill {owner.pid}; kill -CONT {owner.pid}` ends it"
            )


def this_process(run: str) -> Owner:
    pid = os.getpid()
    return Owner(
        run=run,
        pid=pid,
        host=socket.gethostname(),
        boot=_boot(),
        process_start=_process_start(pid),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def is_alive(owner: Owner) -> bool:
    """Tell whether the owner still runs; on another machine it is taken to."""
    if owner.host != socket.gethostname():
        return True
    return owner.boot == _boot() and owner.process_start == _process_start(owner.pid)


def is_paused(owner: Owner) -> bool:
    """Tell whether the owner lives and has been stopped, by Ctrl-Z or SIGSTOP."""
    if owner.host != socket.gethostname() or not is_alive(owner):
        return False
    state, *_ = _stat(owner.pid) or ("",)
    return state in {"T", "t"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What to do while another run has the lock; it fails at once by default."""

    seconds: float = 0.0  # as long as this; infinity is for ever
    should_stop: Callable[[], bool] = lambda: False
    tell: Callable[[Held], object] = lambda _: None  # once, when the wait begins
    sleep: Callable[[float], object] = time.sleep
    clock: Callable[[], float] = time.monotonic


@contextmanager
def hold(path: Path, owner: Owner, waiting: Waiting | None = None) -> Iterator[None]:
    """Hold the lock for as long as the block lasts, at most as long as the process.

    Raises Held when another process has it for too long, Interrupted when asked to
    stop waiting, ConfigError where there can be no lock.
    """
    file = _open(path)
    try:
        _wait(file, path, waiting or Waiting())
        _write(file, json.dumps(asdict(owner)))
        _leave_out_of_forks(file)
        yield
        _write(file, "")
    finally:
        # Closing frees the lock. The file stays: deleting it would let two runs hold
        # locks on two files of one name.
        os.close(file)


def _wait(file: int, path: Path, waiting: Waiting) -> None:
    until = waiting.clock() + waiting.seconds
    told = False
    while not _locked(file, path):
        if waiting.should_stop():
            raise Interrupted("asked to stop while waiting for another run")
        if waiting.clock() >= until:
            raise Held(read_owner(path), path)
        if not told:
            waiting.tell(Held(read_owner(path), path))
            told = True
        waiting.sleep(_POLL_SECONDS)


def read_owner(path: Path) -> Owner | None:
    """Read who wrote the lock last; None when it ended in order or says nothing."""
    try:
        return Owner(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"the lock cannot be written: {error.strerror}",
            where=str(path),
            hint="elt keeps its lock beside elt.toml, in `.elt/`",
        ) from error


def _locked(file: int, path: Path) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise ConfigError(
            f"there can be no lock on this file system: {error.strerror}",
            where=str(path),
            hint="Network file systems are often mounted without locks. Keep the"
            " project on a local disk, or mount it with them",
        ) from error
    return True


_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS}


def _write(file: int, text: str) -> None:
    os.ftruncate(file, 0)
    os.pwrite(file, text.encode(), 0)


def _leave_out_of_forks(file: int) -> None:
    """Close the file in forked children, which would hold the lock after our death.

    Programs that are started do not inherit it anyway.
    """
    identity = os.fstat(file)

    def close() -> None:
        with suppress(OSError):
            if os.path.samestat(os.fstat(file), identity):
                os.close(file)

    os.register_at_fork(after_in_child=close)


def _described(owner: Owner | None) -> str:
    if owner is None:
        return ""
    return f": {owner.run}, process {owner.pid} on {owner.host}, {owner.started_at}"


def _boot() -> str:
    try:
        return (
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        )
    except OSError:
        return ""


def _process_start(pid: int) -> str:
    """Give the process's start in clock ticks since the boot; empty when it is gone.

    Field 22 of proc(5)'s stat; the name in field 2 may hold spaces and brackets.
    """
    if not Path("/proc/self/stat").exists():
        return _exists(pid)
    state, *fields = _stat(pid) or ("Z",)
    return "gone" if state == "Z" else fields[18]


def _stat(pid: int) -> list[str] | None:
    """Give the fields of proc(5)'s stat from the third on, the process's state."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()


def _exists(pid: int) -> str:
    # Without /proc a process is known by its number alone.
    return "" if pid_is_taken(pid) else "gone"
