"""Reading one object by its id."""

from __future__ import annotations

from collections.abc import Iterable

from elt.testing.apis.parameters import Parameter, Wrong, read, text
from elt.testing.apis.stripe import errors
from elt.testing.apis.stripe.addresses import Call
from elt.testing.apis.stripe.kind import Kind
from elt.testing.apis.stripe.rendering import Rendering, check_path, deleted
from elt.testing.apis.stripe.space import EVENTS_SECONDS, Space
from elt.testing.apis.stripe.tables import Object

_EXPAND = Parameter("expand", text, repeats=True)


def one(
    space: Space,
    call: Call,
    given: Iterable[tuple[str, str]],
    *,
    version: str,
    lag: float,
) -> Object:
    """Answer with one object; a deleted customer says that it is."""
    try:
        found = read(given, [_EXPAND])
    except Wrong as wrong:
        raise errors.unknown_parameter(wrong.name) from None
    kind = call.kind
    paths = [check_path(each, kind, version) for each in found.get("expand", ())]
    if kind.name == "account" and call.key in {"", space.account}:
        return own_account(space)
    row = find(space, kind, call.key)
    if space.store.tables[kind.name].is_deleted(call.key):
        return deleted(row)
    _check_seen(space, kind, row, lag)
    rendering = Rendering(space.store, version)
    shown = rendering.show(row)
    for path in paths:
        rendering.expand(shown, path)
    return shown


def find(space: Space, kind: Kind, key: str) -> Object:
    """Find what a path names. Raises Refused with 404."""
    table = space.store.tables[kind.name]
    row = table.get(key)
    if row is None or (table.is_deleted(key) and not kind.is_kept_when_deleted):
        other = space.other_mode
        if other is not None and other.store.find(kind.name, key):
            raise errors.in_other_mode(kind.title, key, live=space.live)
        raise errors.missing(kind.title, key)
    return row


def own_account(space: Space) -> Object:
    """Show the account whose data this is."""
    fields = {
        "email": f"owner@{space.account}.example",
        "default_currency": space.currency,
    }
    row = space.fresh("account", fields, at=1719820800, key=space.account)
    return Rendering(space.store, space.version).show(row)


def _check_seen(space: Space, kind: Kind, row: Object, lag: float) -> None:
    """Refuse an event that is too old, and a balance entry that is too young."""
    age = space.now() - row[kind.created]
    is_old = kind.name == "event" and age > EVENTS_SECONDS
    is_young = kind.name == "balance_transaction" and age < lag
    if is_old or is_young:
        raise errors.missing(kind.title, row["id"])
