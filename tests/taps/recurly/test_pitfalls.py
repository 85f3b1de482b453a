"""What existing taps of Recurly get wrong, and what its API makes easy to get wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elt.errors import ConfigError, EltError, Unavailable
from elt.taps.recurly.tap import busy
from elt.taps.rest.calls import Answer
from elt.testing.apis.troubles import BreaksOff, CutJson, HangsUp, Says

GONE = Says(404, '{"error":{"type":"not_found","message":"gone"}}')


def asked(site, path):
    return [r for r in site.api.front.requests if r.path == path]


@pytest.mark.parametrize("is_url", [False, True])
def test_the_next_page_is_a_path_or_a_url_and_its_cursor_is_untouched(
    empty, read, is_url
):
    empty.api.next_is_url = is_url
    ids = empty.api.add("accounts", 450)

    told = read(empty, "accounts")

    assert sorted(told.ids("accounts")) == sorted(ids)
    cursors = [dict(r.query).get("cursor") for r in asked(empty, "/accounts")]
    assert cursors[0] is None
    assert all(":" in cursor for cursor in cursors[1:])
    assert len(cursors) == 3


def test_the_version_is_asked_for_in_every_request(empty, read):
    read(empty)

    accepted = {r.headers["accept"] for r in empty.api.front.requests}
    assert accepted == {"application/vnd.recurly.v2021-02-25"}


def test_a_version_that_is_none_is_told_with_its_setting(empty, read):
    told = read(empty, "accounts", api_version="v2018-08-09", fails=EltError)

    assert "HTTP 406 invalid_api_version" in told.error.what
    assert "`api_version`" in told.error.hint
    assert told.ends["accounts"]["end"] == "failed"


def test_a_row_that_changes_between_two_pages_is_not_missed(empty, read):
    api = empty.api
    ids = api.add("accounts", 450)
    api.clock.advance(timedelta(minutes=5))
    pages = iter(range(9))

    def somebody_works():
        if next(pages) == 0:
            api.clock.advance(timedelta(seconds=1))
            api.update("accounts", ids[0], {"company": "changed"})
            api.update("accounts", ids[-1], {"company": "changed"})

    api.between_pages = somebody_works
    told = read(empty, "accounts")

    assert set(told.ids("accounts")) == set(ids)
    last = {row["id"]: row["company"] for row in told.rows("accounts")}
    assert last[ids[0]] == last[ids[-1]] == "changed"


def test_a_change_of_a_billing_info_that_leaves_its_account_as_it_was_is_read(
    company, read
):
    api = company.api
    (info,) = list(api.store.rows["billing_infos"])[:1]
    first = read(company, "billing_infos", "accounts")
    api.update("billing_infos", info, {"last_name": "Newname"})

    told = read(company, "billing_infos", "accounts", state=first.state)

    names = {row["id"]: row["last_name"] for row in told.rows("billing_infos")}
    assert names[info] == "Newname"


def test_transactions_go_by_their_change_and_not_by_their_collection(empty, read):
    api = empty.api
    (account,) = api.add("accounts", {"code": "a1"})
    (old,) = api.add("transactions", {"status": "success"}, of={"account": account})
    api.clock.advance(timedelta(days=3))
    first = read(empty, "transactions")
    api.clock.advance(timedelta(days=1))
    api.update("transactions", old, {"status": "void"})
    api.clock.advance(timedelta(minutes=1))

    told = read(empty, "transactions", state=first.state)

    assert [row["status"] for row in told.rows("transactions")] == ["void"]


def test_only_what_changed_and_what_is_on_the_bookmark_comes_again(empty, read):
    api = empty.api
    ids = api.add("accounts", 5, each_seconds=60)
    first = read(empty, "accounts")
    api.clock.advance(timedelta(hours=1))
    api.update("accounts", ids[1], {"company": "x"})
    api.clock.advance(timedelta(hours=1))

    told = read(empty, "accounts", state=first.state, lookback_seconds=0)

    assert told.ids("accounts") == [ids[4], ids[1]]
    assert told.mark("accounts") > first.mark("accounts")


def test_a_row_that_shows_up_late_is_read_where_the_tap_looks_back(empty, read):
    api = empty.api
    api.add("accounts", 1)
    first = read(empty, "accounts")
    api.clock.advance(timedelta(minutes=1))
    (late,) = api.add("accounts", 2, each_seconds=300)[:1]

    told = read(empty, "accounts", state=first.state)
    blind = read(empty, "accounts", state=first.state, lookback_seconds=0)

    assert api.shown("accounts", late)["updated_at"] < first.mark("accounts")
    assert late in told.ids("accounts")
    assert late not in blind.ids("accounts")


def test_looking_back_never_moves_the_bookmark_back(empty, read):
    api = empty.api
    older, newest = api.add("accounts", 2, each_seconds=60)
    first = read(empty, "accounts")
    api.remove("accounts", newest)

    told = read(empty, "accounts", state=first.state)

    assert told.ids("accounts") == [older]
    assert told.mark("accounts") == first.mark("accounts") == "2025-06-02T08:00:00Z"


def test_a_server_that_fails_is_asked_a_few_times_and_not_for_ever(empty, read):
    empty.api.add("accounts", 5)
    empty.api.front.troubles.add(Says(500), times=99)

    told = read(empty, "accounts", fails=Unavailable)

    assert len(empty.api.front.requests) == 3
    assert told.ends["accounts"] == {
        "end": "failed",
        "why": "Recurly: HTTP 500 (GET /accounts)",
        "temporary": True,
    }


def test_a_page_that_is_not_there_ends_no_stream_silently(empty, read):
    empty.api.add("accounts", 450)
    empty.api.front.troubles.add(GONE, path="/accounts", after=1)

    told = read(empty, "accounts")

    assert told.ends["accounts"]["end"] == "skipped"
    assert "HTTP 404 not_found: gone" in told.ends["accounts"]["why"]


def test_an_account_that_is_gone_when_its_lists_are_read_is_left_out(empty, read):
    ids = empty.api.add("accounts", 3)
    for account in ids:
        empty.api.add("notes", 2, of={"account": account})
    empty.api.front.troubles.add(GONE, path=f"/accounts/{ids[1]}/notes")

    told = read(empty, "account_notes")

    read_of = [row["account_id"] for row in told.rows("account_notes")]
    assert read_of == [ids[0], ids[0], ids[2], ids[2]]
    assert told.ends["account_notes"] == {
        "end": "complete",
        "why": f"/accounts/{ids[1]}/notes: HTTP 404 not_found: gone",
    }


def test_lists_that_no_account_has_are_not_taken_for_empty_ones(empty, read):
    empty.api.add("accounts", 3)
    empty.api.front.troubles.add(GONE, path="/accounts/.*/notes", times=3)

    told = read(empty, "account_notes")

    assert told.ends["account_notes"]["end"] == "skipped"


@pytest.mark.parametrize("trouble", [Says(502), HangsUp(), BreaksOff(), CutJson()])
def test_a_passing_trouble_in_the_middle_loses_nothing(empty, read, trouble):
    ids = empty.api.add("accounts", 450)
    empty.api.front.troubles.add(trouble, path="/accounts", after=1, times=2)

    assert sorted(read(empty, "accounts").ids("accounts")) == sorted(ids)


def test_a_limit_is_waited_for_until_it_resets():
    headers = {"x-ratelimit-reset": "1748851260", "x-ratelimit-remaining": "0"}

    assert busy(Answer(429, headers, b"", "u"), lambda: 1748851200.0) == 60.0
    assert busy(Answer(429, {}, b"", "u")) == 0.0
    assert busy(Answer(200, headers, b"", "u")) is None


@pytest.mark.parametrize("refusal", [(401, "unauthorized"), (403, "invalid_api_key")])
def test_a_wrong_key_stops_the_tap_and_is_not_shown(empty, read, refusal):
    empty.api.wrong_key = refusal

    told = read(empty, api_key="wrong-key-of-somebody", fails=ConfigError)

    assert len(empty.api.front.requests) == 1
    assert "refused our credentials" in told.error.what
    assert "`api_key`" in told.error.hint
    assert "wrong-key-of-somebody" not in str(told.error) + told.log


def test_a_key_that_may_not_read_a_list_leaves_it_out(company, read):
    told = read(company, api_key=company.api.narrow_token)

    assert told.ends["accounts"] == {"end": "complete"}
    assert told.ends["invoices"]["end"] == "skipped"
    assert "HTTP 403 invalid_permissions" in told.ends["invoices"]["why"]
    skipped = [name for name, end in told.ends.items() if end["end"] == "skipped"]
    assert "coupon_redemptions" in skipped


def test_a_window_reads_what_is_in_it_and_its_end_is_not(empty, read):
    ids = empty.api.add("accounts", 5, each_seconds=3600)

    told = read(
        empty,
        "accounts",
        start_date="2025-06-02T05:00:00Z",
        end_date="2025-06-02T07:00:00Z",
    )

    assert told.ids("accounts") == ids[1:3]


def test_an_empty_site_has_empty_tables(empty, read):
    told = read(empty)

    assert all(end == {"end": "complete"} for end in told.ends.values())
    assert not [m for m in told.messages if m["type"] == "RECORD"]


def test_a_version_that_will_end_is_warned_of_once(empty, read):
    empty.api.sunset = empty.api.clock.now() + timedelta(days=90)

    told = read(empty, "accounts", "plans")

    assert told.log.count("will end this version of its API") == 1


@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 5))
def test_for_all_pages_at_which_it_ends_nothing_is_lost(empty, read, page):
    api = empty.api
    if not api.store.rows["accounts"]:
        api.add("accounts", 900)
        api.clock.advance(timedelta(hours=1))
    api.front.troubles.clear()
    api.front.troubles.add(Says(400, "{}"), path="/accounts", after=page)

    first = read(empty, "accounts", fails=EltError if page < 5 else None)
    states = [m["value"] for m in first.messages if m["type"] == "STATE"]
    api.front.troubles.clear()
    second = read(empty, "accounts", state=states[-1] if states else None)

    read_before = _covered(first)
    assert read_before | set(second.ids("accounts")) == set(api.store.rows["accounts"])


def _covered(told):
    """Give the rows that came before the last STATE: the others are thrown away."""
    last = max(
        (n for n, m in enumerate(told.messages) if m["type"] == "STATE"), default=0
    )
    return {m["record"]["id"] for m in told.messages[:last] if m["type"] == "RECORD"}
