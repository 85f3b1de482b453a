"""A tap as a process: found, started in a group of its own, listened to, ended whole.

The tap's stdout is left to the reader; its stderr is always drained, so that a tap
that floods it never waits for us.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from elt.errors import ConfigError, EltError, Interrupted, Unavailable
from elt.singer.catalog import annotated
from elt.singer.diagnosis import (
    Diagnosis,
    asking_to_wait,
    diagnose,
    error_of_ours,
    without_frames,
)
from elt.singer.install_errors import program_hint
from elt.singer.orphans import end_with_us, get_ready, let_go
from elt.singer.private_files import private_files, write_private
from elt.singer.stderr import LastLines, drain

OnLine = Callable[[str], None]
CATALOG_LIMIT_BYTES = 256 << 20
SAID = "it said:"  # before last words, the best of which is in the error's `what`
_HELP_TIMEOUT_SECONDS = 20.0

# The child asks the kernel to be killed when elt dies, however elt dies. This runs in
# a small interpreter of its own (12 ms), because running Python between fork and exec
# in a process with threads can deadlock. `prctl(1, 9)` is PR_SET_PDEATHSIG, SIGKILL.
_BOUND_TO_PARENT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit(f"cannot start {sys.argv[2]}: {error.strerror}")
"""


@dataclass(frozen=True, slots=True)
class TapProgram:
    """What to run, where; `private_dir` takes the files that hold config and state.

    `catalog_flag` is set where it is known; else the program's help is asked once.
    """

    argv: tuple[str, ...]
    cwd: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    private_dir: Path = field(default_factory=lambda: Path(tempfile.gettempdir()))
    catalog_flag: str | None = None
    tap: str = ""  # its name in the project

    @property
    def name(self) -> str:
        return self.tap or Path(self.argv[0]).name


@contextlib.contextmanager
def start_tap(
    program: TapProgram,
    config: Mapping[str, Any],
    catalog: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
    on_line: OnLine = lambda _: None,
) -> Iterator[TapProcess]:
    """Run a tap for a sync; it and all it started are gone at the end of the block.

    The calling thread must live as long as the tap: the kernel ends the tap when the
    thread that started it ends.
    """
    contents: dict[str, Mapping[str, Any]] = {"config": config}
    flag = "--catalog" if catalog is None else _catalog_flag(program)
    if catalog is not None:
        old = flag == "--properties"
        contents["catalog"] = annotated(catalog) if old else catalog
    if state:
        contents["state"] = state
    flags = {"config": "--config", "catalog": flag, "state": "--state"}
    with private_files(program.private_dir, contents) as paths:
        arguments = [text for name in paths for text in (flags[name], str(paths[name]))]
        with TapProcess(program, arguments, on_line) as tap:
            yield tap


class TapProcess:
    """One running tap. `stdout` is its raw pipe, for the reader alone.

    `kind` is what errors call it, `stdin` the end of a pipe that it reads from: a
    target is such a process too.
    """

    def __init__(
        self,
        program: TapProgram,
        arguments: Sequence[str],
        on_line: OnLine,
        *,
        kind: str = "tap",
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.program = program
        self.kind = kind
        self._last = LastLines()
        self._buried = False
        get_ready()
        self._popen = _popen([*program.argv, *arguments], program, kind, stdin)
        end_with_us(self.pid)
        self.stdout: IO[bytes] = _pipe(self._popen.stdout)
        self._drain = threading.Thread(
            target=drain,
            args=(_pipe(self._popen.stderr), on_line, self._last),
            name=f"stderr of {program.name}",
            daemon=True,
        )
        self._drain.start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last lines that the tap wrote on stderr, at most 20."""
        return self._last.lines()

    def has_ended(self) -> bool:
        """Tell whether the tap itself has ended; children may still hold its pipes."""
        # Looked at without reaping: while the dead leader is kept, its number cannot
        # be given to a stranger, whom the signal to the group would then hit.
        if self._popen.returncode is not None or not hasattr(os, "waitid"):
            return self._popen.poll() is not None
        options = os.WEXITED | os.WNOWAIT | os.WNOHANG
        try:
            return os.waitid(os.P_PID, self.pid, options) is not None
        except ChildProcessError:
            return True

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the tap's end and give its exit code; its children end with it.

        Raises EltError when it still runs after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.has_ended():
            if deadline is not None and time.monotonic() > deadline:
                raise self.error(f"did not end within {timeout:g} seconds")
            time.sleep(0.01)
        return self._bury()

    def stop(self, grace_seconds: float = 5.0) -> int:
        """Ask the tap to end, then end it and all it started; give the exit code."""
        if not self.has_ended():
            self._signal(signal.SIGTERM)
        deadline = time.monotonic() + grace_seconds
        while not self.has_ended() and time.monotonic() < deadline:
            time.sleep(0.01)
        return self._bury()

    def error(self, what: str) -> EltError:
        """Make an error of the tap, with its last words and what they mean.

        It is Unavailable when the tap ended with 75, or says that its source did not
        answer or asked to slow down: then it is worth another try, after the wait that
        it names. It is a ConfigError when a tap of ours ended with 2.
        """
        if self.has_ended():
            self._drain.join(1.0)
        lines = self.last_lines
        name = f"{self.kind} `{self.program.name}`"
        found = diagnose(lines)
        error = _kind_of_error(self._popen.returncode, lines, found)
        if not lines:
            hint = f"It said nothing; try `{self._by_hand()} --help`"
            return error(f"{name} {what}", hint=hint)
        known = found.cause != "unknown"
        said = "\n    ".join(without_frames(lines) if known else lines)
        remedy = found.remedy if known and self.kind == "tap" else None
        made = error(
            f"{name} {what}: {found.line}",
            where=f"{SAID}\n    {said}",
            hint=program_hint(lines) or found.hint or remedy,
        )
        return asking_to_wait(made, found)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop(grace_seconds=5.0 if error is not None else 1.0)
        self._drain.join(1.0)
        self.stdout.close()

    def _bury(self) -> int:
        if not self._buried:
            self._buried = True
            self._signal(signal.SIGKILL)
            let_go(self.pid)
        return self._popen.wait()

    def _signal(self, number: signal.Signals) -> None:
        # macOS answers EPERM for a group of which only the dead leader is left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _by_hand(self) -> str:
        return " ".join(self.program.argv)


def bound_to_parent(argv: Sequence[str]) -> list[str]:
    """Make a command that ends when the thread that starts it does, where Linux is."""
    if sys.platform != "linux":
        return list(argv)
    launcher = [sys.executable, "-I", "-S", "-c", _BOUND_TO_PARENT]
    return [*launcher, str(os.getpid()), *argv]


def _kind_of_error(
    code: int | None, lines: Sequence[str], found: Diagnosis
) -> type[EltError]:
    if code == ConfigError.exit_code and error_of_ours(lines):
        return ConfigError  # of others it is any wrong use of their command line
    temporary = code == Unavailable.exit_code or found.is_temporary
    return Unavailable if temporary else EltError


def _popen(
    argv: Sequence[str], program: TapProgram, kind: str, stdin: int
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            bound_to_parent(argv),
            cwd=program.cwd,
            env=dict(program.environ),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
    except OSError as error:
        raise EltError(
            f"{kind} `{program.name}` cannot be started: {error.strerror}",
            where=argv[0],
            hint="Is it a program, and may it be executed (`chmod +x`)?",
        ) from error


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:  # pragma: no cover  (always asked for)
        raise EltError("the tap has no pipe")
    return pipe


def read_all(
    tap: TapProcess,
    deadline: float,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> bytes:
    """Read the tap's stdout to its end, or to the tap's."""
    import select  # noqa: PLC0415  not on every platform

    pieces: list[bytes] = []
    size = 0
    while size <= CATALOG_LIMIT_BYTES:
        left = deadline - time.monotonic()
        if should_stop():
            raise Interrupted(f"asked to stop while {tap.program.name} was asked")
        if left <= 0:
            raise tap.error("took too long to answer")
        readable, _, _ = select.select([tap.stdout], [], [], min(left, 1.0))
        if not readable and not tap.has_ended():
            continue
        piece = os.read(tap.stdout.fileno(), 1 << 20) if readable else b""
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
    raise tap.error(f"wrote more than {CATALOG_LIMIT_BYTES >> 20} MB as its catalog")


def _catalog_flag(program: TapProgram) -> str:
    """Give the flag for the catalog: the oldest taps know only `--properties`."""
    if program.catalog_flag is not None:
        return program.catalog_flag
    remembered = program.private_dir / "catalog-flags.json"
    name = "\0".join(program.argv)
    known = _read_flags(remembered)
    if name not in known:
        known[name] = _asked_flag(program)
        write_private(remembered, json.dumps(known))
    return known[name]


def _read_flags(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _asked_flag(program: TapProgram) -> str:
    with TapProcess(program, ["--help"], lambda _: None) as tap:
        try:
            text = read_all(tap, time.monotonic() + _HELP_TIMEOUT_SECONDS)
        except EltError:
            return "--catalog"
    said = text.decode("utf-8", "replace") + "\n".join(tap.last_lines)
    old = "--properties" in said and "--catalog" not in said
    return "--properties" if old else "--catalog"
