"""Requests that change something: which there are, and what each takes.

The parameters are some of those in Stripe's OpenAPI specification (the
`*CreateParams` and `*UpdateParams` of its SDKs); one that is not here is refused, as
Stripe refuses what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from elt.testing.apis.stripe import write_billing as billing
from elt.testing.apis.stripe import write_catalogue as catalogue
from elt.testing.apis.stripe import write_money as money
from elt.testing.apis.stripe.forms import Form, form
from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.tables import Object

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Create:
    form: Form
    do: Callable[[Space, Values], Object]


@dataclass(frozen=True, slots=True)
class Act:
    """Something done to an object that is there."""

    form: Form
    do: Callable[[Space, Object, Values], Object]


_NOTHING = form("")
_CUSTOMER = form(
    "address:hash balance:int description email invoice_prefix metadata:hash name phone"
    " preferred_locales:list shipping:hash tax_exempt"
)

CREATES = {
    "customer": Create(_CUSTOMER, catalogue.create_customer),
    "tax_id": Create(form("type! value!"), catalogue.create_tax_id),
    "product": Create(
        form(
            "active:flag default_price_data:hash description id images:list "
            "metadata:hash name! shippable:flag statement_descriptor tax_code type "
            "unit_label url"
        ),
        catalogue.create_product,
    ),
    "price": Create(
        form(
            "active:flag billing_scheme currency! lookup_key metadata:hash nickname "
            "product! recurring:hash tax_behavior tiers:list tiers_mode "
            "unit_amount:int unit_amount_decimal:decimal"
        ),
        catalogue.create_price,
    ),
    "plan": Create(
        form(
            "active:flag amount:int amount_decimal:decimal currency! id interval! "
            "interval_count:int metadata:hash nickname product! trial_period_days:int"
        ),
        catalogue.create_plan,
    ),
    "coupon": Create(
        form(
            "amount_off:int currency duration duration_in_months:int id "
            "max_redemptions:int metadata:hash name percent_off:float redeem_by:int"
        ),
        catalogue.create_coupon,
    ),
    "promotion_code": Create(
        form(
            "active:flag code customer expires_at:int max_redemptions:int "
            "metadata:hash promotion:hash!"
        ),
        catalogue.create_promotion_code,
    ),
    "subscription": Create(
        form(
            "cancel_at_period_end:flag collection_method customer! days_until_due:int "
            "description items:list! metadata:hash payment_behavior "
            "proration_behavior"
        ),
        billing.create_subscription,
    ),
    "subscription_item": Create(
        form("metadata:hash price! proration_behavior quantity:int subscription!"),
        billing.create_subscription_item,
    ),
    "invoice": Create(
        form(
            "auto_advance:flag collection_method currency customer! days_until_due:int "
            "description due_date:int footer metadata:hash "
            "pending_invoice_items_behavior subscription"
        ),
        billing.create_invoice,
    ),
    "invoiceitem": Create(
        form(
            "amount:int currency customer! description discountable:flag invoice "
            "metadata:hash period:hash pricing:hash quantity:int "
            "unit_amount_decimal:decimal"
        ),
        billing.create_invoiceitem,
    ),
    "payment_intent": Create(
        form(
            "amount:int! automatic_payment_methods:hash confirm:flag currency! "
            "customer description metadata:hash off_session:flag payment_method "
            "payment_method_types:list receipt_email statement_descriptor "
            "transfer_group"
        ),
        money.create_payment_intent,
    ),
    "refund": Create(
        form("amount:int charge metadata:hash payment_intent reason"),
        money.create_refund,
    ),
    "transfer": Create(
        form(
            "amount:int! currency! description destination! metadata:hash "
            "source_transaction transfer_group"
        ),
        money.create_transfer,
    ),
    "payout": Create(
        form(
            "amount:int! currency! description metadata:hash method "
            "statement_descriptor"
        ),
        money.create_payout,
    ),
    "credit_note": Create(
        form("amount:int invoice! memo metadata:hash reason"),
        money.create_credit_note,
    ),
}

UPDATES = {
    "customer": Act(_CUSTOMER, catalogue.update),
    "product": Act(
        form(
            "active:flag default_price description images:list metadata:hash name "
            "statement_descriptor tax_code unit_label url"
        ),
        catalogue.update_product,
    ),
    "price": Act(
        form("active:flag lookup_key metadata:hash nickname tax_behavior"),
        catalogue.update_price,
    ),
    "plan": Act(form("active:flag metadata:hash nickname"), catalogue.update_price),
    "coupon": Act(form("metadata:hash name"), catalogue.update),
    "promotion_code": Act(form("active:flag metadata:hash"), catalogue.update),
    "subscription": Act(
        form(
            "cancel_at_period_end:flag collection_method days_until_due:int "
            "description items:list metadata:hash proration_behavior"
        ),
        billing.update_subscription,
    ),
    "subscription_item": Act(
        form("metadata:hash price proration_behavior quantity:int"),
        billing.update_subscription_item,
    ),
    "invoice": Act(
        form(
            "auto_advance:flag collection_method days_until_due:int description "
            "due_date:int footer metadata:hash"
        ),
        billing.update_invoice,
    ),
    "invoiceitem": Act(
        form("amount:int description discountable:flag metadata:hash"),
        billing.update_invoiceitem,
    ),
    "payment_intent": Act(
        form("amount:int description metadata:hash receipt_email transfer_group"),
        catalogue.update,
    ),
    "charge": Act(
        form("customer description metadata:hash receipt_email transfer_group"),
        catalogue.update,
    ),
    "refund": Act(form("metadata:hash"), catalogue.update),
    "transfer": Act(form("description metadata:hash"), catalogue.update),
    "payout": Act(form("metadata:hash"), catalogue.update),
    "dispute": Act(
        form("evidence:hash metadata:hash submit:flag"), money.update_dispute
    ),
    "credit_note": Act(form("memo metadata:hash"), catalogue.update),
}

ACTIONS = {
    ("invoice", "finalize"): Act(form("auto_advance:flag"), billing.finalize),
    ("invoice", "pay"): Act(form("paid_out_of_band:flag payment_method"), billing.pay),
    ("invoice", "void"): Act(_NOTHING, billing.void),
    ("invoice", "mark_uncollectible"): Act(_NOTHING, billing.give_up),
    ("invoice", "send"): Act(_NOTHING, billing.send),
    ("payment_intent", "confirm"): Act(form("payment_method"), money.confirm),
    ("payment_intent", "cancel"): Act(form("cancellation_reason"), money.cancel),
    ("payout", "cancel"): Act(_NOTHING, money.cancel_payout),
    ("dispute", "close"): Act(_NOTHING, money.close_dispute),
    ("credit_note", "void"): Act(_NOTHING, money.void_credit_note),
}

DELETES = {
    "tax_id": Act(_NOTHING, catalogue.delete),
    "customer": Act(_NOTHING, catalogue.delete_customer),
    "product": Act(_NOTHING, catalogue.delete_product),
    "plan": Act(_NOTHING, catalogue.delete_plan),
    "coupon": Act(_NOTHING, catalogue.delete),
    "subscription": Act(
        form("cancellation_details:hash invoice_now:flag prorate:flag"),
        billing.cancel_subscription,
    ),
    "subscription_item": Act(
        form("proration_behavior"), billing.delete_subscription_item
    ),
    "invoice": Act(_NOTHING, billing.delete_invoice),
    "invoiceitem": Act(_NOTHING, billing.delete_invoiceitem),
}
