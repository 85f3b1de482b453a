from __future__ import annotations

import pytest
from starlette.responses import JSONResponse
from taps.described.anything import Listed

from elt.errors import ConfigError, ConfigErrors, EltError, Unavailable
from elt.testing.apis.troubles import Says

ROWS = [{"id": n, "updated_at": f"2025-05-0{n}T10:00:00Z"} for n in range(1, 5)]


def stream(**more):
    return {"path": "orders", "records": "data", "key": "id", **more}


@pytest.fixture
def orders(api):
    api.lists["orders"] = Listed(ROWS)


# What a setting is, what is said, and which setting the hint names.
WRONG = [
    (
        {"records": "data.items"},
        "`data.items` leads to no list: `data` is a list",
        None,
    ),
    ({"records": "items"}, "`items` is not there; the answer has: data (a list)", None),
    ({"records": "has_more"}, "`has_more` leads to no list: there is false", None),
    ({"key": "ident"}, "has the key `ident`; they have: id, updated_at", "`key`"),
    ({"key": "Id"}, "has the key `Id`", "Did you mean `id`?"),
    ({"cursor": "updated"}, "has the cursor `updated`", "Did you mean `updated_at`?"),
    (
        {"cursor": {"field": "updated_at", "kind": "unix_seconds"}},
        "is not of the kind `unix_seconds`: '2025-05-01T10:00:00Z'",
        "`cursor.kind`",
    ),
    ({"path": "ordes"}, 'HTTP 404 {"error":"there is no ordes"}', "`path`"),
    ({"method": "POST", "path": "/only-get"}, "HTTP 405", "`method`"),
]


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(("setting", "what", "hint"), WRONG)
def test_what_is_wrong_names_the_setting_to_change(api, read, setting, what, hint):
    api.front.troubles.add(Says(405, "no POST"), path="/v1/only-get", times=9)

    told = read(orders=stream(**setting), fails=EltError)

    assert what in told.error.what
    assert "stream `orders`" in told.error.what
    assert (hint or '`records = "data"`') in told.error.hint
    assert f"{read.origin}/v1/" in told.error.where


@pytest.mark.usefixtures("orders")
def test_the_same_is_said_when_columns_are_looked_for_of_all_streams_at_once(read):
    streams = {"orders": stream(records="items"), "others": stream(key="no")}

    told = read(looks=True, fails=ConfigErrors, **streams)

    first, second = told.error.errors
    assert "stream `orders`: records path `items` is not there" in first.what
    assert "stream `others`: no record has the key `no`" in second.what


@pytest.mark.usefixtures("orders")
def test_a_stream_that_is_wrong_keeps_no_other_from_being_read(read, caplog):
    caplog.set_level("WARNING")

    told = read(looks=True, fails=EltError, wrong=stream(path="no"), orders=stream())

    assert told.ids("orders") == [1, 2, 3, 4]
    assert told.ends["wrong"]["end"] == "failed"
    assert "look at `path`" in told.ends["wrong"]["why"]
    assert "stream `wrong`" in told.error.what
    assert "stream wrong cannot be looked into" in caplog.text


@pytest.mark.usefixtures("orders")
def test_a_source_that_fails_for_a_while_is_looked_into_later(api, read):
    api.front.troubles.add(Says(503), path="/v1/orders", times=9)
    api.lists["stock"] = Listed(ROWS)

    told = read(
        looks=True, fails=Unavailable, orders=stream(), stock=stream(path="stock")
    )

    assert "stream `orders`" in told.error.what
    assert told.messages == []


def test_records_unset_for_a_table_says_which_lists_there_are(api, read):
    api.extra_answers["orders"] = {"paging": {"next": 2}, "results": [{"id": 1}]}

    told = read(orders={"path": "orders", "key": "id"}, fails=EltError)

    assert "it has: paging (a table), results (a list)" in told.error.what
    assert 'Set `records = "results"`' in told.error.hint


def test_a_list_at_the_top_needs_no_records_path(api, read):
    api.lists["orders"] = Listed(ROWS, envelope="")

    assert read(orders={"path": "orders", "key": "id"}).ids() == [1, 2, 3, 4]


def test_a_table_at_the_top_may_be_the_one_record(api, read):
    api.extra_answers["account"] = {"id": 7, "name": "Acme"}

    told = read(account={"path": "account", "records": "", "key": "id"})

    assert told.ids("account") == [7]


def test_a_page_for_people_names_the_addresses(api, read):
    api.extra_answers["orders"] = "<html><title>Please log in</title></html>"

    told = read(orders=stream(), fails=EltError)

    assert "a page for people (HTML)" in told.error.what
    assert "Please log in" in told.error.what
    assert "`base_url`" in told.error.hint
    assert "`path`" in told.error.hint
    assert len(api.front.requests) == 1


def test_records_that_are_no_tables_are_an_error(api, read):
    api.extra_answers["orders"] = {"data": [1, 2]}

    told = read(orders=stream(), fails=EltError)

    assert "records are not tables at records path `data`: 1" in told.error.what
    assert "`records`" in told.error.hint


@pytest.mark.usefixtures("orders")
def test_an_error_shows_the_request_without_secrets_and_what_was_answered(api, read):
    auth = {"type": "query", "name": "apikey", "value": "hush-hush-1"}
    api.front.troubles.add(Says(400, '{"message": "no such status"}'))

    told = read(
        orders=stream(params={"status": "opn", "token": "tok-2"}),
        config={"auth": auth},
        fails=EltError,
    )

    assert told.error.where == f"GET {read.origin}/v1/orders?status=opn&token=***"
    assert '{"message": "no such status"}' in told.error.what
    assert "`params`" in told.error.hint
    assert "hush-hush-1" not in str(told.error)


@pytest.mark.usefixtures("orders")
def test_one_stream_fails_and_the_others_are_read(api, read):
    api.lists["stock"] = Listed(ROWS)

    told = read(orders=stream(records="no"), stock=stream(path="stock"), fails=EltError)

    assert told.ids("stock") == [1, 2, 3, 4]
    assert told.ends["orders"]["end"] == "failed"
    assert told.ends["stock"]["end"] == "complete"


@pytest.mark.usefixtures("orders")
def test_a_stream_that_is_not_for_us_is_left_out_and_known_by_its_key(api, read):
    api.front.troubles.add(Says(403, "{}"), path="/v1/orders", times=9)

    told = read(orders=stream())
    found = read.columns({"orders": stream()})

    assert told.ends["orders"]["end"] == "skipped"
    assert list(found["orders"]) == ["id"]


@pytest.mark.usefixtures("orders")
def test_a_500_is_tried_again_and_then_temporary(api, read):
    api.front.troubles.add(Says(500, "oops"), times=9)

    told = read(orders=stream(), fails=Unavailable)

    assert "HTTP 500 oops" in told.error.what


def test_wrong_credentials_are_told_once_for_all_streams(api, read):
    api.guard = lambda _: JSONResponse({"error": "who are you"}, 401)

    told = read(looks=True, one=stream(), two=stream(), fails=ConfigError)

    assert not isinstance(told.error, ConfigErrors)
    assert 'HTTP 401 {"error":"who are you"}' in told.error.what
    assert "`auth`" in told.error.hint


def test_an_empty_account_is_no_error(api, read):
    api.lists["orders"] = Listed([])

    told = read(orders=stream(cursor="updated_at"), looks=True)

    assert told.ids() == []
    assert told.ends["orders"] == {"end": "complete"}


def test_a_list_that_begins_without_a_body_twice_has_no_records(api, read):
    api.extra_answers["orders"] = ""

    once = read(orders=stream(), fails=Unavailable)
    twice = read(orders=stream(), config={"tries": 2})

    assert "its answer is not JSON to the end (it has no body)" in once.error.what
    assert twice.ids() == []
    assert twice.ends["orders"] == {"end": "complete"}


def test_a_status_says_that_there_is_no_body(api, read):
    api.front.troubles.add(Says(204), times=1)

    told = read(orders=stream())

    assert told.ids() == []
    assert len(api.asked) == 1


def test_a_page_without_a_body_is_not_the_end_of_its_list(api, read):
    api.lists["orders"] = Listed(ROWS, style="page", cap=2)
    paging = {"type": "page", "param": "page"}
    api.front.troubles.add(Says(200), after=1, times=3)

    broken = read(orders=stream(paging=paging), config={"tries": 2}, fails=Unavailable)
    whole = read(orders=stream(paging=paging), config={"tries": 2})

    assert broken.ids() == [1, 2]
    assert broken.ends["orders"]["end"] == "failed"
    assert whole.ids() == [1, 2, 3, 4]


@pytest.mark.usefixtures("orders")
def test_a_next_page_that_is_never_found_is_warned_of_at_discovery(read, caplog):
    paging = {"type": "cursor", "path": "meta.nxt", "param": "cursor"}
    caplog.set_level("WARNING")

    read.columns({"orders": stream(paging=paging)})

    assert "the first answer has no `meta.nxt`" in caplog.text
    assert "has_more" in caplog.text


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        (
            {"paging": {"type": "page", "param": "page", "more": "hasMore"}},
            "no `hasMore`, which `paging.more` names",
        ),
        (
            {"drop": ["id", "updatedat"], "key": []},
            "has `updatedat`, which `drop` names. Did you mean `updated_at`?",
        ),
        (
            {"columns": {"updatedAt": "date-time"}},
            "has `updatedAt`, which `columns` names. Did you mean `updated_at`?",
        ),
    ],
)
def test_a_name_that_the_first_answer_lacks_is_warned_of(
    api, read, caplog, setting, what
):
    api.lists["orders"] = Listed(ROWS, style="page")
    caplog.set_level("WARNING")

    read.columns({"orders": stream(**setting)})

    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("stream orders: ")
    assert what in said
