"""An HTTP server on this machine for tests and the demo: it keeps what it is sent."""

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
    """One request as it came in."""

    headers: dict[str, str]  # names in lower case
    body: bytes
    method: str = "POST"
    path: str = "/hook"  # with its query, still escaped

    @property
    def json(self) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver says to a request; `drops` says nothing and hangs up."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    drops: bool = False


def accept(request: Request) -> Answer:
    del request
    return Answer()


class Receiver:
    """Listens on a free port of 127.0.0.1 from `with` on, and keeps every request."""

    def __init__(self, answer: Callable[[Request], Answer] = accept) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._requests())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.origin}/hook"

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

    def _requests(receiver) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body in one piece, or each answer waits 40 ms for the kernel.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(size)
                request = Request(headers, body, self.command, self.path)
                receiver.requests.append(request)
                self._say(receiver.answer(request))

            do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815

            def do_OPTIONS(self) -> None:
                self._say(Answer(204))

            def _say(self, answer: Answer) -> None:
                if answer.drops:
                    self.close_connection = True
                    return
                body = answer.body.encode()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        return Requests
