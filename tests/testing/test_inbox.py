from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from elt.errors import ConfigError
from elt.reverse.destination import Added, Changed, Receipt, Removed, Route
from elt.reverse.destinations.webhook import WebhookDestination
from elt.testing.inbox import Inbox
from elt.testing.webhooks import Receiver

ROUTE = Route(sync="health", run_id="r1", object="customers", key="id", mode="mirror")
ANN = Added("ann", '{"id":"ann","owes":1.10}')
BOB = Added("bob", '{"id":"bob","owes":0}')
OURS = "between us"


def test_it_keeps_rows_by_their_key_and_answers_for_each() -> None:
    inbox = Inbox()

    receipts = send(inbox, ANN, BOB)

    assert receipts == [Receipt("ann", "accepted"), Receipt("bob", "accepted")]
    assert inbox.row("ann") == {"id": "ann", "owes": 1.10}


def test_changed_and_removed_rows_are_changed_and_removed() -> None:
    inbox = Inbox()

    send(inbox, ANN, BOB)
    send(inbox, Changed("ann", '{"id":"ann","owes":2}'), Removed("bob"))

    assert set(inbox.rows) == {"ann"}
    assert inbox.row("ann")["owes"] == 2


def test_it_takes_what_is_signed_with_its_secret() -> None:
    inbox = Inbox(secret=OURS)

    send(inbox, ANN, secret=OURS)

    assert set(inbox.rows) == {"ann"}


def test_it_refuses_what_is_signed_with_another_secret() -> None:
    inbox = Inbox(secret=OURS)

    with pytest.raises(ConfigError, match="401"):
        send(inbox, ANN, secret=OURS[::-1])

    assert inbox.rows == {}


def test_a_request_sent_twice_is_taken_once() -> None:
    inbox = Inbox()

    first = send(inbox, ANN)
    inbox.rows.clear()
    again = send(inbox, ANN)

    assert again == first
    assert inbox.rows == {}
    assert len(inbox.requests) == 1


def test_a_refused_row_is_answered_for_and_the_rest_are_kept() -> None:
    def refuse(row: dict[str, Any]) -> str | None:
        return "nothing owed" if row["owes"] == 0 else None

    inbox = Inbox(refuse=refuse)

    receipts = send(inbox, ANN, BOB)

    assert receipts[1] == Receipt("bob", "rejected", "nothing owed")
    assert set(inbox.rows) == {"ann"}


def test_what_is_no_json_is_refused() -> None:
    with Receiver(Inbox().answer) as receiver:
        answer = httpx.post(receiver.url, content=b"hello", trust_env=False)

    assert answer.status_code == 422


def send(
    inbox: Inbox, *changes: Added | Changed | Removed, secret: str | None = None
) -> list[Receipt]:
    with Receiver(inbox.answer) as receiver:
        config = {"url": receiver.url, "secret": secret}
        return list(WebhookDestination(config, Path()).send(ROUTE, changes))
