from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.testing.apis.recurly.paging import Window, page

pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")


def ids(page):
    return [row["id"] for row in page["data"]]


def test_the_vendors_client_pages_through_all_rows_once(site, sdk):
    made = site.api.add("accounts", 450)

    found = list(sdk(site).list_accounts(params={"limit": 200}).items())

    assert [account.id for account in found] == made[::-1]
    asked = [dict(request.query).get("cursor") for request in site.api.front.requests]
    assert len(asked) == 3
    assert asked[0] is None


def test_the_newest_20_come_first_where_nothing_is_asked(site, ask):
    made = site.api.add("accounts", 25)

    found = ask(site).get("/accounts").json()

    assert ids(found) == made[:4:-1]
    assert (found["object"], found["has_more"]) == ("list", True)


def test_the_next_page_is_a_path_whose_cursor_has_a_colon(site, ask):
    site.api.add("accounts", 3)

    first = ask(site).get("/accounts?limit=1&order=asc&sort=created_at").json()

    cursor, _, rest = first["next"].partition("&")
    assert cursor.startswith("/accounts?cursor=")
    assert "%3A" in cursor
    assert cursor.endswith(".0")
    assert rest == "limit=1&order=asc&sort=created_at"


def test_the_last_page_has_no_next_one(site, ask):
    site.api.add("accounts", 2)
    client = ask(site)

    first = client.get("/accounts?limit=1").json()
    last = client.get(first["next"]).json()

    assert (last["has_more"], last["next"]) == (False, None)
    assert ids(first) != ids(last)


def test_the_next_page_is_a_whole_url_where_that_is_wished(site, ask):
    site.api.next_is_url = True
    site.api.add("accounts", 2)
    client = ask(site)

    first = client.get("/accounts?limit=1").json()

    assert first["next"].startswith(f"{site.origin}/accounts?cursor=")
    assert client.get(first["next"]).json()["has_more"] is False


def test_a_cursor_without_its_second_half_is_refused(site, ask):
    answer = ask(site).get("/accounts?cursor=efgh5678")

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "cursor format is invalid"


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=many", "order=up"])
def test_a_parameter_out_of_its_bounds_is_refused(site, ask, query):
    answer = ask(site).get(f"/accounts?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "bad_request"
    assert answer.json()["error"]["params"][0]["param"] == query.partition("=")[0]


def test_200_rows_are_the_most(site, ask):
    site.api.add("accounts", 201)

    found = ask(site).get("/accounts?limit=200").json()

    assert (len(found["data"]), found["has_more"]) == (200, True)


def test_an_unknown_parameter_is_refused_or_passed_over(site, ask):
    client = ask(site)

    refused = client.get("/accounts?per_page=100")
    site.api.unknown_parameters = "ignored"
    passed = client.get("/accounts?per_page=100")

    assert refused.status_code == 400
    assert refused.json()["error"]["params"][0]["param"] == "per_page"
    assert passed.status_code == 200


def test_a_list_takes_only_its_own_parameters(site, ask):
    (account,) = site.api.add("accounts", {"code": "bob"})
    client = ask(site)

    notes = client.get(f"/accounts/{account}/notes?limit=5")
    coupons = client.get("/coupons?state=expired")

    assert (notes.status_code, coupons.status_code) == (400, 400)


def test_head_counts_what_a_list_would_give(site, sdk):
    site.api.add("accounts", 41)
    client = sdk(site)

    assert client.list_accounts(params={"limit": 5}).count() == 41
    assert client.list_accounts(params={"email": "x@example.com"}).count() == 0


def test_both_ends_of_a_time_window_are_within(site, ask):
    made = site.api.add("accounts", 5)  # a second apart, the last one now
    now = site.api.clock.now()
    client = ask(site)

    window = {
        "sort": "updated_at",
        "order": "asc",
        "begin_time": (now - timedelta(seconds=3)).isoformat(),
        "end_time": (now - timedelta(seconds=1)).isoformat(),
    }
    found = client.get("/accounts", params=window).json()

    assert ids(found) == made[1:4]


def test_a_time_without_a_zone_is_in_utc(site, ask):
    site.api.add("accounts", 1)

    found = ask(site).get("/accounts?begin_time=2025-06-02T08:00:00").json()

    assert len(found["data"]) == 1


def test_begin_time_is_of_the_time_that_is_sorted_by(site, ask):
    old, new = site.api.add("accounts", 2, each_seconds=3600)
    begin = site.api.clock.now().isoformat()
    site.api.update("accounts", old, {"first_name": "Ann"})
    client = ask(site)

    by_created = client.get("/accounts", params={"begin_time": begin})
    by_updated = client.get(
        "/accounts", params={"begin_time": begin, "sort": "updated_at"}
    )

    assert ids(by_created.json()) == [new]
    assert set(ids(by_updated.json())) == {old, new}


def read_all(client, order, change):
    """Page by two, with a change before the second page."""
    found = client.get(f"/accounts?sort=updated_at&limit=2&order={order}").json()
    seen = ids(found)
    change()
    while found["next"]:
        found = client.get(found["next"]).json()
        seen += ids(found)
    return seen


def test_in_descending_order_an_updated_row_moves_behind_the_cursor(site, ask):
    made = site.api.add("accounts", 6)
    site.api.clock.advance(timedelta(minutes=1))

    def change():
        site.api.update("accounts", made[0], {"first_name": "Ann"})

    seen = read_all(ask(site), "desc", change)

    assert made[0] not in seen
    assert seen == made[:0:-1]


def test_in_ascending_order_an_updated_row_comes_again(site, ask):
    made = site.api.add("accounts", 6)
    site.api.clock.advance(timedelta(minutes=1))

    def change():
        site.api.update("accounts", made[0], {"first_name": "Ann"})

    assert read_all(ask(site), "asc", change) == [*made, made[0]]


def test_rows_change_between_pages_by_a_hook(site, ask):
    site.api.add("accounts", 4)
    site.api.between_pages = lambda: site.api.add("accounts", {"code": "late"})
    client = ask(site)

    first = client.get("/accounts?limit=2&order=asc").json()
    assert site.api.store.find("accounts", "code-late") is None
    client.get(first["next"])

    assert site.api.store.find("accounts", "code-late") is not None


def test_a_cursor_is_a_place_even_where_its_row_is_gone(site, ask):
    made = site.api.add("accounts", 4)
    client = ask(site)

    first = client.get("/accounts?limit=2&order=asc").json()
    site.api.remove("accounts", made[1])
    second = client.get(first["next"]).json()

    assert ids(second) == made[2:]


def test_ids_give_all_at_once_and_pass_over_unknown_ones(site, ask):
    made = site.api.add("accounts", 30)

    found = ask(site).get("/accounts", params={"ids": ",".join([*made, "no"])}).json()

    assert set(ids(found)) == set(made)
    assert (found["has_more"], found["next"]) == (False, None)


@pytest.mark.parametrize(("number", "status"), [(200, 200), (201, 400)])
def test_200_ids_are_the_most(site, ask, number, status):
    wanted = ",".join(f"id{n}" for n in range(number))

    assert ask(site).get("/accounts", params={"ids": wanted}).status_code == status


def test_ids_go_with_no_other_parameter(site, ask):
    answer = ask(site).get("/accounts?ids=abc&limit=5")

    assert answer.status_code == 400
    assert answer.json()["error"]["params"][0]["param"] == "limit"


@pytest.mark.parametrize("sort", ["created_at", "updated_at"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_rows_of_one_second_are_all_given_once(site, ask, sort, order):
    made = site.api.add("accounts", 7, each_seconds=0)
    client = ask(site)

    found = client.get(f"/accounts?limit=3&sort={sort}&order={order}").json()
    seen = ids(found)
    while found["next"]:
        found = client.get(found["next"]).json()
        seen += ids(found)

    assert sorted(seen) == sorted(made)


@settings(max_examples=60)
@given(
    seconds=st.lists(st.integers(0, 9), max_size=40),
    limit=st.integers(1, 7),
    is_descending=st.booleans(),
    bounds=st.tuples(st.integers(0, 9), st.integers(0, 9)),
)
def test_for_all_sites_that_stand_still_paging_gives_each_row_once(
    seconds, limit, is_descending, bounds
):
    keys = sorted((second, f"id{n}") for n, second in enumerate(seconds))
    seen, after, has_more = [], None, True

    while has_more:
        window = Window(
            begins=bounds[0], ends=bounds[1], is_descending=is_descending, after=after
        )
        found, has_more = page(
            keys, window, limit=limit, row_of=str, keeps=lambda _: True
        )
        seen += [key for key, _ in found]
        after = seen[-1] if seen else None

    wanted = [key for key in keys if bounds[0] <= key[0] <= bounds[1]]
    assert seen == (wanted[::-1] if is_descending else wanted)


STATES = [
    ("/subscriptions?state=active", "subscriptions", {"state": "active"}, True),
    ("/subscriptions?state=active", "subscriptions", {"state": "expired"}, False),
    ("/subscriptions?state=live", "subscriptions", {"state": "canceled"}, True),
    ("/subscriptions?state=live", "subscriptions", {"state": "expired"}, False),
    ("/invoices?state=past_due", "invoices", {"state": "past_due"}, True),
    ("/invoices?type=credit", "invoices", {"type": "charge"}, False),
    ("/invoices?type=non-legacy", "invoices", {"type": "credit"}, True),
    ("/invoices?type=non-legacy", "invoices", {"type": "legacy"}, False),
    ("/transactions?type=payment", "transactions", {"type": "capture"}, True),
    ("/transactions?type=payment", "transactions", {"type": "refund"}, False),
    ("/transactions?success=true", "transactions", {"success": False}, False),
    ("/line_items?type=credit", "line_items", {"type": "credit"}, True),
    ("/line_items?state=pending", "line_items", {"state": "invoiced"}, False),
    ("/plans?state=inactive", "plans", {"state": "inactive"}, True),
    ("/accounts?email=", "accounts", {"email": None}, True),
    ("/accounts?email=", "accounts", {"email": "a@example.com"}, False),
    ("/accounts?subscriber=false", "accounts", {}, True),
    ("/accounts?past_due=true", "accounts", {}, False),
]


@pytest.mark.parametrize(("path", "kind", "fields", "is_in"), STATES)
def test_a_filter_keeps_what_it_says(site, ask, path, kind, fields, is_in):
    site.api.add(kind, fields)

    found = ask(site).get(path).json()

    assert bool(found["data"]) is is_in


def test_a_trial_is_by_its_times(site, ask):
    now = site.api.clock.now()
    day = timedelta(days=1)
    times = {
        "trial_started_at": (now - day).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "trial_ends_at": (now + day).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    site.api.add("subscriptions", times)
    client = ask(site)

    before = client.get("/subscriptions?state=in_trial").json()
    site.api.clock.advance(2 * day)
    after = client.get("/subscriptions?state=in_trial").json()

    assert (len(before["data"]), len(after["data"])) == (1, 0)


def test_past_due_is_only_asked_for_as_true(site, ask):
    assert ask(site).get("/accounts?past_due=false").status_code == 400
