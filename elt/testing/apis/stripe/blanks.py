"""What an object of each kind looks like before anything is said about it."""

from __future__ import annotations

from typing import Any

from elt.testing.apis.stripe.blanks_billing import BILLING
from elt.testing.apis.stripe.blanks_payments import PAYMENTS

_BLANKS = BILLING | PAYMENTS

# The objects of these kinds do not say whether they are of the live mode.
_WITHOUT_MODE = frozenset(
    [
        "subscription_item",
        "refund",
        "balance_transaction",
        "account",
        "discount",
    ]
)


def blank(name: str, *, live: bool) -> dict[str, Any]:
    """Make an object of a kind, with its `object` and its `livemode`."""
    made = {"object": name, **_BLANKS[name].made()}
    return made if name in _WITHOUT_MODE else {**made, "livemode": live}
