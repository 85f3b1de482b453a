"""Blank customers, products, subscriptions and invoices.

Names and types are those of the newest version's objects (docs.stripe.com: API
reference; Stripe's published fixtures have one of each, and a test compares).
"""

from __future__ import annotations

from elt.testing.apis.stripe.blank import Blank

ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
TOTALS = ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax")
_AUTOMATIC_TAX = {"enabled": False, "liability": None, "disabled_reason": None}

BILLING = {
    "customer": Blank(
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
    "tax_id": Blank(
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
    "product": Blank(
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
    "price": Blank(
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
    "plan": Blank(
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
    "coupon": Blank(
        "amount_off currency duration_in_months max_redemptions name percent_off "
        "redeem_by",
        {"duration": "once", "metadata": {}, "times_redeemed": 0, "valid": True},
    ),
    "discount": Blank(
        "checkout_session customer customer_account end invoice invoice_item "
        "promotion_code subscription subscription_item",
        {"source": {"coupon": None, "type": "coupon"}},
    ),
    "promotion_code": Blank(
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
    "subscription": Blank(
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
    "subscription_item": Blank(
        "billing_thresholds", {"discounts": [], "metadata": {}, "tax_rates": []}
    ),
    "invoice": Blank(
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
                    *TOTALS,
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
    "line_item": Blank(
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
    "invoice_payment": Blank(
        "amount_paid",
        {
            "is_default": True,
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        },
    ),
    "invoiceitem": Blank(
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
    "credit_note": Blank(
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
    "credit_note_line_item": Blank(
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
}
