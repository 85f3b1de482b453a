"""A foreign Singer target as a process: written to without waiting in vain, and heard.

The end of the pipe that it reads from is kept here too, so that what an ended target
has left unread can be counted; that it is gone is seen by looking.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

from elt.errors import EltError
from elt.singer.private_files import private_files
from elt.singer.process import OnLine, TapProcess, TapProgram

# How late it may be seen that somebody has ended or asks to stop.
_LOOK_SECONDS = 0.2
_CHUNK_BYTES = 1 << 20
# What goes on for so long without a newline is no STATE and is thrown away.
_LINE_LIMIT_BYTES = 16 << 20

OnLines = Callable[[list[bytes]], None]


class TargetEnded(Exception):
    """The target ended before it was told that no more will come."""


@contextlib.contextmanager
def start_target(
    program: TapProgram, config: Mapping[str, Any], on_line: OnLine = lambda _: None
) -> Iterator[TargetProcess]:
    """Run a target; it and all it started are gone at the end of the block.

    As with a tap, the calling thread must live as long as the target does.
    """
    with private_files(program.private_dir, {"config": config}) as paths, _Pipe() as to:
        arguments = ["--config", str(paths["config"])]
        with TapProcess(
            program, arguments, on_line, kind="target", stdin=to.readable
        ) as process:
            yield TargetProcess(process, to)


class _Pipe:
    """What the target reads, with both ends in our hands."""

    def __init__(self) -> None:
        self.readable, self.writable = os.pipe()
        self.is_open = True
        # A pipe that polls as writable takes one page at once, and would keep us
        # waiting for the rest.
        os.set_blocking(self.writable, False)

    def end(self) -> None:
        if self.is_open:
            self.is_open = False
            os.close(self.writable)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        os.close(self.readable)


class TargetProcess:
    """One running target: written to by one thread, listened to by another."""

    def __init__(self, process: TapProcess, pipe: _Pipe) -> None:
        self.name = process.program.name
        self.error = process.error
        self.has_ended = process.has_ended
        self.is_stuck = False  # it took nothing for too long
        self._process = process
        self._pipe = pipe

    @contextlib.contextmanager
    def listening(
        self, on_lines: OnLines, on_trouble: Callable[[], object]
    ) -> Iterator[Listening]:
        """Hear the target's stdout in a thread, until the end of the block.

        `on_lines` is given the complete lines that came together. `on_trouble` is
        called when it raised an error, or when the target ends too early. The target
        is ended with the block.
        """
        heard = Listening()
        thread = threading.Thread(
            target=self._listen,
            args=(heard, on_lines, on_trouble),
            name=f"stdout of {self.name}",
            daemon=True,
        )
        thread.start()
        try:
            yield heard
        finally:
            self._process.stop(grace_seconds=1.0)
            thread.join()

    def write(
        self,
        content: bytes,
        *,
        idle_timeout_seconds: float,
        asked_to_stop: Callable[[], bool],
    ) -> None:
        """Hand bytes over; returns early only when asked to stop.

        Raises TargetEnded when nobody is there to read them, EltError when the target
        takes nothing for the idle timeout.
        """
        view = memoryview(content)
        moved_at = time.monotonic()
        while view and not asked_to_stop():
            if self.has_ended():
                raise TargetEnded
            _, ready, _ = select.select([], [self._pipe.writable], [], _LOOK_SECONDS)
            if ready:
                view = view[os.write(self._pipe.writable, view) :]
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > idle_timeout_seconds:
                self.is_stuck = True
                raise self.error(
                    f"read nothing for {idle_timeout_seconds:g} seconds and was taken"
                    " for hanging"
                )

    def end_input(self) -> None:
        """Tell the target that no more comes. Raises TargetEnded when it is gone."""
        if self.has_ended():
            raise TargetEnded
        self._pipe.end()

    def wait(self, timeout_seconds: Callable[[], float]) -> int:
        """Wait for the end of the target and give its exit code.

        The time allowed may change meanwhile. Raises EltError when it is over.
        """
        begun = time.monotonic()
        while not self.has_ended():
            waited = time.monotonic() - begun
            if waited > timeout_seconds():
                raise self.error(f"did not end within {waited:.0f} s of its last input")
            time.sleep(0.01)
        return self._process.wait()

    def unread_bytes(self) -> int:
        """Count what still lies in the pipe: what an ended target has not read."""
        import fcntl  # noqa: PLC0415  not on every platform
        import termios  # noqa: PLC0415

        answer = fcntl.ioctl(self._pipe.readable, termios.FIONREAD, b"\0" * 4)
        return int.from_bytes(answer, sys.byteorder)

    def _listen(
        self,
        heard: Listening,
        on_lines: OnLines,
        on_trouble: Callable[[], object],
    ) -> None:
        for lines in self._chunks():
            if heard.error is not None:
                continue  # the rest is read, so that the target never waits for us
            try:
                on_lines(lines)
            except EltError as error:
                heard.error = error
                on_trouble()
        while not self.has_ended():
            time.sleep(_LOOK_SECONDS)  # it has closed its stdout and may read on
        if self._pipe.is_open:
            on_trouble()

    def _chunks(self) -> Iterator[list[bytes]]:
        """Give complete lines until the pipe ends, or the target with an empty pipe."""
        pipe = self._process.stdout.fileno()
        rest = b""
        while True:
            ended = self.has_ended()
            patience = 0.0 if ended else _LOOK_SECONDS
            readable, _, _ = select.select([pipe], [], [], patience)
            if not readable and ended:
                break  # what the target started may have the pipe still
            chunk = os.read(pipe, _CHUNK_BYTES) if readable else None
            if chunk == b"":
                break
            *lines, rest = (rest + (chunk or b"")).split(b"\n")
            if lines:
                yield lines
            if len(rest) > _LINE_LIMIT_BYTES:
                rest = b""
        if rest:
            yield [rest]


class Listening:
    """What has gone wrong in the thread that listens."""

    error: EltError | None = None
