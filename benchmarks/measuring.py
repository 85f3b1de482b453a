"""One program and all it starts: seconds, processor time, memory. Linux only.

Memory is looked at every 50 ms: the resident memory of all processes of the tree added
up (RSS, pages that two of them share count twice) and, where asked for, their
proportional share (PSS), which takes the kernel some milliseconds to count.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

INTERVAL_SECONDS = 0.05
TIMEOUT_SECONDS = 900.0
_MEGABYTE = 1_000_000
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class FailedError(Exception):
    """A program ended badly, or what it made is not what it should have made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is run; `source` is a program whose stdout it reads."""

    command: tuple[str, ...]
    cwd: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    source: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """The tree's memory at one moment."""

    seconds: float
    rss_mb: float
    pss_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a program took; `cpu_seconds` are those of the whole tree, by wait4."""

    seconds: float
    cpu_seconds: float
    source_cpu_seconds: float
    first_thread_seconds: float  # of the program's own first thread, to 50 ms
    began: float  # seconds since 1970
    samples: tuple[Sample, ...]
    stdout: bytes
    stderr: bytes

    @property
    def rss_mb(self) -> float:
        return max(sample.rss_mb for sample in self.samples)

    @property
    def pss_mb(self) -> float:
        return max(sample.pss_mb for sample in self.samples)


def measure(program: Program, *, pss: bool = False) -> Measured:
    """Run a program to its end. Raises FailedError when it does not end with 0."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began, clock = time.time(), time.perf_counter()
        source = _start(program.source, program, out=subprocess.PIPE, err=err)
        child = _start(
            program.command, program, stdin=source and source.stdout, out=out, err=err
        )
        assert child is not None
        if source is not None and source.stdout is not None:
            source.stdout.close()
        samples, first_thread, used = _watch(child, clock, pss=pss)
        seconds = time.perf_counter() - clock
        source_used = _reap(source) if source is not None else 0.0
        found = Measured(
            seconds=seconds,
            cpu_seconds=used,
            source_cpu_seconds=source_used,
            first_thread_seconds=first_thread,
            began=began,
            samples=tuple(samples),
            stdout=_read(out),
            stderr=_read(err),
        )
    if child.returncode:
        said = (found.stdout + found.stderr).decode(errors="replace")[-2000:]
        ended = f"ended with {child.returncode}"
        raise FailedError(f"{' '.join(program.command)} {ended}:\n{said}")
    return found


def _start(
    command: tuple[str, ...],
    program: Program,
    *,
    out: int | IO[bytes],
    err: IO[bytes],
    stdin: IO[bytes] | None = None,
) -> subprocess.Popen[bytes] | None:
    if not command:
        return None
    return subprocess.Popen(
        command,
        cwd=program.cwd,
        env={**os.environ, "DO_NOT_TRACK": "1", **program.environ},
        stdin=stdin or subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
    )


def _watch(
    child: subprocess.Popen[bytes], clock: float, *, pss: bool
) -> tuple[list[Sample], float, float]:
    """Look at the tree until it ends; give samples, first thread and used seconds."""
    samples, first_thread = [], 0.0
    ended = os.pidfd_open(child.pid)
    # Only meanwhile: raised in the midst of a query, DuckDB would wait for ever.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        while not select.select([ended], [], [], INTERVAL_SECONDS)[0]:
            at = time.perf_counter() - clock
            samples.append(_sample(child.pid, at, pss=pss))
            first_thread = _thread_seconds(child.pid) or first_thread
            if at > TIMEOUT_SECONDS:
                os.killpg(child.pid, signal.SIGKILL)
    except BaseException:
        os.killpg(child.pid, signal.SIGKILL)  # it is in a session of its own
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(ended)
    return samples or [Sample(0.0, 0.0, 0.0)], first_thread, _reap(child)


def _reap(child: subprocess.Popen[bytes]) -> float:
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def _sample(pid: int, at: float, *, pss: bool) -> Sample:
    rss_bytes = pss_bytes = 0
    for one in tree(pid):
        rss_bytes += _rss_bytes(one)
        pss_bytes += _pss_bytes(one) if pss else 0
    return Sample(round(at, 2), rss_bytes / _MEGABYTE, pss_bytes / _MEGABYTE)


def tree(pid: int) -> Iterator[int]:
    """Give a process and all below it, as far as they still live."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            below = children.read_text().split()
        except OSError:
            continue
        for child in below:
            yield from tree(int(child))


def _rss_bytes(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return 0


def _pss_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _thread_seconds(pid: int) -> float:
    """Give what the first thread of a process has used so far."""
    try:
        fields = Path(f"/proc/{pid}/task/{pid}/stat").read_text().rsplit(")")[-1]
    except OSError:
        return 0.0
    user, system = fields.split()[11:13]
    return (int(user) + int(system)) / _TICKS


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
