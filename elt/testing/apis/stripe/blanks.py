"""What an object of each kind looks like before anything is said about it.

Names and types are those of the newest version's objects (docs.stripe.com: API
reference; Stripe's published fixtures have one of each, and a test compares).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_BILLING = {"address": ADDRESS, "email": None, "name": None, "phone": None}
_BILLING = {**_BILLING, "tax_id": None}
_AUTOMATIC_TAX = {"enabled": False, "liability": None, "disabled_reason": None}
_CARD_CHECKS = {
    "address_line1_check": None,
    "address_postal_code_check": None,
    "cvc_check": "pass",
}
CARD = {
    "brand": "visa",
    "country": "US",
    "exp_month": 8,
    "exp_year": 2030,
    "funding": "credit",
    "last4": "4242",
    "network": "visa",
    "checks": _CARD_CHECKS,
    "wallet": None,
    "mandate": None,
    "installments": None,
}
_EVIDENCE = (
    "access_activity_log billing_address cancellation_policy "
    "cancellation_policy_disclosure cancellation_rebuttal customer_communication "
    "customer_email_address customer_name customer_purchase_ip customer_signature "
    "duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id "
    "product_description receipt refund_policy refund_policy_disclosure "
    "refund_refusal_explanation service_date service_documentation shipping_address "
    "shipping_carrier shipping_date shipping_documentation shipping_tracking_number "
    "uncategorized_file uncategorized_text"
)


@dataclass(frozen=True, slots=True)
class _Blank:
    nulls: str
    others: dict[str, Any] = field(default_factory=dict)

    def made(self) -> dict[str, Any]:
        # What stands inside is shared by all: objects are replaced, never changed.
        return dict.fromkeys(self.nulls.split()) | self.others


_BLANKS = {
    "customer": _Blank(
        "address currency default_source description discount email name phone "
        "shipping test_clock",
        {
            "balance": 0,
            "delinquent": False,
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "metadata": {},
            "next_invoice_sequence": 1,
            "preferred_locales": [],
            "tax_exempt": "none",
        },
    ),
    "tax_id": _Blank(
        "country customer customer_account value type",
        {
            "owner": {"type": "customer", "customer": None},
            "verification": {
                "status": "pending",
                "verified_address": None,
                "verified_name": None,
            },
        },
    ),
    "product": _Blank(
        "default_price description package_dimensions shippable statement_descriptor "
        "tax_code unit_label url",
        {
            "active": True,
            "images": [],
            "marketing_features": [],
            "metadata": {},
            "type": "service",
        },
    ),
    "price": _Blank(
        "custom_unit_amount lookup_key nickname product recurring tiers_mode "
        "transform_quantity unit_amount unit_amount_decimal",
        {
            "active": True,
            "billing_scheme": "per_unit",
            "metadata": {},
            "tax_behavior": "unspecified",
            "type": "one_time",
        },
    ),
    "plan": _Blank(
        "amount amount_decimal meter nickname product tiers_mode transform_usage "
        "trial_period_days",
        {
            "active": True,
            "billing_scheme": "per_unit",
            "interval": "month",
            "interval_count": 1,
            "metadata": {},
            "usage_type": "licensed",
        },
    ),
    "coupon": _Blank(
        "amount_off currency duration_in_months max_redemptions name percent_off "
        "redeem_by",
        {"duration": "once", "metadata": {}, "times_redeemed": 0, "valid": True},
    ),
    "promotion_code": _Blank(
        "code customer customer_account expires_at max_redemptions",
        {
            "active": True,
            "metadata": {},
            "promotion": {"coupon": None, "type": "coupon"},
            "restrictions": {
                "first_time_transaction": False,
                "minimum_amount": None,
                "minimum_amount_currency": None,
            },
            "times_redeemed": 0,
        },
    ),
    "subscription": _Blank(
        "application application_fee_percent billing_cycle_anchor_config cancel_at "
        "canceled_at customer customer_account days_until_due default_payment_method "
        "default_source description ended_at latest_invoice "
        "next_pending_invoice_item_invoice on_behalf_of pause_collection "
        "pending_invoice_item_interval pending_setup_intent pending_update schedule "
        "test_clock transfer_data trial_end trial_start billing_thresholds",
        {
            "automatic_tax": _AUTOMATIC_TAX,
            "billing_mode": {"type": "classic"},
            "cancel_at_period_end": False,
            "cancellation_details": {"comment": None, "feedback": None, "reason": None},
            "collection_method": "charge_automatically",
            "default_tax_rates": [],
            "discounts": [],
            "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
            "metadata": {},
            "payment_settings": {
                "payment_method_options": None,
                "payment_method_types": None,
                "save_default_payment_method": "off",
            },
            "status": "active",
            "trial_settings": {
                "end_behavior": {"missing_payment_method": "create_invoice"}
            },
        },
    ),
    "subscription_item": _Blank(
        "billing_thresholds", {"discounts": [], "metadata": {}, "tax_rates": []}
    ),
    "invoice": _Blank(
        "account_name account_tax_ids application automatically_finalizes_at "
        "custom_fields customer_address customer_email customer_name customer_phone "
        "customer_shipping customer_account default_payment_method default_source "
        "description due_date effective_at ending_balance footer from_invoice "
        "hosted_invoice_url invoice_pdf last_finalization_error latest_revision "
        "next_payment_attempt number on_behalf_of parent receipt_number rendering "
        "shipping_cost shipping_details statement_descriptor test_clock "
        "total_pretax_credit_amounts total_taxes webhooks_delivered_at",
        {
            "account_country": "PT",
            **dict.fromkeys(
                [
                    "amount_due",
                    "amount_overpaid",
                    "amount_paid",
                    "amount_remaining",
                    "amount_shipping",
                    "attempt_count",
                    "post_payment_credit_notes_amount",
                    "pre_payment_credit_notes_amount",
                    "starting_balance",
                    "subtotal",
                    "total",
                    "subtotal_excluding_tax",
                    "total_excluding_tax",
                ],
                0,
            ),
            "attempted": False,
            "auto_advance": False,
            "automatic_tax": {**_AUTOMATIC_TAX, "status": None, "provider": None},
            "billing_reason": "manual",
            "collection_method": "charge_automatically",
            "customer_tax_exempt": "none",
            "customer_tax_ids": [],
            "default_tax_rates": [],
            "discounts": [],
            "issuer": {"type": "self"},
            "metadata": {},
            "payment_settings": {
                "default_mandate": None,
                "payment_method_options": None,
                "payment_method_types": None,
            },
            "status": "draft",
            "status_transitions": {
                "finalized_at": None,
                "marked_uncollectible_at": None,
                "paid_at": None,
                "voided_at": None,
            },
            "total_discount_amounts": [],
        },
    ),
    "line_item": _Blank(
        "pretax_credit_amounts subscription parent pricing quantity_decimal "
        "description",
        {
            "discount_amounts": [],
            "discountable": True,
            "discounts": [],
            "metadata": {},
            "quantity": 1,
            "taxes": [],
        },
    ),
    "invoice_payment": _Blank(
        "amount_paid",
        {
            "is_default": True,
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        },
    ),
    "invoiceitem": _Blank(
        "description invoice parent pricing test_clock customer_account",
        {
            "discountable": True,
            "discounts": [],
            "metadata": {},
            "proration": False,
            "quantity": 1,
            "tax_rates": [],
        },
    ),
    "payment_intent": _Blank(
        "application application_fee_amount automatic_payment_methods canceled_at "
        "cancellation_reason customer customer_account description last_payment_error "
        "latest_charge next_action on_behalf_of payment_method "
        "payment_method_configuration_details processing receipt_email review "
        "setup_future_usage shipping source statement_descriptor "
        "statement_descriptor_suffix transfer_data transfer_group "
        "excluded_payment_method_types",
        {
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "capture_method": "automatic",
            "confirmation_method": "automatic",
            "metadata": {},
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "status": "requires_payment_method",
        },
    ),
    "charge": _Blank(
        "application application_fee application_fee_amount balance_transaction "
        "calculated_statement_descriptor customer description "
        "failure_balance_transaction failure_code failure_message on_behalf_of "
        "payment_intent receipt_email receipt_number receipt_url review shipping "
        "source source_transfer statement_descriptor statement_descriptor_suffix "
        "transfer_data transfer_group payment_method",
        {
            "amount_captured": 0,
            "amount_refunded": 0,
            "billing_details": _BILLING,
            "captured": True,
            "disputed": False,
            "fraud_details": {},
            "metadata": {},
            "outcome": {
                "advice_code": None,
                "network_advice_code": None,
                "network_decline_code": None,
                "network_status": "approved_by_network",
                "reason": None,
                "seller_message": "Payment complete.",
                "type": "authorized",
            },
            "paid": True,
            "payment_method_details": {"card": CARD, "type": "card"},
            "refunded": False,
            "status": "succeeded",
        },
    ),
    "refund": _Blank(
        "balance_transaction charge customer customer_account payment_intent "
        "payment_method reason receipt_number source_transfer_reversal "
        "transfer_reversal",
        {
            "destination_details": {"card": {"type": "reversal"}, "type": "card"},
            "metadata": {},
            "status": "succeeded",
        },
    ),
    "balance_transaction": _Blank(
        "description exchange_rate source",
        {"balance_type": "payments", "fee": 0, "fee_details": [], "status": "pending"},
    ),
    "payout": _Blank(
        "application_fee application_fee_amount balance_transaction destination "
        "failure_balance_transaction failure_code failure_message original_payout "
        "payout_method reversed_by statement_descriptor description",
        {
            "automatic": True,
            "metadata": {},
            "method": "standard",
            "reconciliation_status": "completed",
            "source_type": "card",
            "status": "in_transit",
            "trace_id": {"status": "pending", "value": None},
            "type": "bank_account",
        },
    ),
    "dispute": _Blank(
        "payment_intent",
        {
            "balance_transactions": [],
            "enhanced_eligibility_types": [],
            "evidence": {**dict.fromkeys(_EVIDENCE.split()), "enhanced_evidence": {}},
            "is_charge_refundable": False,
            "metadata": {},
            "payment_method_details": {
                "card": {
                    "brand": "visa",
                    "case_type": "chargeback",
                    "network_reason_code": "10.4",
                    "network": "visa",
                },
                "type": "card",
            },
            "reason": "fraudulent",
            "status": "needs_response",
        },
    ),
    "transfer": _Blank(
        "balance_transaction description destination_payment source_transaction "
        "transfer_group",
        {
            "amount_reversed": 0,
            "metadata": {},
            "reversed": False,
            "source_type": "card",
        },
    ),
    "credit_note": _Blank(
        "customer_account customer_balance_transaction memo out_of_band_amount pdf "
        "reason shipping_cost voided_at total_taxes",
        {
            **dict.fromkeys(
                [
                    "amount_shipping",
                    "discount_amount",
                    "post_payment_amount",
                    "pre_payment_amount",
                ],
                0,
            ),
            "discount_amounts": [],
            "metadata": {},
            "pretax_credit_amounts": [],
            "refunds": [],
            "status": "issued",
            "type": "pre_payment",
        },
    ),
    "credit_note_line_item": _Blank(
        "description invoice_line_item unit_amount unit_amount_decimal taxes metadata",
        {
            "discount_amount": 0,
            "discount_amounts": [],
            "pretax_credit_amounts": [],
            "quantity": 1,
            "tax_rates": [],
            "type": "custom_line_item",
        },
    ),
    "account": _Blank(
        "business_type email",
        {
            "business_profile": {"name": None, "url": None, "support_email": None},
            "capabilities": {"card_payments": "active", "transfers": "active"},
            "charges_enabled": True,
            "controller": {"type": "account"},
            "country": "PT",
            "default_currency": "eur",
            "details_submitted": True,
            "metadata": {},
            "payouts_enabled": True,
            "settings": {"dashboard": {"display_name": None, "timezone": "Etc/UTC"}},
            "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
            "type": "standard",
        },
    ),
}

# The objects of these kinds do not say whether they are of the live mode.
_WITHOUT_MODE = frozenset(
    [
        "subscription_item",
        "refund",
        "balance_transaction",
        "account",
        "product_dimension",
    ]
)


def blank(name: str, *, live: bool) -> dict[str, Any]:
    """Make an object of a kind, with its `object` and its `livemode`."""
    made = {"object": name, **_BLANKS[name].made()}
    return made if name in _WITHOUT_MODE else {**made, "livemode": live}
