"""Lists: what may be asked of them, and their pages (docs.stripe.com: Pagination)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from elt.testing.apis.parameters import Parameter, Wrong, read, text
from elt.testing.apis.stripe import errors
from elt.testing.apis.stripe.kind import Filter, Kind
from elt.testing.apis.stripe.kinds import BY_NAME, LIMIT
from elt.testing.apis.stripe.rendering import Rendering, check_list_path
from elt.testing.apis.stripe.space import EVENTS_SECONDS, Space
from elt.testing.apis.stripe.tables import Asked, Object, value_at

Fits = Callable[[Object], bool]

MOST_TYPES = 20
_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}
_PAGING = (
    Parameter("limit", LIMIT),
    Parameter("starting_after", text),
    Parameter("ending_before", text),
    Parameter("expand", text, repeats=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Which list: of a kind, or of what stands in one object, with its address.

    `of` is the field and the id of the object in which it stands.
    """

    kind: Kind
    url: str
    of: tuple[str, str] | None = None


def page(
    space: Space,
    listed: Listed,
    given: Iterable[tuple[str, str]],
    *,
    version: str,
    lag: float = 0,
) -> Object:
    """Answer a list request. `lag` is how many seconds a balance entry stays unseen.

    Raises Refused for what Stripe refuses.
    """
    kind = listed.kind
    filters = () if listed.of else kind.filters
    found = read_list(given, filters)
    paths = [check_list_path(p, kind, version) for p in found.pop("expand", ())]
    _check_cursor(space, kind, found)
    _check_referred(space, filters, found)
    asked = Asked(
        fits=_all_of(_fits(kind, filters, found)),
        limit=found.get("limit", 10),
        after=_place(space, listed, found.get("starting_after"), version),
        before=found.get("ending_before"),
        index=listed.of or _index(kind, found),
        created=_stretch(space, kind, found, lag),
    )
    rows, more = space.store.tables[kind.name].page(asked)
    rendering = Rendering(space.store, version)
    answer: Object = {
        "object": "list",
        "data": [rendering.show(row) for row in rows],
        "has_more": more,
        "url": listed.url,
    }
    for path in paths:
        rendering.expand(answer, path)
    return answer


def read_list(
    given: Iterable[tuple[str, str]], filters: Sequence[Filter]
) -> dict[str, Any]:
    """Read a list's parameters; those of ranges are called as `created[gte]`."""
    try:
        return read(given, [*_PAGING, *_declared(filters)])
    except Wrong as wrong:
        raise _refusal(wrong) from None


def _declared(filters: Sequence[Filter]) -> list[Parameter]:
    declared = []
    for each in filters:
        if each.is_range:
            declared.append(Parameter(each.name, _moment))
            declared += [Parameter(f"{each.name}[{b}]", _moment) for b in _BOUNDS]
        else:
            repeats = each.is_listed and not each.refers
            declared.append(Parameter(each.name, each.read, repeats, each.is_required))
    return declared


def _moment(value: str) -> int:
    if not value.isascii() or not value.isdigit():
        raise ValueError(
            "Invalid timestamp: must be an integer Unix timestamp in seconds."
        )
    return int(value)


def _refusal(wrong: Wrong) -> errors.Refused:
    name, value = wrong.name, wrong.value
    if wrong.why.startswith("not one of "):
        said = wrong.why.removeprefix("not one of ")
        return errors.invalid(name, f"Invalid {name}: must be one of {said}")
    refusals = {
        "unknown": errors.unknown_parameter(name),
        "missing": errors.missing_parameter(name),
        "empty": errors.empty_parameter(name),
        "not a whole number": errors.not_a_number(name, value),
        "less than 1": errors.out_of_range(name, "greater than or equal to 1"),
        "more than 100": errors.out_of_range(name, "less than or equal to 100"),
        "not true or false": errors.invalid(name, f"Invalid boolean: {value}"),
    }
    return refusals.get(wrong.why, errors.invalid(name, wrong.why))


def _check_cursor(space: Space, kind: Kind, found: dict[str, Any]) -> None:
    names = [n for n in ("starting_after", "ending_before") if n in found]
    for name in names:
        # A customer that was deleted is still found, so a page may begin behind it.
        table = space.store.tables[kind.name]
        key = found[name]
        gone = table.is_deleted(key) and not kind.is_kept_when_deleted
        known = table.has_place(key) or kind.name == "line_item"
        if gone or not known:
            raise errors.missing(kind.title, key, name, status=400)
    if len(names) > 1:
        said = "Received both starting_after and ending_before parameters. "
        raise errors.Refused(400, f"{said}Please pass in only one.")


def _place(space: Space, listed: Listed, key: str | None, version: str) -> str | None:
    """Find the line behind which a page begins; old lines have the ids of others."""
    if key is None or listed.kind.name != "line_item" or listed.of is None:
        return key
    rendering = Rendering(space.store, version)
    for row in space.store.named("line_item", *listed.of):
        if key in {row["id"], rendering.show(row)["id"]}:
            return str(row["id"])
    raise errors.missing("line item", key, "starting_after", status=400)


def _check_referred(
    space: Space, filters: Sequence[Filter], found: dict[str, Any]
) -> None:
    for each in filters:
        key = found.get(each.name)
        if not each.refers or key is None:
            continue
        if not space.store.tables[each.refers].has_place(key):
            noun = BY_NAME[each.refers].title
            raise errors.missing(noun, key, each.name, status=400)
        if each.name == "payout":
            _check_automatic(space, key)


def _check_automatic(space: Space, key: str) -> None:
    """Refuse a manual payout (docs.stripe.com: Payout reconciliation)."""
    payout = space.store.find("payout", key)
    if payout is not None and not payout["automatic"]:
        said = (
            "Balance transaction history can only be filtered on automatic transfers, "
            "not manual."
        )
        raise errors.Refused(400, said)


def _fits(kind: Kind, filters: Sequence[Filter], found: dict[str, Any]) -> list[Fits]:
    fits = []
    for each in filters:
        if each.is_range:
            fits += _in_range(each, found)
        elif each.name in found and (kind.name, each.name) not in _OWN:
            fits.append(_equal(each, found[each.name]))
    if kind.name == "subscription":
        fits.append(_has_status(found.get("status")))
    if kind.name == "event":
        fits += _of_type(found)
    return fits


_OWN = {("subscription", "status"), ("event", "type"), ("event", "types")}


def _equal(each: Filter, value: Any) -> Fits:
    path = each.path
    if not each.is_listed:
        return lambda row: bool(value_at(row, path) == value)
    if each.refers:
        return lambda row: value in value_at(row, path)
    return lambda row: value_at(row, path) in value


def _in_range(each: Filter, found: dict[str, Any]) -> list[Fits]:
    path = each.path
    fits: list[Fits] = []
    if each.name in found:
        fits.append(_equal(each, found[each.name]))
    for name, holds in _BOUNDS.items():
        bound = found.get(f"{each.name}[{name}]")
        if bound is not None:
            fits.append(_bounded(path, holds, bound))
    return fits


def _bounded(
    path: Sequence[str], holds: Callable[[int, int], bool], bound: int
) -> Fits:
    def fits(row: Object) -> bool:
        value = value_at(row, path)
        return value is not None and holds(value, bound)

    return fits


def _has_status(status: str | None) -> Fits:
    """Hide what has ended, unless asked (API reference: List subscriptions)."""
    ended = {"canceled", "incomplete_expired"}
    if status is None:
        return lambda row: row["status"] != "canceled"
    if status == "all":
        return bool
    if status == "ended":
        return lambda row: row["status"] in ended
    return lambda row: bool(row["status"] == status)


def _of_type(found: dict[str, Any]) -> list[Fits]:
    """Take a `type` that may end in a star, or up to 20 `types` (List events)."""
    one, several = found.get("type"), found.get("types")
    if one is not None and several is not None:
        said = "You may only specify one of these parameters: type, types."
        raise errors.invalid("type", said, "parameters_exclusive")
    if several is not None and len(several) > MOST_TYPES:
        said = f"You may pass up to {MOST_TYPES} types."
        raise errors.invalid("types", said)
    if one is not None and one.endswith("*"):
        start = one[:-1]
        return [lambda row: row["type"].startswith(start)]
    wanted = {one} if one is not None else set(several or ())
    return [lambda row: row["type"] in wanted] if wanted else []


def _index(kind: Kind, found: dict[str, Any]) -> tuple[str, Any] | None:
    for each in kind.filters:
        name = each.of or each.name
        value = found.get(each.name)
        is_one = not each.is_listed and not str(value).endswith("*")
        if name in kind.indexed and value is not None and is_one:
            return name, value
    return None


def _stretch(
    space: Space, kind: Kind, found: dict[str, Any], lag: float
) -> tuple[int | None, int | None]:
    """Say from when and until when a list's rows were made, at the widest."""
    first, last = found.get("created[gte]"), found.get("created[lte]")
    if "created[gt]" in found:
        first = max(first or 0, found["created[gt]"] + 1)
    if kind.name == "event":
        first = max(first or 0, space.now() - EVENTS_SECONDS)
    if kind.name == "balance_transaction" and lag:
        seen = int(space.now() - lag)
        last = seen if last is None else min(last, seen)
    return first, last


def _all_of(fits: Sequence[Fits]) -> Fits:
    return lambda row: all(each(row) for each in fits)
