"""The other side of a webhook: what a tool should do with what it is sent.

    inbox = Inbox(secret=...)
    with Receiver(inbox.answer) as receiver:   # elt.testing.webhooks
        ...                                    # send to receiver.url

It checks signatures, takes a request that is sent twice once, and keeps the rows by
their key.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from elt.testing.webhooks import Answer, Request

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
    """One request that was taken."""

    idempotency_key: str
    sync: str
    run_id: str
    added: int = 0
    changed: int = 0
    removed: int = 0


Refuse = Callable[[dict[str, Any]], str | None]


def _refuse_nothing(_: dict[str, Any]) -> str | None:
    return None


@dataclass(slots=True, kw_only=True)
class Inbox:
    """Takes requests and answers them.

    secret: refuse what is not signed with it, with 401.
    refuse: say why a row's payload is not accepted, or None.
    """

    secret: str | None = None
    refuse: Refuse = _refuse_nothing
    rows: dict[str, msgspec.Raw] = field(default_factory=dict)
    requests: list[Received] = field(default_factory=list)
    _answers: dict[str, Answer] = field(default_factory=dict)
    _one_request: threading.Lock = field(default_factory=threading.Lock)

    def row(self, key: str) -> dict[str, Any]:
        """Give one row as it is known here."""
        decoded: dict[str, Any] = msgspec.json.decode(self.rows[key])
        return decoded

    def answer(self, request: Request) -> Answer:
        if self.secret is not None and not _is_signed(self.secret, request):
            return Answer(401, '{"error":"the signature is not right"}')
        key = request.headers.get("idempotency-key", "")
        with self._one_request:
            if not key:
                return self._take(key, request.body)
            if key not in self._answers:
                self._answers[key] = self._take(key, request.body)
            return self._answers[key]

    def _take(self, idempotency_key: str, body: bytes) -> Answer:
        try:
            sent = msgspec.json.decode(body, type=Body)
        except msgspec.DecodeError as error:
            return Answer(422, _json({"error": str(error)}))
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
        return Answer(200, _json({"results": results}))

    def _apply(self, change: Change) -> dict[str, str]:
        if change.op == "removed":
            self.rows.pop(change.key, None)
            return {"key": change.key, "status": "accepted"}
        reason = self.refuse(msgspec.json.decode(change.payload))
        if reason is not None:
            return {"key": change.key, "status": "rejected", "message": reason}
        self.rows[change.key] = change.payload.copy()
        return {"key": change.key, "status": "accepted"}


def _is_signed(secret: str, request: Request) -> bool:
    stamp = request.headers.get("x-elt-timestamp", "")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > OLDEST_SIGNATURE_SECONDS:
        return False
    signed = stamp.encode() + b"." + request.body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    given = request.headers.get("x-elt-signature", "")
    return hmac.compare_digest(given, f"sha256={expected}")


def _json(document: object) -> str:
    return msgspec.json.encode(document).decode()
