"""Writing what has no rules of its own: create, change, and retire.

What is deleted stays in the lists with another state and the time of its end; only
notes, addresses, billing infos and usage are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elt.testing.apis.recurly.asked import Call, Reply, Site, find, now
from elt.testing.apis.recurly.bodies import BODIES, read_body
from elt.testing.apis.recurly.kinds import KINDS
from elt.testing.apis.recurly.reading import child_of, read_parameters
from elt.testing.apis.recurly.refusals import invalid
from elt.testing.apis.recurly.rendering import shown
from elt.testing.apis.recurly.store import Row, iso, uuid_of

GONE = frozenset({"notes", "shipping_addresses", "usage"})


def body_of(
    site: Site, call: Call, name: str, *, is_new: bool = True
) -> dict[str, Any]:
    read_parameters(site, call, ())
    unknown = site.unknown_parameters
    return read_body(call.body, BODIES[name], is_new=is_new, unknown=unknown)


def make(
    site: Site,
    kind: str,
    fields: Mapping[str, Any],
    links: Mapping[str, str] | None = None,
) -> Row:
    """Make a row. Raises Refused where its code is taken."""
    check_is_free(site, kind, fields, links)
    at = now(site)
    identity = site.store.next_id(kind)
    own = {"uuid": uuid_of(identity)} if KINDS[kind].by == "uuid" else {}
    row = Row(kind, identity, at, at, {**own, **fields}, links or {})
    return site.store.add(row)


def check_is_free(
    site: Site,
    kind: str,
    fields: Mapping[str, Any],
    links: Mapping[str, str] | None = None,
    *,
    but: Row | None = None,
) -> None:
    """Raise Refused where a code belongs to another one already."""
    by, scope = KINDS[kind].by, KINDS[kind].scope
    value = fields.get(by) if by else None
    if value is None:
        return
    other = site.store.find(kind, f"{by}-{value}", (links or {}).get(scope, ""))
    if other is not None and other is not but:
        raise invalid([(by, "has already been taken")])


def create(site: Site, call: Call, kind: str) -> Reply:
    fields = stored(kind, body_of(site, call, kind))
    return Reply(status=201, body=shown(site.store, make(site, kind, fields)))


def create_child(site: Site, call: Call, kind: str, *, link: str) -> Reply:
    parent = find(site.store, f"{link}s", call.within[link])
    fields = stored(kind, body_of(site, call, kind))
    row = make(site, kind, fields, {link: parent.id})
    return Reply(status=201, body=shown(site.store, row))


def change(site: Site, call: Call, kind: str) -> Reply:
    row = find(site.store, kind, call.within["key"])
    return Reply(body=shown(site.store, _change(site, call, row)))


def change_child(site: Site, call: Call, kind: str, *, link: str) -> Reply:
    row = child_of(site, call, kind, link=link)
    return Reply(body=shown(site.store, _change(site, call, row)))


def _change(site: Site, call: Call, row: Row) -> Row:
    fields = stored(row.kind, body_of(site, call, row.kind, is_new=False))
    check_is_free(site, row.kind, fields, row.links, but=row)
    return site.store.change(row, now(site), fields)


def retire(site: Site, call: Call, kind: str) -> Reply:
    read_parameters(site, call, ())
    return retired(site, find(site.store, kind, call.within["key"]))


def retire_child(site: Site, call: Call, kind: str, *, link: str) -> Reply:
    read_parameters(site, call, ())
    return retired(site, child_of(site, call, kind, link=link))


def retired(site: Site, row: Row) -> Reply:
    if row.kind in GONE:
        site.store.remove(row)
        return Reply(status=204)
    at = now(site)
    ended = {"deleted_at": iso(at)}
    if row.kind == "coupons":
        ended = {"state": "expired", "expired_at": iso(at)}
    elif "state" in KINDS[row.kind].fields:
        ended["state"] = "inactive"
    site.store.change(row, at, ended)
    return Reply(body=shown(site.store, row))


def revive(site: Site, call: Call, kind: str) -> Reply:
    """Make active again what was retired."""
    read_parameters(site, call, ())
    row = find(site.store, kind, call.within["key"])
    fields: dict[str, Any] = {"state": "active", "deleted_at": None}
    if kind == "coupons":
        fields = {"state": "redeemable", "expired_at": None}
    site.store.change(row, now(site), fields)
    return Reply(body=shown(site.store, row))


def stored(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Give the fields as they are kept; a coupon's discount is written flat."""
    if kind != "coupons":
        return fields
    flat = {"discount_type", "discount_percent", "currencies"}
    kept = {name: value for name, value in fields.items() if name not in flat}
    renamed = {"redeem_by_date": "redeem_by"}
    renamed["hosted_description"] = "hosted_page_description"
    kept = {renamed.get(name, name): value for name, value in kept.items()}
    if fields.get("discount_type"):
        kept["discount"] = {
            "type": fields["discount_type"],
            "percent": fields.get("discount_percent"),
            "currencies": fields.get("currencies") or [],
            "trial": None,
        }
    return kept
