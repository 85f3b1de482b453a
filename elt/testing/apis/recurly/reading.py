"""Answers to GET and HEAD: lists, and one thing at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from elt.testing.apis.parameters import Parameter, Wrong, read
from elt.testing.apis.recurly.asked import Call, Reply, Site, find
from elt.testing.apis.recurly.endpoints import Listing
from elt.testing.apis.recurly.paging import (
    DEFAULT_LIMIT,
    Window,
    page,
    read_cursor,
    write_cursor,
)
from elt.testing.apis.recurly.refusals import bad_request, missing
from elt.testing.apis.recurly.rendering import billing_info_of, mini, shown
from elt.testing.apis.recurly.store import Key, Row

_TIME_FIELDS = {
    "recorded_timestamp": "recording_timestamp",
    "usage_timestamp": "usage_timestamp",
}


def read_parameters(
    site: Site, call: Call, declared: Sequence[Parameter]
) -> dict[str, Any]:
    """Read the query. Raises Refused for what the list does not take.

    The specification has "Invalid or unpermitted parameter" for 400 with most lists.
    Not with redemptions or one billing info, and singer-io/tap-recurly sends those
    `limit` and `order`: `unknown_parameters="ignored"` passes all such over.
    """
    query = call.query
    if site.unknown_parameters == "ignored":
        known = {parameter.name for parameter in declared}
        query = [(name, value) for name, value in query if name in known]
    try:
        return read(query, declared)
    except Wrong as wrong:
        why = "is not permitted" if wrong.why == "unknown" else f"is {wrong.why}"
        raise bad_request(f"Parameter {wrong.name} {why}", wrong.name) from None


def answer_list(site: Site, call: Call, listing: Listing) -> Reply:
    """Answer a list. HEAD counts: `Recurly-Total-Records` (specification)."""
    asked = read_parameters(site, call, listing.parameters)
    parent = _parent(site, call, listing)
    if "ids" in asked:
        return _answer_ids(site, call, listing, parent, asked=asked)
    keeps = _keeps(site, listing, asked)
    rows = site.store.rows[listing.kind]
    found, has_more = page(
        _keys(site, call, listing, parent, sort=asked.get("sort")),
        _window(asked),
        limit=_limit(call, asked),
        row_of=rows.__getitem__,
        keeps=keeps,
    )
    if call.method == "HEAD":
        return _counted(len(found))
    next_ = _next(site, call, found[-1][0]) if has_more else None
    return _listed(site, (row for _, row in found), next_)


def _limit(call: Call, asked: dict[str, Any]) -> int:
    if call.method == "HEAD":
        return 1 << 62
    return int(asked.get("limit", DEFAULT_LIMIT))


def _window(asked: dict[str, Any]) -> Window:
    return Window(
        begins=asked["begin_time"].timestamp() if "begin_time" in asked else -math.inf,
        ends=asked["end_time"].timestamp() if "end_time" in asked else math.inf,
        is_descending=asked.get("order", "desc") == "desc",
        after=read_cursor(asked["cursor"]) if "cursor" in asked else None,
    )


def _parent(site: Site, call: Call, listing: Listing) -> Row | None:
    if not listing.parent:
        return None
    return find(site.store, listing.parent, call.within[listing.link])


def _answer_ids(
    site: Site,
    call: Call,
    listing: Listing,
    parent: Row | None,
    *,
    asked: dict[str, Any],
) -> Reply:
    """Answer `ids`, beside which no other parameter is allowed.

    Unknown ids are passed over, and all rows come at once, in no order that one may
    count on (specification, `ids`).
    """
    if len(asked) > 1:
        other = next(name for name in asked if name != "ids")
        raise bad_request(f"Parameter {other} cannot be used with ids", other)
    rows = site.store.rows[listing.kind]
    found = [rows[i] for i in dict.fromkeys(asked["ids"]) if i in rows]
    if parent:
        found = [row for row in found if row.links.get(listing.link) == parent.id]
    if call.method == "HEAD":
        return _counted(len(found))
    return _listed(site, sorted(found, key=lambda row: row.id), None)


def _keeps(
    site: Site, listing: Listing, asked: dict[str, Any]
) -> Callable[[Row], bool]:
    filters = [
        (keeps, asked[name])
        for name, keeps in listing.filters().items()
        if name in asked
    ]
    at = site.clock.seconds()
    return lambda row: all(keeps(site.store, row, v, at) for keeps, v in filters)


def _keys(
    site: Site, call: Call, listing: Listing, parent: Row | None, *, sort: str | None
) -> Sequence[Key]:
    if parent is None:
        indexes = site.store.updated if sort == "updated_at" else site.store.created
        return indexes[listing.kind].keys
    rows = site.store.children(listing.kind, listing.link, parent.id)
    if listing.kind == "usage":
        add_on = _add_on_of(site, call, parent)
        rows = [row for row in rows if row.links["add_on"] == add_on.id]
        sort = sort or "usage_timestamp"
    return sorted((_seconds(row, sort), row.id) for row in rows)


def _add_on_of(site: Site, call: Call, subscription: Row) -> Row:
    plan = subscription.fields["plan_id"]
    return find(site.store, "add_ons", call.within["add_on"], plan)


def _seconds(row: Row, sort: str | None) -> int:
    if sort in _TIME_FIELDS:
        stamp = datetime.fromisoformat(row.fields[_TIME_FIELDS[sort]])
        return int(stamp.timestamp())
    return row.updated if sort == "updated_at" else row.created


def _next(site: Site, call: Call, last: Key) -> str:
    """Write the way to the next page: a path, though the specification shows a URL.

    The cursor comes first, then what was asked (recurly-client-go, pager_test).
    """
    given = [(name, value) for name, value in call.query if name != "cursor"]
    path = f"{call.path}?{urlencode([('cursor', write_cursor(last)), *given])}"
    return f"{call.origin}{path}" if site.next_is_url else path


def _listed(site: Site, rows: Iterable[Row], next_: str | None) -> Reply:
    data = [shown(site.store, row) for row in rows]
    body = {"object": "list", "has_more": next_ is not None, "next": next_}
    return Reply(body={**body, "data": data})


def _counted(number: int) -> Reply:
    return Reply(headers={"Recurly-Total-Records": str(number)})


def answer_one(site: Site, call: Call, kind: str) -> Reply:
    read_parameters(site, call, ())
    return Reply(body=shown(site.store, find(site.store, kind, call.within["key"])))


def answer_child(site: Site, call: Call, kind: str, *, link: str) -> Reply:
    """Answer with one thing of a parent's."""
    read_parameters(site, call, ())
    return Reply(body=shown(site.store, child_of(site, call, kind, link=link)))


def child_of(site: Site, call: Call, kind: str, *, link: str) -> Row:
    """Find what a path names below its parent. Raises Refused where either is not."""
    parent = find(site.store, f"{link}s", call.within[link])
    return child(site, kind, call.within["key"], parent, link=link)


def child(site: Site, kind: str, key: str, parent: Row, *, link: str) -> Row:
    row = find(site.store, kind, key, parent.id)
    if row.links.get(link) != parent.id:
        raise missing(kind, key)
    return row


def answer_billing_info(site: Site, call: Call) -> Reply:
    """404 for an account without one (specification)."""
    read_parameters(site, call, ())
    account = find(site.store, "accounts", call.within["account"])
    billing_info = billing_info_of(site.store, account.id)
    if billing_info is None:
        raise missing("BillingInfo", f"account-{account.id}", "account_id")
    return Reply(body=shown(site.store, billing_info))


def answer_acquisition(site: Site, call: Call) -> Reply:
    read_parameters(site, call, ())
    account = find(site.store, "accounts", call.within["account"])
    rows = list(site.store.children("acquisitions", "account", account.id))
    if not rows:
        raise missing("AccountAcquisition", f"account-{account.id}", "account_id")
    return Reply(body=shown(site.store, rows[0]))


def answer_balance(site: Site, call: Call) -> Reply:
    """Give what an account owes: the balances of its open invoices."""
    read_parameters(site, call, ())
    account = find(site.store, "accounts", call.within["account"])
    invoices = list(site.store.children("invoices", "account", account.id))
    owed = [i for i in invoices if i.get("state") in {"pending", "past_due"}]
    cents = sum(round(100 * i.get("balance")) for i in owed)
    amount = {
        "currency": "EUR",
        "amount": cents / 100,
        "processing_prepayment_amount": 0.0,
        "available_credit_amount": 0.0,
    }
    body = {
        "object": "account_balance",
        "account": mini(site.store, "accounts", account.id),
        "past_due": any(i.get("state") == "past_due" for i in invoices),
        "balances": [amount],
    }
    return Reply(body=body)


def answer_active_redemptions(site: Site, call: Call) -> Reply:
    read_parameters(site, call, ())
    account = find(site.store, "accounts", call.within["account"])
    rows = site.store.children("coupon_redemptions", "account", account.id)
    return _listed(site, [r for r in rows if r.get("state") == "active"], None)
