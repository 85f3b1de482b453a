"""The filters of a search: which versions they keep.

HubSpot, Search the CRM: groups are alternatives, the filters of one group hold
together.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from elt.testing.apis.hubspot.asking import an_object, texts
from elt.testing.apis.hubspot.definitions import Definition
from elt.testing.apis.hubspot.kinds import Kind
from elt.testing.apis.hubspot.portal import Limits, Portal
from elt.testing.apis.hubspot.records import Version
from elt.testing.apis.hubspot.refusals import Refused, invalid_json
from elt.testing.apis.hubspot.values import moment_of, to_milliseconds

Test = Callable[[Version], bool]
Ordered = Callable[[str], Any]  # raises ValueError for what has no place in the order

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "LT": lambda one, other: one < other,
    "LTE": lambda one, other: one <= other,
    "GT": lambda one, other: one > other,
    "GTE": lambda one, other: one >= other,
}
_OPERATORS = ("EQ", "NEQ", *_COMPARE, "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY")
_OPERATORS += ("NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN")
_KEYS = ("propertyName", "operator", "value", "highValue", "values")


@dataclass(frozen=True, slots=True)
class Filter:
    definition: Definition
    operator: str
    value: str = ""
    high_value: str = ""
    values: tuple[str, ...] = ()


def read_groups(portal: Portal, kind: Kind, given: object) -> list[list[Filter]]:
    """Read `filterGroups`. Raises Refused for more than there may be."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise invalid_json("Cannot deserialize a list: filterGroups")
    groups = [_group(portal, kind, one) for one in given]
    _check_counts(portal.limits, groups)
    return groups


def _check_counts(limits: Limits, groups: Sequence[Sequence[Filter]]) -> None:
    """Changelog "Expanded Filtering Capabilities": 5 groups, 10 in each, 25 in all."""
    counts = (
        (len(groups), limits.filter_groups, "filterGroups"),
        (
            max(map(len, groups), default=0),
            limits.filters_in_group,
            "filters per group",
        ),
        (sum(map(len, groups)), limits.filters, "filters"),
    )
    for number, most, what in counts:
        if number > most:  # no public source has this text
            raise Refused(400, f"Too many {what}: {number}, the maximum is {most}")


def _group(portal: Portal, kind: Kind, given: object) -> list[Filter]:
    filters = an_object(given, ("filters",)).get("filters")
    if not isinstance(filters, list):
        raise invalid_json("Cannot deserialize a list: filters")
    return [_filter(portal, kind, one) for one in filters]


def _filter(portal: Portal, kind: Kind, given: object) -> Filter:
    keys = an_object(given, _KEYS)
    operator = keys.get("operator")
    if operator not in _OPERATORS:
        listed = ", ".join(_OPERATORS)
        raise invalid_json(
            f'Cannot deserialize value from String "{operator}": not one of the values '
            f"accepted for Enum class: [{listed}]"
        )
    name = str(keys.get("propertyName"))
    definition = portal.definition(kind, name)
    if definition is None:  # no public source has this text
        raise Refused(400, f"There was a problem with the request: no property {name}")
    made = Filter(
        definition,
        operator,
        _text(keys.get("value")),
        _text(keys.get("highValue")),
        tuple(texts(keys.get("values"), "values")),
    )
    _check_values(made)
    return made


def _text(value: object) -> str:
    if isinstance(value, dict | list):
        raise invalid_json("Cannot deserialize a string from an object or a list")
    return "" if value is None else str(value)


def _check_values(made: Filter) -> None:
    if made.operator in {"IN", "NOT_IN"} and not made.values:
        raise Refused(400, f"{made.operator} needs `values`")
    wanted = [made.value] if made.operator in {"EQ", "NEQ", *_COMPARE} else []
    wanted = [made.value, made.high_value] if made.operator == "BETWEEN" else wanted
    order = ordered(made.definition)
    for value in wanted:
        try:
            order(value)
        except ValueError:
            raise Refused(
                400, f"{value!r} is no value of {made.definition.name}"
            ) from None


def ordered(definition: Definition) -> Ordered:
    """Give how texts of this property are put in order."""
    match definition.type:
        case "number":
            return _number
        case "date" | "datetime":
            return _moment
        case "enumeration":
            return str  # with regard to case, unlike texts
        case _:
            return str.lower


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None


def _moment(text: str) -> int:
    """Read a filter's value in milliseconds, or a kept one in ISO 8601."""
    found = moment_of(text)
    if found is None:
        raise ValueError(text)
    return to_milliseconds(found)


def keep(groups: Sequence[Sequence[Filter]]) -> Test:
    """Give the test that a version passes if one of the groups holds."""
    tests = [[_test(one) for one in group] for group in groups]
    if not tests:
        return lambda _: True
    if len(tests) == 1:
        (only,) = tests
        return lambda version: all(test(version) for test in only)
    return lambda version: any(all(t(version) for t in group) for group in tests)


def _test(one: Filter) -> Test:
    name = one.definition.name
    match one.operator:
        case "HAS_PROPERTY":
            return lambda version: name in version.properties
        case "NOT_HAS_PROPERTY":
            return lambda version: name not in version.properties
        case "NEQ" | "NOT_IN" | "NOT_CONTAINS_TOKEN":
            # Also where there is no value; no public source says whether.
            found = _found(one, one.operator.replace("NOT_", "").replace("NEQ", "EQ"))
            return lambda version: not found(version)
        case operator:
            return _found(one, operator)


def _found(one: Filter, operator: str) -> Test:
    match operator:
        case "IN":
            return _in(one)
        case "CONTAINS_TOKEN":
            return _with_token(one)
        case _:
            return _compared(one, operator)


def _compared(one: Filter, operator: str) -> Test:
    name, order = one.definition.name, ordered(one.definition)
    wanted = order(one.value)
    high = order(one.high_value) if operator == "BETWEEN" else None
    compare = _COMPARE.get(operator)

    def test(version: Version) -> bool:
        text = version.properties.get(name)
        if text is None:
            return False
        try:
            value = order(text)
        except ValueError:
            return False  # a number that says "N/A"
        if compare:
            return compare(value, wanted)
        return bool(wanted <= value <= high) if high is not None else value == wanted

    return test


def _in(one: Filter) -> Test:
    """HubSpot, Search the CRM: of texts the values have to be in lower case."""
    name, wanted = one.definition.name, set(one.values)
    if one.definition.type == "enumeration":
        return lambda v: not wanted.isdisjoint(v.properties.get(name, "").split(";"))
    return lambda v: v.properties.get(name, "").lower() in wanted


def _with_token(one: Filter) -> Test:
    """HubSpot, Search the CRM: a word, or one with `*`, without regard to case."""
    name, wanted = one.definition.name, one.value.lower()

    def test(version: Version) -> bool:
        text = version.properties.get(name, "").lower()
        return fnmatch.fnmatchcase(text, wanted) or any(
            fnmatch.fnmatchcase(word, wanted) for word in text.split()
        )

    return test
