"""A web server on this machine that takes what the `webhook` destination sends.

It checks signatures, takes a request that is sent twice once, as long as it serves,
and keeps the rows by their key: what a tool on the other side should do.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

LOOPBACK = "127.0.0.1"
OLDEST_SIGNATURE_SECONDS = 300


class Change(msgspec.Struct):
    """One change as it came; payloads are kept as text, so that numbers stay exact."""

    op: str
    key: str
    payload: msgspec.Raw


class Body(msgspec.Struct):
    sync: str
    object: str
    run_id: str
    changes: list[Change]


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """One request that was taken, as in `requests.jsonl`."""

    idempotency_key: str
    sync: str
    run_id: str
    added: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""


Refuse = Callable[[dict[str, Any]], str | None]


def _refuse_nothing(_: dict[str, Any]) -> str | None:
    return None


@dataclass(slots=True, kw_only=True)
class Receiver:
    """Serve while the `with` lasts; `url` is where.

    secret: refuse what is not signed with it, with 401.
    folder: keep `rows.json` and `requests.jsonl` there, from one time to the next.
    refuse: say why a row's payload is not accepted, or None.
    """

    secret: str | None = None
    folder: Path | None = None
    refuse: Refuse = _refuse_nothing
    rows: dict[str, msgspec.Raw] = field(default_factory=dict)
    requests: list[Received] = field(default_factory=list)
    _answers: dict[str, Answer] = field(default_factory=dict)
    _one_request: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        assert self._server is not None, "only inside `with`"  # noqa: S101
        return f"http://{LOOPBACK}:{self._server.server_port}/"

    def row(self, key: str) -> dict[str, Any]:
        """Give one row as it is known here."""
        decoded: dict[str, Any] = msgspec.json.decode(self.rows[key])
        return decoded

    def __enter__(self) -> Self:
        self._load()
        self._server = ThreadingHTTPServer((LOOPBACK, 0), _requests_to(self))
        self._server.daemon_threads = True
        threading.Thread(
            # The default looks only twice a second whether it shall stop.
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.01},
            name="receiver",
            daemon=True,
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._server is not None  # noqa: S101
        self._server.shutdown()
        self._server.server_close()
        self._server = None

    def answer(self, headers: dict[str, str], body: bytes) -> Answer:
        """Take one request; header names are in lower case."""
        if self.secret is not None and not _is_signed(self.secret, headers, body):
            return Answer(401, b'{"error":"the signature is not right"}')
        key = headers.get("idempotency-key", "")
        with self._one_request:
            known = self._answers.get(key)
            if known is None:
                known = self._answers[key] = self._take(key, body)
            return known

    def _take(self, idempotency_key: str, body: bytes) -> Answer:
        try:
            sent = msgspec.json.decode(body, type=Body)
        except msgspec.DecodeError as error:
            return Answer(422, msgspec.json.encode({"error": str(error)}))
        results = [self._apply(change) for change in sent.changes]
        operations = [change.op for change in sent.changes]
        received = Received(
            idempotency_key=idempotency_key,
            sync=sent.sync,
            run_id=sent.run_id,
            added=operations.count("added"),
            changed=operations.count("changed"),
            removed=operations.count("removed"),
        )
        self.requests.append(received)
        self._save(received)
        return Answer(200, msgspec.json.encode({"results": results}))

    def _apply(self, change: Change) -> dict[str, str]:
        if change.op == "removed":
            self.rows.pop(change.key, None)
            return {"key": change.key, "status": "accepted"}
        reason = self.refuse(msgspec.json.decode(change.payload))
        if reason is not None:
            return {"key": change.key, "status": "rejected", "message": reason}
        self.rows[change.key] = change.payload.copy()
        return {"key": change.key, "status": "accepted"}

    def _load(self) -> None:
        if self.folder is None or not (self.folder / "rows.json").exists():
            return
        kept = (self.folder / "rows.json").read_bytes()
        self.rows = msgspec.json.decode(kept, type=dict[str, msgspec.Raw])
        self.requests = received_in(self.folder)

    def _save(self, received: Received) -> None:
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [
            msgspec.json.encode(key) + b": " + bytes(self.rows[key])
            for key in sorted(self.rows)
        ]
        text = b"{\n" + b",\n".join(lines) + b"\n}\n"
        (self.folder / "rows.json").write_bytes(text)
        with (self.folder / "requests.jsonl").open("ab") as requests:
            requests.write(msgspec.json.encode(received) + b"\n")


def received_in(folder: Path) -> list[Received]:
    """List the requests that a receiver has kept in a folder."""
    path = folder / "requests.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Received) for line in lines]


def _is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    stamp = headers.get("x-elt-timestamp", "")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > OLDEST_SIGNATURE_SECONDS:
        return False
    signed = stamp.encode() + b"." + body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(headers.get("x-elt-signature", ""), f"sha256={expected}")


def _requests_to(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._reply(receiver.answer(headers, body))

        def do_OPTIONS(self) -> None:
            self._reply(Answer(204))

        def _reply(self, answer: Answer) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Say nothing: stderr belongs to the run."""

    return Requests
