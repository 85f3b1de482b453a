"""A TCP connection that breaks at a word: before it arrives, or before the answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Wire:
    """Forwards to a port of this machine; `cut_at` breaks each connection once heard.

    With `delivers` the words still arrive, and only the answer is lost.
    """

    def __init__(self, port: int) -> None:
        self.cut_at: bytes | None = None
        self.delivers = False
        self.cuts = 0
        self._target = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        port: int = self._listening.getsockname()[1]
        return port

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._cut(*self._open)
        for thread in self._threads:
            thread.join(timeout=10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    thread = threading.Thread(
                        target=self._forward, args=(*pair, pair[0] is near)
                    )
                    self._threads.append(thread)
                    thread.start()

    def _forward(self, source: socket.socket, to: socket.socket, is_ours: bool) -> None:
        with contextlib.suppress(OSError):
            while said := source.recv(65536):
                if is_ours and self.cut_at is not None and self.cut_at in said:
                    self._break(said, source, to)
                    return
                to.sendall(said)
        self._cut(source, to)

    def _break(self, said: bytes, source: socket.socket, to: socket.socket) -> None:
        self.cuts += 1
        self._cut(source)
        if self.delivers:
            to.sendall(said)
            to.settimeout(2)
            with contextlib.suppress(OSError):
                to.shutdown(socket.SHUT_WR)
                while to.recv(65536):
                    pass
        self._cut(to)

    def _cut(self, *sockets: socket.socket) -> None:
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


@contextlib.contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    wire = Wire(port)
    try:
        yield wire
    finally:
        wire.close()
