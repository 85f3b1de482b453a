"""One thing that happens to a customer of the made-up company, and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from elt.testing.apis.recurly.store import Store
from elt.testing.lives import Account


@dataclass(frozen=True, slots=True)
class Ids:
    account: str
    billing_info: str
    subscription: str


@dataclass(frozen=True, slots=True)
class Customer:
    account: Account

    def ids(self, store: Store) -> Ids:
        name = self.account.id
        return Ids(
            account=store.identify("accounts", name),
            billing_info=store.identify("billing_infos", name),
            subscription=store.identify("subscriptions", name),
        )


@dataclass(frozen=True, slots=True)
class Happening:
    """`do` is called with the store, the customer, the moment, and what is `given`."""

    at: int
    order: int
    of: Customer
    do: Callable[..., None]
    given: tuple[Any, ...] = ()


Happens = Callable[..., Happening]  # day, hour, do, *given
