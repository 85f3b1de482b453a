"""The columns that are declared; what else Stripe sends becomes columns by itself.

Names are those of the pinned version; in an older one some stay empty. Moments are
Unix seconds, amounts are in the currency's smallest unit, both integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Columns = Mapping[str, Mapping[str, Any]]

SECONDS = {"type": ["integer", "null"], "description": "Unix seconds"}
DELETED_AT = {"type": ["string", "null"], "format": "date-time"}


def _columns(  # noqa: PLR0913  one for each kind
    text: str = "",
    *,
    moments: str = "created",
    whole: str = "",
    numbers: str = "",
    flags: str = "",
    objects: str = "",
    lists: str = "",
) -> Columns:
    """Declare columns by their kinds; each argument names some."""
    kinds = (
        ("id object " + text, {"type": ["string", "null"]}),
        (moments, SECONDS),
        (whole, {"type": ["integer", "null"]}),
        (numbers, {"type": ["number", "null"]}),
        (flags, {"type": ["boolean", "null"]}),
        (objects, {"type": ["object", "null"]}),
        (lists, {"type": ["array", "null"]}),
    )
    return {name: kind for names, kind in kinds for name in names.split()}


CUSTOMERS = _columns(
    "email name phone description currency invoice_prefix tax_exempt default_source"
    " business_name individual_name customer_account test_clock",
    whole="balance next_invoice_sequence",
    flags="delinquent livemode",
    objects="address shipping discount invoice_settings metadata",
    lists="preferred_locales",
)
CHARGES = _columns(
    "currency customer payment_intent payment_method balance_transaction status"
    " description failure_code failure_message failure_balance_transaction"
    " application application_fee on_behalf_of receipt_email receipt_number receipt_url"
    " review source_transfer statement_descriptor statement_descriptor_suffix transfer"
    " transfer_group calculated_statement_descriptor",
    whole="amount amount_captured amount_refunded application_fee_amount",
    flags="captured disputed paid refunded livemode",
    objects="billing_details fraud_details metadata outcome payment_method_details"
    " shipping source transfer_data",
)
PAYMENT_INTENTS = _columns(
    "currency customer latest_charge payment_method status description"
    " cancellation_reason capture_method confirmation_method application on_behalf_of"
    " receipt_email review setup_future_usage source statement_descriptor"
    " statement_descriptor_suffix transfer_group customer_account",
    moments="created canceled_at",
    whole="amount amount_capturable amount_received application_fee_amount",
    flags="livemode",
    objects="amount_details automatic_payment_methods last_payment_error metadata"
    " managed_payments next_action payment_method_configuration_details"
    " payment_method_options processing shipping transfer_data",
    lists="payment_method_types excluded_payment_method_types",
)
REFUNDS = _columns(
    "currency charge payment_intent balance_transaction status reason description"
    " failure_reason failure_balance_transaction pending_reason receipt_number"
    " source_transfer_reversal transfer_reversal customer customer_account"
    " payment_method",
    whole="amount",
    objects="destination_details metadata next_action",
)
INVOICES = _columns(
    "number currency customer status billing_reason collection_method description"
    " account_country account_name customer_email customer_name customer_phone"
    " customer_tax_exempt default_payment_method default_source footer"
    " hosted_invoice_url invoice_pdf latest_revision on_behalf_of receipt_number"
    " statement_descriptor application customer_account test_clock",
    moments="created due_date effective_at period_start period_end"
    " next_payment_attempt automatically_finalizes_at webhooks_delivered_at",
    whole="amount_due amount_paid amount_overpaid amount_remaining amount_shipping"
    " attempt_count subtotal subtotal_excluding_tax total total_excluding_tax"
    " starting_balance ending_balance post_payment_credit_notes_amount"
    " pre_payment_credit_notes_amount",
    flags="attempted auto_advance livemode",
    objects="automatic_tax customer_address customer_shipping from_invoice issuer"
    " last_finalization_error lines metadata parent payment_settings rendering"
    " shipping_cost shipping_details status_transitions",
    lists="account_tax_ids custom_fields customer_tax_ids default_tax_rates discounts"
    " total_discount_amounts total_pretax_credit_amounts total_taxes",
)
INVOICE_LINE_ITEMS = _columns(
    "invoice currency description subscription quantity_decimal",
    moments="",
    whole="amount subtotal quantity",
    flags="discountable livemode",
    objects="metadata parent period pricing",
    lists="discount_amounts discounts pretax_credit_amounts taxes",
)
INVOICE_ITEMS = _columns(
    "currency customer customer_account invoice description quantity_decimal"
    " test_clock",
    moments="date",
    whole="amount net_amount quantity",
    flags="discountable livemode proration",
    objects="metadata parent period pricing proration_details",
    lists="discounts tax_rates",
)
SUBSCRIPTIONS = _columns(
    "customer currency status collection_method description default_payment_method"
    " default_source latest_invoice on_behalf_of pending_setup_intent schedule"
    " application customer_account test_clock",
    moments="created start_date billing_cycle_anchor cancel_at canceled_at ended_at"
    " trial_start trial_end next_pending_invoice_item_invoice",
    whole="days_until_due",
    numbers="application_fee_percent",
    flags="cancel_at_period_end livemode",
    objects="automatic_tax billing_cycle_anchor_config billing_mode"
    " billing_thresholds cancellation_details invoice_settings items"
    " managed_payments metadata pause_collection payment_settings"
    " pending_invoice_item_interval pending_update transfer_data trial_settings",
    lists="billing_schedules default_tax_rates discounts",
)
SUBSCRIPTION_ITEMS = _columns(
    "subscription",
    moments="created current_period_start current_period_end",
    whole="quantity",
    objects="billing_thresholds metadata plan price",
    lists="discounts tax_rates",
)
PRODUCTS = _columns(
    "name description default_price statement_descriptor tax_code type unit_label url",
    moments="created updated",
    flags="active livemode shippable",
    objects="metadata package_dimensions",
    lists="images marketing_features",
)
PRICES = _columns(
    "product currency type nickname lookup_key billing_scheme tax_behavior tiers_mode"
    " unit_amount_decimal",
    whole="unit_amount",
    flags="active livemode",
    objects="custom_unit_amount metadata recurring transform_quantity",
    lists="tiers",
)
PLANS = _columns(
    "product currency nickname interval billing_scheme usage_type tiers_mode meter"
    " amount_decimal",
    whole="amount interval_count trial_period_days",
    flags="active livemode",
    objects="metadata transform_usage",
    lists="tiers",
)
COUPONS = _columns(
    "name currency duration",
    moments="created redeem_by",
    whole="amount_off duration_in_months max_redemptions times_redeemed",
    numbers="percent_off",
    flags="valid livemode",
    objects="applies_to metadata",
)
PROMOTION_CODES = _columns(
    "code customer customer_account",
    moments="created expires_at",
    whole="max_redemptions times_redeemed",
    flags="active livemode",
    objects="metadata promotion restrictions",
)
BALANCE_TRANSACTIONS = _columns(
    "currency type reporting_category source status description balance_type",
    moments="created available_on",
    whole="amount fee net",
    numbers="exchange_rate",
    lists="fee_details",
)
PAYOUTS = _columns(
    "currency status type method description destination balance_transaction"
    " failure_balance_transaction failure_code failure_message original_payout"
    " reconciliation_status reversed_by source_type statement_descriptor"
    " application_fee payout_method",
    moments="created arrival_date",
    whole="amount application_fee_amount",
    flags="automatic livemode",
    objects="metadata trace_id",
)
DISPUTES = _columns(
    "currency charge payment_intent reason status network_reason_code",
    whole="amount",
    flags="is_charge_refundable livemode",
    objects="evidence evidence_details metadata payment_method_details",
    lists="balance_transactions enhanced_eligibility_types",
)
TRANSFERS = _columns(
    "currency destination destination_payment balance_transaction source_transaction"
    " source_type transfer_group description",
    whole="amount amount_reversed",
    flags="reversed livemode",
    objects="metadata reversals",
)
CREDIT_NOTES = _columns(
    "number currency customer invoice status type reason memo pdf"
    " customer_account customer_balance_transaction",
    moments="created effective_at voided_at",
    whole="amount amount_shipping discount_amount out_of_band_amount subtotal"
    " subtotal_excluding_tax total total_excluding_tax pre_payment_amount"
    " post_payment_amount",
    flags="livemode",
    objects="lines metadata shipping_cost",
    lists="discount_amounts pretax_credit_amounts refunds total_taxes",
)
EVENTS = _columns(
    "type api_version account",
    whole="pending_webhooks",
    flags="livemode",
    objects="data request",
)
ACCOUNTS = _columns(
    "country default_currency email type business_type",
    flags="charges_enabled details_submitted payouts_enabled",
    objects="business_profile capabilities controller external_accounts"
    " future_requirements metadata requirements settings tos_acceptance",
)
