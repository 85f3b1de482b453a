"""A request that changes something: its form read, the change made, the answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from elt.testing.apis.stripe import errors
from elt.testing.apis.stripe.addresses import Call
from elt.testing.apis.stripe.forms import Form, read_form
from elt.testing.apis.stripe.reads import find
from elt.testing.apis.stripe.rendering import Rendering, check_path
from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.tables import Object
from elt.testing.apis.stripe.writes import ACTIONS, CREATES, DELETES, UPDATES, Act

Pairs = Iterable[tuple[str, str]]


def write(space: Space, call: Call, pairs: Pairs, *, version: str) -> Object:
    """Carry out one request. Raises Refused before anything is changed.

    The one exception is a card that is declined: its attempt stays.
    """
    if call.does == "create":
        return _create(space, call, pairs, version)
    act = _act(call)
    values, paths = _read(pairs, act.form, call, version)
    row = find(space, call.kind, call.key)
    if space.store.tables[call.kind.name].is_deleted(call.key):
        raise errors.missing(call.kind.title, call.key)
    return _shown(space, act.do(space, row, values), paths, version)


def _create(space: Space, call: Call, pairs: Pairs, version: str) -> Object:
    found = CREATES.get(call.kind.name)
    if found is None:
        raise errors.no_such_address("POST", f"/v1/{call.kind.path}")
    values, paths = _read(pairs, found.form, call, version)
    if call.owner is not None:
        values[call.inside] = find(space, call.owner, call.key)["id"]
    return _shown(space, found.do(space, values), paths, version)


def _act(call: Call) -> Act:
    name = call.kind.name
    usual = {"update": UPDATES, "delete": DELETES}.get(call.does)
    found = ACTIONS.get((name, call.does)) if usual is None else usual.get(name)
    if found is None:
        raise errors.no_such_address(*call.endpoint.split(" ", 1))
    return found


def _read(
    pairs: Pairs, form: Form, call: Call, version: str
) -> tuple[dict[str, Any], list[list[str]]]:
    values = read_form(pairs, form)
    said = values.pop("expand", None) or []
    texts = list(said.values()) if isinstance(said, dict) else list(said)
    return values, [check_path(text, call.kind, version) for text in texts]


def _shown(space: Space, row: Object, paths: list[list[str]], version: str) -> Object:
    if row.get("deleted"):
        return row
    rendering = Rendering(space.store, version)
    shown = rendering.show(space.store.tables[row["object"]].get(row["id"]) or row)
    for path in paths:
        rendering.expand(shown, path)
    return shown
