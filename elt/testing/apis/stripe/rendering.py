"""Objects as an answer shows them: of a version, with lists inside, and expanded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from elt.testing.apis.stripe.errors import Refused, invalid
from elt.testing.apis.stripe.kind import Kind
from elt.testing.apis.stripe.kinds import BY_NAME
from elt.testing.apis.stripe.tables import Object, Store
from elt.testing.apis.stripe.versions import (
    BASIL,
    OLDER_EXPANDS,
    OLDER_LISTS,
    is_older,
    shape,
)

INSIDE = 10  # rows of a list inside an object (docs.stripe.com: Pagination)
DEEPEST = 4  # docs.stripe.com: Expanding responses


@dataclass(frozen=True, slots=True)
class _Sublist:
    """A list inside an object: whose rows, by which field, and where the rest is.

    One without a kind is always empty here.
    """

    kind: str
    by: str
    url: str
    is_asked_for: bool = False  # there only where it is expanded


_SUBLISTS = {
    ("subscription", "items"): _Sublist(
        "subscription_item", "subscription", "/v1/subscription_items?subscription={}"
    ),
    ("invoice", "lines"): _Sublist("line_item", "invoice", "/v1/invoices/{}/lines"),
    ("credit_note", "lines"): _Sublist(
        "credit_note_line_item", "_credit_note", "/v1/credit_notes/{}/lines"
    ),
    ("charge", "refunds"): _Sublist(
        "refund", "charge", "/v1/charges/{}/refunds", is_asked_for=True
    ),
    ("customer", "subscriptions"): _Sublist(
        "subscription",
        "customer",
        "/v1/customers/{}/subscriptions",
        is_asked_for=True,
    ),
    ("customer", "tax_ids"): _Sublist(
        "tax_id", "customer", "/v1/customers/{}/tax_ids", is_asked_for=True
    ),
    ("customer", "sources"): _Sublist(
        "", "", "/v1/customers/{}/sources", is_asked_for=True
    ),
    ("invoice", "payments"): _Sublist(
        "invoice_payment", "invoice", "/v1/invoice_payments", is_asked_for=True
    ),
}
# Lists that are always empty here.
_EMPTY = {
    "transfer": ("reversals", "/v1/transfers/{}/reversals"),
    "account": ("external_accounts", "/v1/accounts/{}/external_accounts"),
}
# Fields that are there only where they are expanded.
_HIDDEN = {"price": ("tiers",), "plan": ("tiers",), "coupon": ("applies_to",)}

_INSIDE_OF: dict[str, list[str]] = {}
for (_kind, _field), _sublist in _SUBLISTS.items():
    if not _sublist.is_asked_for:
        _INSIDE_OF.setdefault(_kind, []).append(_field)


@dataclass(frozen=True, slots=True)
class Rendering:
    """How objects of a store are shown in one version."""

    store: Store
    version: str

    def show(self, row: Object) -> Object:
        shown = {name: row[name] for name in row if name[0] != "_"}
        kind = row["object"]
        if kind == "subscription_item":
            shown["price"] = self.one("price", row["_price"])
            shown["plan"] = self.one("plan", row["_price"])
        for field in _INSIDE_OF.get(kind, ()):
            shown[field] = self.listed(row, field)
        if kind in _EMPTY:
            field, url = _EMPTY[kind]
            shown[field] = _envelope([], more=False, url=url.format(row["id"]))
        shape(shown, row, self)
        return shown

    def one(self, kind: str, key: str | None) -> Object | None:
        """Show an object; of a deleted one, what its GET would say."""
        if key is None:
            return None
        row = self.store.tables[kind].get(key)
        if row is None:
            return None
        is_gone = self.store.tables[kind].is_deleted(key)
        return deleted(row) if is_gone else self.show(row)

    def listed(self, owner: Object, field: str) -> Object:
        found = _SUBLISTS[owner["object"], field]
        url = found.url.format(owner["id"])
        if not found.kind:
            return _envelope([], more=False, url=url)
        rows = self.store.named(found.kind, found.by, owner["id"])
        if BY_NAME[found.kind].is_newest_first:
            rows = [row for row in rows[::-1] if row.get("status") != "canceled"]
        shown = [self.show(row) for row in rows[:INSIDE]]
        return _envelope(shown, more=len(rows) > INSIDE, url=url)

    def expand(self, shown: Any, parts: Sequence[str]) -> None:
        """Put objects in the place of their ids, along one checked path."""
        if isinstance(shown, list):
            for each in shown:
                self.expand(each, parts)
        if not parts or not isinstance(shown, dict):
            return
        if shown.get("object") == "list":
            self.expand(shown["data"], parts[1:])
            return
        self._expand_object(shown, parts)

    def _expand_object(self, shown: Object, parts: Sequence[str]) -> None:
        kind = BY_NAME.get(shown.get("object", ""))
        if kind is None or shown.get("deleted"):
            return
        for length in range(len(parts), 0, -1):
            target = _target(kind, ".".join(parts[:length]), self.version)
            if target is None:
                continue
            owner, field = _owner(shown, parts[:length])
            if owner is not None:
                owner[field] = self._expanded(owner, field, target)
                self.expand(owner[field], parts[length:])
            return

    def _expanded(self, owner: Object, field: str, target: str) -> Any:
        value = owner.get(field)
        if target == "[]":
            table = self.store.tables.get(owner.get("object", ""))
            found = table.get(owner["id"]) if table else None
            if found is None or value is not None:
                return value
            if field in _HIDDEN.get(owner["object"], ()):
                return found.get(f"_{field}")
            return self.listed(found, field)
        if isinstance(value, list):
            return [self.one(target, key) or key for key in value]
        if not isinstance(value, str):
            return value
        if target == "*":
            source = self.store.anywhere(value)
            return self.show(source) if source else value
        return self.one(target, value) or value


def deleted(row: Object) -> Object:
    """Show what is left of a deleted object (docs.stripe.com: Retrieve a customer)."""
    return {"id": row["id"], "object": row["object"], "deleted": True}


def check_path(text: str, kind: Kind | None, version: str) -> list[str]:
    """Split a path to expand; `kind` is None where it is a list's.

    Raises Refused for a path too deep, or through what cannot be expanded.
    """
    parts = text.split(".")
    if len(parts) > DEEPEST:  # stripe/stripe-java#2011 shows the words
        said = f"You cannot expand more than {DEEPEST} levels of a property. "
        raise invalid("expand", f"{said}Property: {text}")
    if kind is not None:
        _walk(parts, kind, version, text)
    return parts


def check_list_path(text: str, kind: Kind, version: str) -> list[str]:
    """Split a path to expand in a list of a kind, where all begin with `data`."""
    parts = check_path(text, None, version)
    if parts[0] != "data":
        raise _cannot(text, f" You may want to try expanding 'data.{text}' instead.")
    _walk(parts[1:], kind, version, text)
    return parts


def _walk(parts: Sequence[str], kind: Kind, version: str, text: str) -> None:
    if not parts:
        return
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        target = _target(kind, name, version)
        if target is None:
            continue
        rest = list(parts[length:])
        if target == "[]":
            if rest and rest.pop(0) != "data":
                raise _cannot(text)
            target = kind.lists.get(name, "")
        if target in BY_NAME:
            _walk(rest, BY_NAME[target], version, text)
        return
    raise _cannot(text)


def _target(kind: Kind, name: str, version: str) -> str | None:
    """Say what a field becomes: a kind's object, any (`*`), or a list (`[]`)."""
    if name in kind.lists:
        return "[]"
    if is_older(version, BASIL):
        if name in OLDER_LISTS.get(kind.name, ()):
            return "[]"
        if name in OLDER_EXPANDS.get(kind.name, {}):
            return OLDER_EXPANDS[kind.name][name]
    return kind.expands.get(name)


def _cannot(text: str, hint: str = "") -> Refused:
    return invalid("expand", f"This property cannot be expanded ({text}).{hint}")


def _owner(shown: Object, path: Sequence[str]) -> tuple[Object | None, str]:
    """Give the object in which a dotted field stands, copied on the way down.

    What stands inside is shared with the stored object, which must not change.
    """
    found = shown
    for name in path[:-1]:
        inner = found.get(name)
        if not isinstance(inner, dict):
            return None, path[-1]
        found[name] = inner = dict(inner)
        found = inner
    return found, path[-1]


def _envelope(rows: list[Object], *, more: bool, url: str) -> Object:
    return {"object": "list", "data": rows, "has_more": more, "url": url}
