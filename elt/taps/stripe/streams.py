"""What there is to read: a row for each list, and for what stands inside of objects.

Paths, parameters and types of events are those of Stripe's OpenAPI specification;
which events tell of which object, and what is left when one is deleted, is of
docs.stripe.com: Types of events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from elt.taps.stripe import columns
from elt.taps.stripe.columns import Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Objects of one kind, which have a list and an address each.

    created: the field that the list's filter `created` looks at.
    events: the types that tell of changes, one that ends in a star or at most 20.
        Empty where objects never change.
    named_by: other objects whose events change one of ours, and the field of theirs
        that names it.
    deleted: the type of event that tells that one is no more.
    without: fields that are left out.
    in_use: old ones are still what new rows are of, so that all are read, whatever
        `start_date` says.
    """

    name: str
    object: str
    path: str
    columns: Columns
    created: str = "created"
    params: Mapping[str, str] = field(default_factory=dict)
    expand: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    named_by: Mapping[str, str] = field(default_factory=dict)
    deleted: str = ""
    without: tuple[str, ...] = ()
    key: tuple[str, ...] = ("id",)
    in_use: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """Objects that belong to another, which is read to find them.

    field: where the first of them stand in their owner; empty where none do.
    path: their own list, `{}` is the owner's id; `parameter` names it in a query.
    owner: the field of theirs that names it, put there where it is not.
    only: a field of the owner that has to be true.
    prefix: how their ids begin. What has other ids, as the lines of invoices had
        before version 2019-12-03, is not told apart.
    """

    name: str
    of: Listed
    field: str
    path: str
    columns: Columns
    owner: str
    parameter: str = ""
    only: str = ""
    prefix: str = ""
    key: tuple[str, ...] = ("id",)


Stream = Listed | Inside

INVOICES = Listed(
    name="invoices",
    object="invoice",
    path="invoices",
    columns=columns.INVOICES,
    events=("invoice.*",),
    deleted="invoice.deleted",
)
SUBSCRIPTIONS = Listed(
    name="subscriptions",
    in_use=True,
    object="subscription",
    path="subscriptions",
    columns=columns.SUBSCRIPTIONS,
    # Without it, what was canceled is not listed (List subscriptions, `status`).
    params={"status": "all"},
    # `customer.subscription.deleted` tells of the end of one that stays readable.
    events=("customer.subscription.*",),
)
PAYOUTS = Listed(
    name="payouts",
    object="payout",
    path="payouts",
    columns=columns.PAYOUTS,
    events=("payout.*",),
)

STREAMS: tuple[Stream, ...] = (
    Listed(
        name="customers",
        in_use=True,
        object="customer",
        path="customers",
        columns=columns.CUSTOMERS,
        # Not `customer.*`: that is all of their subscriptions, too.
        events=(
            "customer.created",
            "customer.updated",
            "customer.deleted",
            "customer.discount.created",
            "customer.discount.deleted",
            "customer.discount.updated",
            "customer.source.created",
            "customer.source.deleted",
            "customer.source.updated",
        ),
        named_by={
            "discount": "customer",
            "source": "customer",
            "card": "customer",
            "bank_account": "customer",
        },
        deleted="customer.deleted",
    ),
    Listed(
        name="charges",
        object="charge",
        path="charges",
        columns=columns.CHARGES,
        events=("charge.*",),
        named_by={"dispute": "charge", "refund": "charge"},
    ),
    Listed(
        name="payment_intents",
        object="payment_intent",
        path="payment_intents",
        columns=columns.PAYMENT_INTENTS,
        events=("payment_intent.*",),
        # Whoever has it can finish the payment (The PaymentIntent object).
        without=("client_secret",),
    ),
    Listed(
        name="refunds",
        object="refund",
        path="refunds",
        columns=columns.REFUNDS,
        events=(
            "refund.created",
            "refund.updated",
            "refund.failed",
            "charge.refund.updated",
        ),
    ),
    INVOICES,
    Inside(
        name="invoice_line_items",
        of=INVOICES,
        field="lines",
        path="invoices/{}/lines",
        columns=columns.INVOICE_LINE_ITEMS,
        owner="invoice",
        prefix="il_",
        key=("invoice", "id"),
    ),
    Listed(
        name="invoice_items",
        object="invoiceitem",
        path="invoiceitems",
        columns=columns.INVOICE_ITEMS,
        created="date",
        events=("invoiceitem.*",),
        deleted="invoiceitem.deleted",
    ),
    SUBSCRIPTIONS,
    Inside(
        name="subscription_items",
        of=SUBSCRIPTIONS,
        field="items",
        path="subscription_items",
        parameter="subscription",
        columns=columns.SUBSCRIPTION_ITEMS,
        owner="subscription",
        prefix="si_",
    ),
    Listed(
        name="products",
        in_use=True,
        object="product",
        path="products",
        columns=columns.PRODUCTS,
        events=("product.*",),
        deleted="product.deleted",
    ),
    Listed(
        name="prices",
        in_use=True,
        object="price",
        path="prices",
        columns=columns.PRICES,
        expand=("tiers",),
        events=("price.*",),
        deleted="price.deleted",
    ),
    Listed(
        name="plans",
        in_use=True,
        object="plan",
        path="plans",
        columns=columns.PLANS,
        expand=("tiers",),
        events=("plan.*",),
        deleted="plan.deleted",
    ),
    Listed(
        name="coupons",
        in_use=True,
        object="coupon",
        path="coupons",
        columns=columns.COUPONS,
        expand=("applies_to",),
        events=("coupon.*",),
        deleted="coupon.deleted",
    ),
    Listed(
        name="promotion_codes",
        in_use=True,
        object="promotion_code",
        path="promotion_codes",
        columns=columns.PROMOTION_CODES,
        events=("promotion_code.*",),
    ),
    Listed(
        name="balance_transactions",
        object="balance_transaction",
        path="balance_transactions",
        columns=columns.BALANCE_TRANSACTIONS,
    ),
    PAYOUTS,
    Inside(
        name="payout_transactions",
        of=PAYOUTS,
        field="",
        path="balance_transactions",
        parameter="payout",
        columns={
            **columns.BALANCE_TRANSACTIONS,
            "payout": {"type": ["string", "null"]},
        },
        owner="payout",
        # List balance transactions, `payout`: "For automatic Stripe payouts only".
        only="automatic",
        key=("payout", "id"),
    ),
    Listed(
        name="disputes",
        object="dispute",
        path="disputes",
        columns=columns.DISPUTES,
        events=("charge.dispute.*",),
    ),
    Listed(
        name="transfers",
        object="transfer",
        path="transfers",
        columns=columns.TRANSFERS,
        events=("transfer.*",),
    ),
    Listed(
        name="credit_notes",
        object="credit_note",
        path="credit_notes",
        columns=columns.CREDIT_NOTES,
        events=("credit_note.*",),
    ),
    Listed(
        name="events",
        object="event",
        path="events",
        columns=columns.EVENTS,
    ),
)


def listed(stream: Stream) -> Listed:
    """Give what is listed to read a stream: its own objects, or their owners."""
    return stream if isinstance(stream, Listed) else stream.of


def has_deletes(stream: Stream) -> bool:
    return bool(stream.deleted if isinstance(stream, Listed) else stream.field)
