"""The kinds of objects: where they are listed, what a list takes, what is expanded.

Filters are those of Stripe's OpenAPI specification (the `*ListParams` of its SDKs),
expandable fields those that its SDKs mark as `ExpandableField`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from elt.testing.apis.parameters import Read, flag, one_of, text, whole


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
    path: str
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
    def title(self) -> str:
        return self.noun or self.name


def _verbs(*names: str) -> frozenset[str]:
    return frozenset(names)


CREATED = Filter("created", is_range=True)
_ACTIVE = Filter("active", read=flag)
_CUSTOMER = Filter("customer", refers="customer")
_CHARGE = Filter("charge", refers="charge")
_INTENT = Filter("payment_intent", refers="payment_intent")
_INVOICE = Filter("invoice", refers="invoice")
_COLLECTION = Filter(
    "collection_method", read=one_of("charge_automatically", "send_invoice")
)
_STATUSES: tuple[str, ...]
_STATUSES = ("active", "all", "canceled", "ended", "incomplete", "incomplete_expired")
_STATUSES += ("past_due", "paused", "trialing", "unpaid")
_ALL_VERBS = _verbs("created", "updated", "deleted")

KINDS = (
    Kind(
        name="customer",
        path="customers",
        prefix="cus",
        permission="customer",
        event="customer",
        verbs=_ALL_VERBS,
        filters=(CREATED, Filter("email"), Filter("test_clock")),
        indexed=("email",),
        lists={"sources": "", "subscriptions": "subscription", "tax_ids": "tax_id"},
        is_kept_when_deleted=True,
    ),
    Kind(
        name="tax_id",
        path="tax_ids",
        prefix="txi",
        permission="tax_id",
        event="customer.tax_id",
        verbs=_ALL_VERBS,
        expands={"customer": "customer"},
        indexed=("customer",),
    ),
    Kind(
        name="charge",
        path="charges",
        prefix="ch",
        permission="charge",
        event="charge",
        verbs=_verbs("updated"),
        filters=(CREATED, _CUSTOMER, _INTENT, Filter("transfer_group")),
        indexed=("customer", "payment_intent"),
        expands={
            "balance_transaction": "balance_transaction",
            "customer": "customer",
            "payment_intent": "payment_intent",
            "source_transfer": "transfer",
        },
        lists={"refunds": "refund"},
    ),
    Kind(
        name="payment_intent",
        path="payment_intents",
        prefix="pi",
        permission="payment_intent",
        event="payment_intent",
        verbs=_verbs("created"),
        filters=(CREATED, _CUSTOMER, Filter("customer_account")),
        indexed=("customer",),
        expands={"customer": "customer", "latest_charge": "charge"},
    ),
    Kind(
        name="refund",
        path="refunds",
        prefix="re",
        permission="charge",
        event="refund",
        verbs=_verbs("created", "updated"),
        filters=(CREATED, _CHARGE, _INTENT),
        indexed=("charge",),
        expands={
            "balance_transaction": "balance_transaction",
            "charge": "charge",
            "payment_intent": "payment_intent",
        },
    ),
    Kind(
        name="invoice",
        path="invoices",
        prefix="in",
        permission="invoice",
        event="invoice",
        verbs=_ALL_VERBS,
        filters=(
            CREATED,
            _CUSTOMER,
            _COLLECTION,
            Filter("customer_account"),
            Filter("due_date", is_range=True),
            Filter(
                "status", read=one_of("draft", "open", "paid", "uncollectible", "void")
            ),
            Filter(
                "subscription",
                "parent.subscription_details.subscription",
                refers="subscription",
            ),
        ),
        indexed=("customer", "parent.subscription_details.subscription"),
        expands={
            "customer": "customer",
            "parent.subscription_details.subscription": "subscription",
        },
        lists={"lines": "line_item", "payments": "invoice_payment"},
    ),
    Kind(
        name="line_item",
        path="line_items",
        prefix="il",
        permission="invoice",
        expands={"subscription": "subscription"},
        indexed=("invoice",),
        created="_created",
        is_newest_first=False,
    ),
    Kind(
        name="invoice_payment",
        path="invoice_payments",
        prefix="inpay",
        permission="invoice",
        event="invoice_payment",
        filters=(
            CREATED,
            _INVOICE,
            Filter("status", read=one_of("canceled", "open", "paid")),
        ),
        indexed=("invoice",),
        expands={
            "invoice": "invoice",
            "payment.charge": "charge",
            "payment.payment_intent": "payment_intent",
        },
    ),
    Kind(
        name="invoiceitem",
        path="invoiceitems",
        prefix="ii",
        permission="invoice",
        event="invoiceitem",
        verbs=_verbs("created", "deleted"),
        filters=(
            Filter("created", "date", is_range=True),
            _CUSTOMER,
            _INVOICE,
            Filter("customer_account"),
            Filter("pending", "_pending", read=flag),
        ),
        indexed=("customer", "invoice"),
        expands={"customer": "customer", "invoice": "invoice"},
        created="date",
    ),
    Kind(
        name="subscription",
        path="subscriptions",
        prefix="sub",
        permission="subscription",
        event="customer.subscription",
        verbs=_ALL_VERBS,
        filters=(
            CREATED,
            _CUSTOMER,
            _COLLECTION,
            Filter("customer_account"),
            Filter("current_period_start", "_current_period_start", is_range=True),
            Filter("current_period_end", "_current_period_end", is_range=True),
            Filter("plan", "_prices", is_listed=True, refers="plan"),
            Filter("price", "_prices", is_listed=True, refers="price"),
            Filter("status", read=one_of(*_STATUSES)),
            Filter("test_clock"),
        ),
        indexed=("customer",),
        expands={"customer": "customer", "latest_invoice": "invoice"},
        lists={"items": "subscription_item"},
    ),
    Kind(
        name="subscription_item",
        path="subscription_items",
        prefix="si",
        permission="subscription",
        noun="subscription_item",
        filters=(Filter("subscription", refers="subscription", is_required=True),),
        indexed=("subscription",),
        expands={"price.product": "product", "plan.product": "product"},
        lists={"price.tiers": "", "plan.tiers": ""},
    ),
    Kind(
        name="product",
        path="products",
        prefix="prod",
        permission="product",
        event="product",
        verbs=_ALL_VERBS,
        filters=(
            CREATED,
            _ACTIVE,
            Filter("ids", "id", is_listed=True),
            Filter("shippable", read=flag),
            Filter("type", read=one_of("good", "service")),
            Filter("url"),
        ),
        expands={"default_price": "price"},
    ),
    Kind(
        name="price",
        path="prices",
        prefix="price",
        permission="plan",
        event="price",
        verbs=_ALL_VERBS,
        filters=(
            CREATED,
            _ACTIVE,
            Filter("currency"),
            Filter("lookup_keys", "lookup_key", is_listed=True),
            Filter("product", refers="product"),
            Filter("type", read=one_of("one_time", "recurring")),
        ),
        indexed=("product",),
        expands={"product": "product"},
        lists={"tiers": ""},
    ),
    Kind(
        name="plan",
        path="plans",
        prefix="price",
        permission="plan",
        event="plan",
        verbs=_ALL_VERBS,
        filters=(CREATED, _ACTIVE, Filter("product", refers="product")),
        indexed=("product",),
        expands={"product": "product"},
        lists={"tiers": ""},
    ),
    Kind(
        name="coupon",
        path="coupons",
        prefix="coupon",
        permission="coupon",
        event="coupon",
        verbs=_ALL_VERBS,
        filters=(CREATED,),
        lists={"applies_to": ""},
    ),
    Kind(
        name="promotion_code",
        path="promotion_codes",
        prefix="promo",
        permission="promotion_code",
        event="promotion_code",
        verbs=_verbs("created", "updated"),
        filters=(
            CREATED,
            _ACTIVE,
            _CUSTOMER,
            Filter("code"),
            Filter("coupon", "promotion.coupon", refers="coupon"),
            Filter("customer_account"),
        ),
        expands={"customer": "customer", "promotion.coupon": "coupon"},
    ),
    Kind(
        name="balance_transaction",
        path="balance_transactions",
        prefix="txn",
        permission="balance_transaction_source",
        noun="balance transaction",
        filters=(
            CREATED,
            Filter("currency"),
            Filter("payout", "_payout", refers="payout"),
            Filter("source"),
            Filter("type"),
        ),
        indexed=("_payout", "source"),
        expands={"source": "*"},
    ),
    Kind(
        name="payout",
        path="payouts",
        prefix="po",
        permission="payout",
        event="payout",
        verbs=_verbs("created", "updated"),
        filters=(
            CREATED,
            Filter("arrival_date", is_range=True),
            Filter("destination"),
            Filter("status", read=one_of("pending", "paid", "failed", "canceled")),
        ),
        expands={"balance_transaction": "balance_transaction"},
    ),
    Kind(
        name="dispute",
        path="disputes",
        prefix="dp",
        permission="dispute",
        event="charge.dispute",
        verbs=_verbs("created", "updated"),
        filters=(CREATED, _CHARGE, _INTENT),
        indexed=("charge",),
        expands={"charge": "charge", "payment_intent": "payment_intent"},
    ),
    Kind(
        name="transfer",
        path="transfers",
        prefix="tr",
        permission="transfer",
        event="transfer",
        verbs=_verbs("created", "updated"),
        filters=(CREATED, Filter("destination"), Filter("transfer_group")),
        expands={
            "balance_transaction": "balance_transaction",
            "destination": "account",
            "source_transaction": "charge",
        },
    ),
    Kind(
        name="credit_note",
        path="credit_notes",
        prefix="cn",
        permission="credit_note",
        noun="credit note",
        event="credit_note",
        verbs=_verbs("created", "updated"),
        filters=(CREATED, _CUSTOMER, _INVOICE, Filter("customer_account")),
        indexed=("customer", "invoice"),
        expands={"customer": "customer", "invoice": "invoice"},
        lists={"lines": "credit_note_line_item"},
    ),
    Kind(
        name="credit_note_line_item",
        path="credit_note_line_items",
        prefix="cnli",
        permission="credit_note",
        indexed=("_credit_note",),
        created="_created",
        is_newest_first=False,
    ),
    Kind(
        name="event",
        path="events",
        prefix="evt",
        permission="event",
        filters=(
            CREATED,
            Filter("delivery_success", "_delivered", read=flag),
            Filter("type"),
            Filter("types", "type", is_listed=True),
        ),
        indexed=("type",),
    ),
    Kind(
        name="account",
        path="accounts",
        prefix="acct",
        permission="connected_account",
        event="account",
        verbs=_verbs("updated"),
        filters=(CREATED,),
    ),
)

BY_NAME = {kind.name: kind for kind in KINDS}
# Lines have no address of their own, they are read with what they belong to.
_WITHOUT_ADDRESS = frozenset({"line_item", "credit_note_line_item"})
BY_PATH = {kind.path: kind for kind in KINDS if kind.name not in _WITHOUT_ADDRESS}

LIMIT = whole(1, 100)  # docs.stripe.com: Pagination
