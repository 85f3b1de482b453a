"""Recurly's streams as data: where each is listed, and the columns that it declares.

Paths, fields and types are those of Recurly's specification of v2021-02-25. Amounts are
decimals in major units, which JSON has as numbers: they are declared exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from elt.taps.rest.columns import columns as declared

# Six places hold three-decimal currencies and the amounts of units. `multipleOf` would
# say so too, but validators of other targets take it in floats, and 183.21 for none.
MONEY: dict[str, Any] = {
    "type": ["number", "null"],
    "x-sql-datatype": "DECIMAL(38,6)",
}
# Quantities of usage, and prices of a unit, have up to nine.
UNITS: dict[str, Any] = {
    "type": ["number", "null"],
    "x-sql-datatype": "DECIMAL(38,9)",
}
_DAY = {"type": ["string", "null"], "format": "date"}
_OWN = {"money": MONEY, "units": UNITS, "day": _DAY}
_USUAL = "id: text! object: text created_at: moment updated_at: moment"


def columns(text: str) -> dict[str, Any]:
    """Read `name: word` pairs, after those that all have."""
    return declared(f"{_USUAL} {text}", _OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A list of the whole site, sorted by its change; `without` stays there."""

    name: str
    path: str
    columns: Mapping[str, Any]
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """What comes inside of accounts, whose change does not tell of it.

    A change of a billing info leaves `updated_at` of its account as it was, so that the
    whole list of accounts is read each time: a call for 200 of them.
    """

    name: str
    field: str
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A list of its own for each account, read in full each time."""

    name: str
    path: str  # with {id}
    columns: Mapping[str, Any]
    by_default: bool = False


Kind = Listed | Embedded | Child

STREAMS: tuple[Kind, ...] = (
    Listed(
        name="accounts",
        path="/accounts",
        without=("hosted_login_token",),  # who has it is logged in as the customer
        columns=columns(
            "code: text state: text email: text username: text first_name: text"
            " last_name: text company: text vat_number: text tax_exempt: flag"
            " cc_emails: text parent_account_id: text bill_to: text"
            " preferred_locale: text has_live_subscription: flag"
            " has_active_subscription: flag has_future_subscription: flag"
            " has_canceled_subscription: flag has_paused_subscription: flag"
            " has_past_due_invoice: flag address: table billing_info: table"
            " shipping_addresses: list custom_fields: list deleted_at: moment"
            " override_business_entity_id: text preferred_time_zone: text"
            " exemption_certificate: text external_accounts: list"
            " dunning_campaign_id: text invoice_template_id: text"
        ),
    ),
    Listed(
        name="subscriptions",
        path="/subscriptions",
        columns=columns(
            "uuid: text account: table plan: table state: text currency: text"
            " unit_amount: units quantity: whole add_ons: list add_ons_total: money"
            " subtotal: money tax: money total: money tax_inclusive: flag"
            " current_period_started_at: moment current_period_ends_at: moment"
            " current_term_started_at: moment current_term_ends_at: moment"
            " trial_started_at: moment trial_ends_at: moment activated_at: moment"
            " canceled_at: moment expires_at: moment paused_at: moment"
            " auto_renew: flag collection_method: text pending_change: table"
            " coupon_redemptions: list custom_fields: list expiration_reason: text"
            " remaining_billing_cycles: whole total_billing_cycles: whole"
            " billing_info_id: text active_invoice_id: text"
            " shipping: table renewal_billing_cycles: whole"
            " ramp_intervals: list remaining_pause_cycles: whole"
            " revenue_schedule_type: text tax_info: table po_number: text"
            " net_terms: whole net_terms_type: text"
            " terms_and_conditions: text customer_notes: text"
            " bank_account_authorized_at: moment gateway_code: text"
            " started_with_gift: flag converted_at: moment"
            " action_result: table"
        ),
    ),
    Listed(
        name="invoices",
        path="/invoices",
        columns=columns(
            "uuid: text number: text type: text origin: text state: text"
            " account: table subscription_ids: list previous_invoice_id: text"
            " collection_method: text currency: text discount: money subtotal: money"
            " tax: money total: money paid: money balance: money"
            " refundable_amount: money due_at: moment closed_at: moment"
            " net_terms: whole address: table line_items: list"
            " has_more_line_items: flag transactions: list credit_payments: list"
            " billing_info_id: text po_number: text"
            " net_terms_type: text shipping_address: table tax_info: table"
            " vat_number: text vat_reverse_charge_notes: text"
            " terms_and_conditions: text customer_notes: text"
            " dunning_campaign_id: text dunning_events_sent: whole"
            " final_dunning_event: flag business_entity_id: text"
            " used_tax_service: flag"
        ),
    ),
    Listed(
        name="line_items",
        path="/line_items",
        columns=columns(
            "uuid: text type: text state: text origin: text account: table"
            " invoice_id: text invoice_number: text subscription_id: text"
            " plan_id: text plan_code: text add_on_id: text add_on_code: text"
            " item_code: text item_id: text currency: text amount: money"
            " quantity: whole quantity_decimal: text unit_amount: units"
            " unit_amount_decimal: text subtotal: money discount: money tax: money"
            " credit_applied: money description: text start_date: moment"
            " end_date: moment refund: flag taxable: flag product_code: text"
            " proration_rate: float previous_line_item_id: text"
            " external_sku: text revenue_schedule_type: text"
            " legacy_category: text bill_for_account_id: text"
            " original_line_item_invoice_id: text accounting_code: text"
            " credit_reason_code: text tax_inclusive: flag tax_exempt: flag"
            " tax_code: text tax_info: table avalara_transaction_type: whole"
            " avalara_service_type: whole refunded_quantity: whole"
            " refunded_quantity_decimal: text shipping_address: table"
            " custom_fields: list"
        ),
    ),
    Listed(
        name="transactions",
        path="/transactions",
        columns=columns(
            "uuid: text type: text origin: text status: text success: flag"
            " account: table invoice: table subscription_ids: list currency: text"
            " amount: money refunded: flag payment_method: table"
            " collection_method: text collected_at: moment voided_at: moment"
            " status_code: text status_message: text original_transaction_id: text"
            " payment_gateway: table billing_address: table"
            " voided_by_invoice: table backup_payment_method_used: flag"
            " ip_address_v4: text ip_address_country: text"
            " customer_message: text customer_message_locale: text"
            " gateway_message: text gateway_reference: text"
            " gateway_approval_code: text gateway_response_code: text"
            " gateway_response_time: float gateway_response_values: table"
            " cvv_check: text avs_check: text action_result: table"
            " vat_number: text fraud_info: table"
        ),
    ),
    Listed(
        name="plans",
        path="/plans",
        columns=columns(
            "code: text name: text state: text description: text interval_unit: text"
            " interval_length: whole trial_unit: text trial_length: whole"
            " auto_renew: flag pricing_model: text currencies: list tax_code: text"
            " total_billing_cycles: whole custom_fields: list deleted_at: moment"
            " trial_requires_billing_info: flag ramp_intervals: list"
            " revenue_schedule_type: text"
            " setup_fee_revenue_schedule_type: text accounting_code: text"
            " setup_fee_accounting_code: text avalara_transaction_type: whole"
            " avalara_service_type: whole tax_exempt: flag"
            " hosted_pages: table allow_any_item_on_subscriptions: flag"
            " dunning_campaign_id: text"
        ),
    ),
    Listed(
        name="add_ons",
        path="/add_ons",
        columns=columns(
            "plan_id: text code: text name: text state: text add_on_type: text"
            " usage_type: text usage_percentage: money measured_unit_id: text"
            " default_quantity: whole optional: flag currencies: list item: table"
            " tier_type: text tiers: list deleted_at: moment"
            " usage_calculation_type: text accounting_code: text"
            " revenue_schedule_type: text avalara_transaction_type: whole"
            " avalara_service_type: whole tax_code: text"
            " display_quantity: flag usage_timeframe: text"
            " percentage_tiers: list external_sku: text"
        ),
    ),
    Listed(
        name="items",
        path="/items",
        columns=columns(
            "code: text name: text state: text description: text external_sku: text"
            " currencies: list tax_code: text custom_fields: list deleted_at: moment"
            " accounting_code: text revenue_schedule_type: text"
            " avalara_transaction_type: whole avalara_service_type: whole"
            " tax_exempt: flag"
        ),
    ),
    Listed(
        name="coupons",
        path="/coupons",
        columns=columns(
            "code: text name: text state: text coupon_type: text duration: text"
            " discount: table max_redemptions: whole applies_to_all_plans: flag"
            " plans: list items: list redemption_resource: text redeem_by: moment"
            " expired_at: moment"
            " max_redemptions_per_account: whole"
            " unique_coupon_codes_count: whole unique_code_template: text"
            " unique_coupon_code: table temporal_amount: whole"
            " temporal_unit: text free_trial_unit: text"
            " free_trial_amount: whole applies_to_all_items: flag"
            " applies_to_non_plan_charges: flag hosted_page_description: text"
            " invoice_description: text"
        ),
    ),
    Listed(
        name="credit_payments",
        path="/credit_payments",
        columns=columns(
            "uuid: text action: text account: table applied_to_invoice: table"
            " original_invoice: table currency: text amount: money voided_at: moment"
            " original_credit_payment_id: text refund_transaction: table"
        ),
    ),
    Listed(
        name="measured_units",
        path="/measured_units",
        columns=columns(
            "name: text display_name: text state: text description: text"
            " deleted_at: moment"
        ),
    ),
    Listed(
        name="shipping_methods",
        path="/shipping_methods",
        columns=columns(
            "code: text name: text accounting_code: text tax_code: text"
            " deleted_at: moment"
        ),
    ),
    Listed(
        name="account_acquisitions",
        path="/acquisitions",
        columns=columns(
            "account: table cost: table channel: text subchannel: text campaign: text"
        ),
    ),
    Embedded(
        name="billing_infos",
        field="billing_info",
        columns=columns(
            "account_id: text first_name: text last_name: text company: text"
            " address: table vat_number: text valid: flag payment_method: table"
            " primary_payment_method: flag backup_payment_method: flag"
            " fraud: table updated_by: table"
        ),
    ),
    Embedded(
        name="shipping_addresses",
        field="shipping_addresses",
        columns=columns(
            "account_id: text nickname: text first_name: text last_name: text"
            " company: text email: text phone: text street1: text street2: text"
            " city: text region: text postal_code: text country: text"
            " vat_number: text geo_code: text"
        ),
    ),
    Child(
        name="coupon_redemptions",
        path="/accounts/{id}/coupon_redemptions",
        columns=columns(
            "account: table subscription_id: text coupon: table state: text"
            " currency: text discounted: money removed_at: moment"
        ),
        by_default=True,
    ),
    Child(
        name="account_notes",
        path="/accounts/{id}/notes",
        columns=columns("account_id: text user: table message: text"),
    ),
)
USAGE = columns(
    "merchant_tag: text amount: units usage_type: text unit_amount: units"
    " unit_amount_decimal: text usage_percentage: money measured_unit_id: text"
    " recording_timestamp: moment usage_timestamp: moment billed_at: moment"
    " subscription_id: text add_on_id: text"
)
EXPORT_FILES = declared("export_date: day! name: text! md5sum: text href: text", _OWN)
