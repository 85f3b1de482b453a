from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from elt.errors import ConfigError
from elt.reverse.destination import Added, Changed, Receipt, Removed, Route
from elt.reverse.destinations.webhook import WebhookDestination
from elt.testing.receiver import Received, Receiver, received_in

ROUTE = Route(sync="health", run_id="r1", object="customers", key="id", mode="mirror")
ANN = Added("ann", '{"id":"ann","owes":1.10}')
OURS = "between us"
BOB = Added("bob", '{"id":"bob","owes":0}')


def test_it_keeps_rows_by_their_key_and_answers_for_each() -> None:
    with Receiver() as receiver:
        receipts = send(receiver, ANN, BOB)

        assert receipts == [Receipt("ann", "accepted"), Receipt("bob", "accepted")]
        assert receiver.row("ann") == {"id": "ann", "owes": 1.10}


def test_changed_and_removed_rows_are_changed_and_removed() -> None:
    with Receiver() as receiver:
        send(receiver, ANN, BOB)
        send(receiver, Changed("ann", '{"id":"ann","owes":2}'), Removed("bob"))

        assert set(receiver.rows) == {"ann"}
        assert receiver.row("ann")["owes"] == 2


def test_it_takes_what_is_signed_with_its_secret() -> None:
    with Receiver(secret=OURS) as receiver:
        send(receiver, ANN, secret=OURS)

        assert set(receiver.rows) == {"ann"}


def test_it_refuses_what_is_signed_with_another_secret() -> None:
    with (
        Receiver(secret=OURS) as receiver,
        pytest.raises(ConfigError, match="401"),
    ):
        send(receiver, ANN, secret=OURS[::-1])

    assert receiver.rows == {}


def test_a_request_sent_twice_is_taken_once() -> None:
    with Receiver() as receiver:
        first = send(receiver, ANN)
        receiver.rows.clear()
        again = send(receiver, ANN)

        assert again == first
        assert receiver.rows == {}
        assert len(receiver.requests) == 1


def test_a_refused_row_is_answered_for_and_the_rest_are_kept() -> None:
    def refuse(row: dict[str, Any]) -> str | None:
        return "nothing owed" if row["owes"] == 0 else None

    with Receiver(refuse=refuse) as receiver:
        receipts = send(receiver, ANN, BOB)

        assert receipts[1] == Receipt("bob", "rejected", "nothing owed")
        assert set(receiver.rows) == {"ann"}


def test_what_is_no_json_is_refused() -> None:
    with Receiver() as receiver:
        answer = httpx.post(receiver.url, content=b"hello", trust_env=False)

    assert answer.status_code == 422


def test_its_folder_outlives_it(tmp_path: Path) -> None:
    with Receiver(folder=tmp_path) as receiver:
        send(receiver, ANN)
    with Receiver(folder=tmp_path) as receiver:
        send(receiver, BOB)

        assert set(receiver.rows) == {"ann", "bob"}

    text = (tmp_path / "rows.json").read_text()
    assert text.splitlines()[1] == '"ann": {"id":"ann","owes":1.10},'
    assert [each.added for each in received_in(tmp_path)] == [1, 1]


def test_a_folder_without_requests_has_received_nothing(tmp_path: Path) -> None:
    none: list[Received] = received_in(tmp_path / "nowhere")

    assert none == []


def send(
    receiver: Receiver, *changes: Added | Changed | Removed, secret: str | None = None
) -> list[Receipt]:
    config = {"url": receiver.url, "secret": secret}
    return list(WebhookDestination(config, Path()).send(ROUTE, changes))
