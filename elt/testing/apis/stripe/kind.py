"""The kinds of objects: where they are listed, what a list takes, what is expanded.

Filters are those of Stripe's OpenAPI specification (the `*ListParams` of its SDKs),
expandable fields those that its SDKs mark as `ExpandableField`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from elt.testing.apis.parameters import Read, flag, one_of, text


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter that keeps the rows whose field has its value.

    `of` is the dotted field where it is called otherwise; `refers` is the kind whose
    id it has to be. One that `is_range` takes `[gt]`, `[gte]`, `[lt]` and `[lte]`.
    """

    name: str
    of: str = ""
    read: Read = text
    refers: str = ""
    is_range: bool = False
    is_required: bool = False
    is_listed: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        return tuple((self.of or self.name).split("."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind; `verbs` are the events that its changes make by themselves."""

    name: str  # as in `object`
    prefix: str
    permission: str
    noun: str = ""
    event: str = ""
    verbs: frozenset[str] = frozenset()
    filters: tuple[Filter, ...] = ()
    indexed: tuple[str, ...] = ()
    expands: Mapping[str, str] = field(default_factory=dict)  # `*` is any kind
    lists: Mapping[str, str] = field(default_factory=dict)  # field -> kind of its rows
    created: str = "created"
    is_kept_when_deleted: bool = False  # a GET still says `deleted: true`
    is_newest_first: bool = True

    @property
    def path(self) -> str:
        return f"{self.name}s"

    @property
    def title(self) -> str:
        return self.noun or self.name


def verbs(*names: str) -> frozenset[str]:
    return frozenset(names)


def expands(names: str) -> dict[str, str]:
    """Read fields with the kinds of their objects, as `latest_invoice:invoice`.

    A field without one is called as its kind.
    """
    pairs = (each.partition(":") for each in names.split())
    return {field: kind or field.rpartition(".")[2] for field, _, kind in pairs}


CREATED = Filter("created", is_range=True)
ACTIVE = Filter("active", read=flag)
CUSTOMER = Filter("customer", refers="customer")
CHARGE = Filter("charge", refers="charge")
INTENT = Filter("payment_intent", refers="payment_intent")
INVOICE = Filter("invoice", refers="invoice")
COLLECTION = Filter(
    "collection_method", read=one_of("charge_automatically", "send_invoice")
)
ALL_VERBS = verbs("created", "updated", "deleted")
