"""Small APIs on this machine that answer as real ones do, for tests of destinations.

    api = BatchUpsert(token="...")
    with Receiver(api.answer) as receiver:   # elt.testing.webhooks
        ...                                  # send to receiver.origin

Each keeps its rows by key, refuses the rows whose keys are in `refuse`, and knows one
credential. What they do is what their vendors' documentation says, as far as a sync
needs it.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from elt.testing.destination_rules import Trouble
from elt.testing.webhooks import Answer, Receiver, Request

Fields = dict[str, Any]
TOKEN = "a-token-of-the-tests"  # noqa: S105 - it opens nothing
NO_CONTENT, NOT_FOUND, CONFLICT, TOO_LARGE = 204, 404, 409, 413


@dataclass(slots=True, kw_only=True)
class Api:
    """What they share."""

    authorization: str = f"Bearer {TOKEN}"
    rows: dict[str, Fields] = field(default_factory=dict)
    refuse: set[str] = field(default_factory=set)
    calls: int = 0
    _one_request: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != self.authorization:
            said = {"message": f"`{request.headers.get('authorization')}` is not known"}
            return Answer(401, json.dumps(said))
        with self._one_request:
            self.calls += 1
            return self.take(request)

    def take(self, request: Request) -> Answer:
        raise NotImplementedError


@dataclass(slots=True, kw_only=True)
class Crud(Api):
    """One call a row: POST /people, PUT, PATCH and DELETE /people/{id}.

    It makes ids of its own; a row whose key is there already is answered with 409 and
    a POST with an Idempotency-Key that it has seen is answered as before.
    """

    key: str = "id"
    own_ids: bool = True
    _keys: dict[str, str] = field(default_factory=dict)
    _answered: dict[str, Answer] = field(default_factory=dict)

    def take(self, request: Request) -> Answer:
        place = urlsplit(request.path).path.rpartition("/")[2]
        match request.method:
            case "GET":
                return Answer(200, "{}")
            case "POST":
                return self._post(request)
            case _ if self.own_ids:
                return self._one(request, self._keys.get(place))
            case _:
                return self._one(request, unquote(place))

    def _post(self, request: Request) -> Answer:
        once = request.headers.get("idempotency-key", "")
        if once and once in self._answered:
            return self._answered[once]
        answer = self._made(_read(request.body))
        if once:
            self._answered[once] = answer
        return answer

    def _made(self, fields: Fields) -> Answer:
        key = fields[self.key]
        if key in self.refuse:
            return Answer(422, '{"message": "not this one"}')
        if key in self.rows:
            return Answer(CONFLICT, '{"message": "there is one already"}')
        number = f"p{len(self._keys) + 1}"
        self._keys[number] = key
        self.rows[key] = fields
        return Answer(201, json.dumps({"data": {"id": number}}))

    def _one(self, request: Request, key: str | None) -> Answer:
        if key in self.refuse:
            return Answer(422, '{"message": "not this one"}')
        is_new = key is None or key not in self.rows
        if key is None or (is_new and request.method != "PUT"):
            return Answer(NOT_FOUND, '{"message": "there is none"}')
        if request.method == "DELETE":
            del self.rows[key]
            return Answer(NO_CONTENT)
        # What is in the address need not be in the body.
        self.rows[key] = self.rows.get(key, {}) | {self.key: key} | _read(request.body)
        return Answer(201 if is_new else 200, "{}")


@dataclass(slots=True, kw_only=True)
class BatchUpsert(Api):
    """HubSpot's: /crm/v3/objects/{type}/batch/upsert and /batch/archive.

    At most 100 inputs; 207 with `results` and `errors`, which carry the trace ids of
    their inputs; keys in `poison` refuse the whole batch, as an unknown property does.
    """

    poison: set[str] = field(default_factory=set)

    def take(self, request: Request) -> Answer:
        if request.method == "GET":
            return Answer(200, '{"portalId": 62515}')
        inputs = _read(request.body)["inputs"]
        ids = [each["id"] for each in inputs]
        if len(ids) > 100 or len(set(ids)) < len(ids):  # noqa: PLR2004 - HubSpot's
            return Answer(400, '{"status": "error", "message": "IDs must be unique"}')
        if self.poison & set(ids):
            return Answer(
                400, '{"status": "error", "message": "PROPERTY_DOESNT_EXIST"}'
            )
        if request.path.endswith("/batch/archive"):
            for each in ids:
                self.rows.pop(each.removeprefix("id-"), None)
            return Answer(NO_CONTENT)
        return self._upserted(inputs)

    def _upserted(self, inputs: list[Fields]) -> Answer:
        results, errors = [], []
        for each in inputs:
            key, trace = each["id"], each["objectWriteTraceId"]
            if key in self.refuse:
                about = {"objectWriteTraceId": [trace]}
                said = {"status": "error", "message": "not this one", "context": about}
                errors.append(said)
                continue
            is_new = key not in self.rows
            self.rows[key] = self.rows.get(key, {}) | each["properties"]
            results.append(
                {"id": f"id-{key}", "new": is_new, "objectWriteTraceId": trace}
            )
        answer: Fields = {"status": "COMPLETE", "results": results[::-1]}
        if not errors:
            return Answer(200, json.dumps(answer))
        answer |= {"errors": errors, "numErrors": len(errors)}
        return Answer(207, json.dumps(answer))


@dataclass(slots=True, kw_only=True)
class Batch(Api):
    """Customer.io's: POST /api/v2/batch with operations, 207 with the failed ones.

    At most 500 KB a call.
    """

    authorization: str = "Basic " + base64.b64encode(b"site:" + TOKEN.encode()).decode()

    def take(self, request: Request) -> Answer:
        if len(request.body) > 500 * 1024:
            return Answer(TOO_LARGE, '{"errors": [{"reason": "too large"}]}')
        if request.method == "GET":
            return Answer(200, "{}")
        errors = [
            {"batch_index": position, "reason": "invalid", "message": "not this one"}
            for position, operation in enumerate(_read(request.body)["batch"])
            if not self._applied(operation)
        ]
        if errors:
            return Answer(207, json.dumps({"errors": errors}))
        return Answer(200, "{}")

    def _applied(self, operation: Fields) -> bool:
        key = operation["identifiers"]["id"]
        if key in self.refuse:
            return False
        if operation["action"] == "delete":
            self.rows.pop(key, None)
        else:
            row = self.rows.get(key, {}) | operation["attributes"] | {"id": key}
            self.rows[key] = row
        return True


@dataclass(slots=True, kw_only=True)
class Bulk(Api):
    """A search engine's: POST /{index}/_bulk with JSON lines, `items` in order."""

    def take(self, request: Request) -> Answer:
        if request.method == "GET":
            return Answer(200, "{}")
        lines = iter(request.body.decode().splitlines())
        items = [self._applied(_read(line.encode()), lines) for line in lines]
        return Answer(200, json.dumps({"items": items}))

    def _applied(self, action: Fields, lines: Iterator[str]) -> Fields:
        ((name, about),) = action.items()
        key = about["_id"]
        if name == "delete":
            gone = self.rows.pop(key, None) is None
            return {name: {"_id": key, "status": 404 if gone else 200}}
        document = _read(next(lines).encode())
        if key in self.refuse:
            why = {"type": "mapper_parsing_exception", "reason": "not this one"}
            return {name: {"_id": key, "status": 400, "error": why}}
        status = 200 if key in self.rows else 201
        self.rows[key] = document
        return {name: {"_id": key, "status": status}}


def troubles(
    receiver: Receiver, more: Mapping[Trouble, Callable[[], None]] | None = None
) -> dict[Trouble, Callable[[], AbstractContextManager[object]]]:
    """Make the troubles of elt.testing.destination_rules that any server can have.

    `more` are others, each as a function that begins it.
    """
    made: dict[Trouble, Callable[[], AbstractContextManager[object]]] = {
        "refuses us": lambda: _says(receiver, 401),
        "is down": lambda: _says(receiver, 503),
        "loses the answer": lambda: _takes(receiver, lambda: None),
        "is slow": lambda: _is_slow(receiver),
    }
    for trouble, begin in (more or {}).items():
        made[trouble] = partial(_begun, begin)
    return made


@contextmanager
def _begun(begin: Callable[[], None]) -> Iterator[None]:
    begin()
    yield


@contextmanager
def _answering(
    receiver: Receiver, answer: Callable[[Request], Answer]
) -> Iterator[None]:
    usual, receiver.answer = receiver.answer, answer
    try:
        yield
    finally:
        receiver.answer = usual


@contextmanager
def _says(receiver: Receiver, status: int) -> Iterator[None]:
    def refuse(request: Request) -> Answer:
        # Servers do show what they were sent.
        return Answer(status, f"{request.headers} {request.path} {request.body!r}")

    with _answering(receiver, refuse):
        yield


@contextmanager
def _takes(receiver: Receiver, then: Callable[[], None]) -> Iterator[None]:
    take = receiver.answer

    def lose(request: Request) -> Answer:
        take(request)
        then()
        return Answer(drops=True)

    with _answering(receiver, lose):
        yield


@contextmanager
def _is_slow(receiver: Receiver) -> Iterator[None]:
    """Answer only when the trouble is over."""
    over = threading.Event()
    with _takes(receiver, partial(_wait, over)):
        try:
            yield
        finally:
            over.set()


def _wait(over: threading.Event) -> None:
    over.wait(30)


def _read(body: bytes) -> Fields:
    fields: Fields = json.loads(body, parse_float=Decimal)
    return fields
