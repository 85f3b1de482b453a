"""Kinds of objects for money, and what is told of it."""

from __future__ import annotations

from elt.testing.apis.parameters import flag, one_of
from elt.testing.apis.stripe.kind import (
    CHARGE,
    CREATED,
    CUSTOMER,
    INTENT,
    Filter,
    Kind,
    expands,
    verbs,
)

PAYMENTS = (
    Kind(
        name="charge",
        prefix="ch",
        permission="charge",
        event="charge",
        verbs=verbs("updated"),
        filters=(CREATED, CUSTOMER, INTENT, Filter("transfer_group")),
        indexed=("customer", "payment_intent"),
        expands=expands(
            "balance_transaction customer payment_intent source_transfer:transfer"
        ),
        lists={"refunds": "refund"},
    ),
    Kind(
        name="payment_intent",
        prefix="pi",
        permission="payment_intent",
        event="payment_intent",
        verbs=verbs("created"),
        filters=(CREATED, CUSTOMER, Filter("customer_account")),
        indexed=("customer",),
        expands=expands("customer latest_charge:charge"),
    ),
    Kind(
        name="refund",
        prefix="re",
        permission="charge",
        event="refund",
        verbs=verbs("created", "updated"),
        filters=(CREATED, CHARGE, INTENT),
        indexed=("charge",),
        expands=expands("balance_transaction charge payment_intent"),
    ),
    Kind(
        name="balance_transaction",
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
        expands=expands("source:*"),
    ),
    Kind(
        name="payout",
        prefix="po",
        permission="payout",
        event="payout",
        verbs=verbs("created", "updated"),
        filters=(
            CREATED,
            Filter("arrival_date", is_range=True),
            Filter("destination"),
            Filter("status", read=one_of("pending", "paid", "failed", "canceled")),
        ),
        expands=expands("balance_transaction"),
    ),
    Kind(
        name="dispute",
        prefix="dp",
        permission="dispute",
        event="charge.dispute",
        verbs=verbs("created", "updated"),
        filters=(CREATED, CHARGE, INTENT),
        indexed=("charge",),
        expands=expands("charge payment_intent"),
    ),
    Kind(
        name="transfer",
        prefix="tr",
        permission="transfer",
        event="transfer",
        verbs=verbs("created", "updated"),
        filters=(CREATED, Filter("destination"), Filter("transfer_group")),
        expands=expands(
            "balance_transaction destination:account source_transaction:charge"
        ),
    ),
    Kind(
        name="event",
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
        prefix="acct",
        permission="connected_account",
        event="account",
        verbs=verbs("updated"),
        filters=(CREATED,),
    ),
)
