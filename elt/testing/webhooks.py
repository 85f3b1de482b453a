"""A webhook's receiver on this machine, for tests and the demo."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Request:
    """One POST as it came in."""

    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver says to a POST."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def accept(request: Request) -> Answer:
    del request
    return Answer()


class Receiver:
    """Listens on a free port of 127.0.0.1 from `with` on, and keeps every POST."""

    def __init__(self, answer: Callable[[Request], Answer] = accept) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._posts())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    @property
    def changes(self) -> list[dict[str, Any]]:
        """Every change of every request, in the order in which they came."""
        return [c for request in self.requests for c in request.json["changes"]]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _posts(receiver) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Posts(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(headers, self.rfile.read(size))
                receiver.requests.append(request)
                self._say(receiver.answer(request))

            def do_OPTIONS(self) -> None:
                self._say(Answer(204))

            def _say(self, answer: Answer) -> None:
                body = answer.body.encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        return Posts
