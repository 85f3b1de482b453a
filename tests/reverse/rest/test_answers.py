from __future__ import annotations

import json

import pytest

from elt.errors import ConfigError
from elt.reverse.destination import Added, Receipt
from elt.reverse.rest.answers import read_reading, receipts
from elt.reverse.rest.settings import CallTable

ANN, BOB = Added("ann", "{}"), Added("bob", "{}")


def read(answer, changes=(ANN, BOB), **tables):
    call = CallTable(method="POST", path="/x", **tables)
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return list(receipts(read_reading(call, "here"), body, list(changes)))


def statuses(*arguments, **tables):
    return [receipt.status for receipt in read(*arguments, **tables)]


def test_without_settings_the_status_of_the_answer_is_all_there_is():
    assert statuses(b"whatever") == ["accepted", "accepted"]


def test_results_in_the_order_of_the_rows():
    """As Salesforce's collections answer."""
    answer = [
        {"id": "001", "success": True, "errors": []},
        {"success": False, "errors": [{"message": "bad email"}]},
    ]
    table = {"status": "success", "id": "id", "message": "errors[0].message"}

    assert read(answer, results=table) == [
        Receipt("ann", "accepted", "", "001"),
        Receipt("bob", "rejected", "bad email"),
    ]


def test_results_by_key_in_any_order():
    answer = {"items": [{"ref": "bob", "id": 12345678901234567890}, {"ref": "ann"}]}

    found = read(answer, results={"path": "$.items", "key": "ref", "id": "id"})

    assert found == [
        Receipt("ann", "accepted"),
        Receipt("bob", "accepted", "", "12345678901234567890"),
    ]


def test_values_that_are_worth_another_try():
    answer = [{"code": 200}, {"code": 429}]
    table = {"status": "code", "accepted": [200, 201], "retryable": [429]}

    assert statuses(answer, results=table) == ["accepted", "retryable"]


def test_a_number_is_the_same_as_its_text():
    table = {"status": "code", "accepted": ["200"]}

    assert statuses([{"code": 200}, {"code": "200"}], results=table) == [
        "accepted",
        "accepted",
    ]


def test_a_row_without_a_result_is_unknown():
    answer = {"items": [{"ref": "bob"}]}

    assert statuses(answer, results={"path": "items", "key": "ref"}) == [
        "unknown",
        "accepted",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        {"items": [{"ref": "ann"}]},
        {"items": [{}, {}, {}]},
        {"other": []},
        {"items": None},
    ],
)
def test_results_that_cannot_be_put_down_to_rows_accept_nothing(answer):
    assert statuses(answer, results={"path": "items"}) == ["unknown", "unknown"]


def test_an_entry_of_a_stranger_makes_all_rows_unknown():
    answer = {"items": [{"ref": "ann"}, {"ref": "zoe"}]}

    (ann, bob) = read(answer, results={"path": "items", "key": "ref"})

    assert ann.status == bob.status == "unknown"
    assert "belong to no row" in ann.message


def test_errors_by_key_leave_the_others_accepted():
    """As Mailchimp answers, with 200."""
    answer = {"errors": [{"email_address": "bob", "error": "is a fake"}]}
    table = {"path": "errors", "key": "email_address", "message": "error"}

    assert read(answer, errors=table) == [
        Receipt("ann", "accepted"),
        Receipt("bob", "rejected", "is a fake"),
    ]


def test_errors_by_position():
    """As Braze and Customer.io answer."""
    answer = {"errors": [{"index": 0, "type": "bad"}]}

    table = {"path": "errors", "index": "index", "message": "type"}

    assert statuses(answer, errors=table) == ["rejected", "accepted"]


@pytest.mark.parametrize("answer", [{}, {"errors": None}, {"errors": []}])
def test_no_errors_is_good_news(answer):
    table = {"path": "errors", "index": "index"}

    assert statuses(answer, errors=table) == ["accepted", "accepted"]


def test_an_error_about_nobody_in_particular_makes_all_rows_unknown():
    table = {"path": "errors", "index": "index"}

    assert statuses({"errors": [{"text": "oops"}]}, errors=table) == [
        "unknown",
        "unknown",
    ]


def test_results_and_errors_together_answer_for_every_row():
    """As HubSpot answers with 207: the ones that were taken, and the others."""
    answer = {
        "results": [{"id": "7", "trace": "1"}],
        "errors": [{"message": "no", "context": {"trace": ["0"]}}],
    }

    found = read(
        answer,
        results={"path": "results", "index": "trace", "id": "id"},
        errors={"path": "errors", "index": "context.trace[0]", "message": "message"},
    )

    assert found == [
        Receipt("ann", "rejected", "no"),
        Receipt("bob", "accepted", "", "7"),
    ]


def test_the_answer_for_one_row_is_the_result_itself():
    assert read({"id": 7}, [ANN], results={"id": "id"}) == [
        Receipt("ann", "accepted", "", "7")
    ]


def test_one_row_can_be_refused_with_200():
    """As Slack's methods answer."""
    table = {"status": "ok", "message": "error"}

    assert read({"ok": False, "error": "not_in_channel"}, [ANN], results=table) == [
        Receipt("ann", "rejected", "not_in_channel")
    ]


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_an_id_that_is_not_given_holds_nothing_up(body):
    table = {"path": "$.record", "id": "id"}

    assert statuses(body, [ANN], results=table) == ["accepted"]


def test_a_status_that_is_not_there_is_not_acceptance():
    assert statuses({}, [ANN], results={"status": "ok"}) == ["rejected"]
    assert statuses(b"", [ANN], results={"status": "ok"}) == ["unknown"]


@pytest.mark.parametrize(
    ("tables", "what"),
    [
        ({"errors": {"path": "errors"}}, "nothing says which row"),
        ({"errors": {"path": "e", "key": "a", "index": "b"}}, "exclude each other"),
        ({"results": {"statsu": "ok"}}, "unknown setting `statsu`"),
        ({"results": {"status": "a["}}, "no place in JSON"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tables, what):
    with pytest.raises(ConfigError, match=what):
        read_reading(CallTable(method="POST", path="/x", **tables), "here")


def test_numbers_with_a_point_stay_as_they_are_written():
    changes = [Added("1.10", "{}")]
    answer = b'[{"ref": 1.10, "id": 12345678901234567890.50}]'

    found = read(answer, changes, results={"path": "$", "key": "ref", "id": "id"})

    assert found == [Receipt("1.10", "accepted", "", "12345678901234567890.50")]


def test_two_results_for_one_row_that_contradict_each_other_are_no_answer():
    answer = [{"k": "ann", "ok": False}, {"k": "ann", "ok": True}, {"k": "bob"}]
    table = {"path": "$", "key": "k", "status": "ok"}

    assert statuses(answer, results=table) == ["unknown", "unknown"]
    assert statuses([answer[1]] * 2, [ANN], results=table) == ["accepted"]


def test_an_answer_that_is_nested_too_deep_is_no_answer():
    assert statuses(b"[" * 200_000, results={"path": "$"}) == ["unknown", "unknown"]


def test_half_a_character_in_an_answer_does_not_keep_it_from_being_stored():
    (receipt,) = read(b'{"id": "\\ud800"}', [ANN], results={"id": "id"})

    assert receipt == Receipt("ann", "accepted", "", "?")
