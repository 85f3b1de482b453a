"""What a path and a method ask for."""

from __future__ import annotations

from dataclasses import dataclass

from elt.testing.apis.stripe import errors
from elt.testing.apis.stripe.kind import Kind
from elt.testing.apis.stripe.kinds import BY_NAME, BY_PATH


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`does` is list, get, create, update, delete, or the name of an action.

    `inside` is the field that a listed row names its owner by, whose id is `key`.
    """

    kind: Kind
    does: str
    endpoint: str
    key: str = ""
    inside: str = ""
    owner: Kind | None = None


@dataclass(frozen=True, slots=True)
class _Inside:
    kind: str
    by: str


_INSIDE = {
    ("invoice", "lines"): _Inside("line_item", "invoice"),
    ("credit_note", "lines"): _Inside("credit_note_line_item", "_credit_note"),
    ("charge", "refunds"): _Inside("refund", "charge"),
    ("customer", "tax_ids"): _Inside("tax_id", "customer"),
}


def resolve(method: str, path: str) -> Call:
    """Find what is asked. Raises Refused with 404 where there is nothing."""
    parts = path.strip("/").split("/")[1:]
    found = _resolve(method, parts)
    if found is None:
        raise errors.no_such_address(method, path)
    return found


def _resolve(method: str, parts: list[str]) -> Call | None:
    if parts == ["account"] and method == "GET":
        kind = BY_NAME["account"]
        return Call(kind=kind, does="get", endpoint="GET /v1/account")
    kind_found = BY_PATH.get(parts[0]) if parts else None
    if kind_found is None:
        return None
    match parts[1:]:
        case []:
            return _of_all(method, kind_found)
        case [key]:
            return _of_one(method, kind_found, key)
        case [key, field] if (kind_found.name, field) in _INSIDE:
            return _inside(method, kind_found, key, field)
        case [key, "tax_ids", child] if kind_found.name == "customer":
            return _of_one(method, BY_NAME["tax_id"], child)
        case [key, action] if method == "POST":
            endpoint = f"POST /v1/{kind_found.path}/:id/{action}"
            return Call(kind=kind_found, does=action, endpoint=endpoint, key=key)
    return None


def _of_all(method: str, kind: Kind) -> Call | None:
    does = {"GET": "list", "POST": "create"}.get(method)
    if does is None:
        return None
    return Call(kind=kind, does=does, endpoint=f"{method} /v1/{kind.path}")


def _of_one(method: str, kind: Kind, key: str) -> Call | None:
    does = {"GET": "get", "POST": "update", "DELETE": "delete"}.get(method)
    if does is None:
        return None
    endpoint = f"{method} /v1/{kind.path}/:id"
    return Call(kind=kind, does=does, endpoint=endpoint, key=key)


def _inside(method: str, owner: Kind, key: str, field: str) -> Call | None:
    found = _INSIDE[owner.name, field]
    does = {"GET": "list", "POST": "create"}.get(method)
    if does is None or (does == "create" and field != "tax_ids"):
        return None
    return Call(
        kind=BY_NAME[found.kind],
        does=does,
        endpoint=f"{method} /v1/{owner.path}/:id/{field}",
        key=key,
        inside=found.by,
        owner=owner,
    )
