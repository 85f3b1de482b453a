"""What Recurly keeps, kind by kind: a table of the keys that each object has.

The keys are those of the specification's schemas which Recurly's own client (4.79)
knows as well; a key that nothing is said about is null, as in their answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object.

    `word` is its name in messages. `by` is the key by which it can be asked for beside
    its id: `code-gold`. `scope` is the link within which that key is unique.
    """

    name: str
    object: str
    word: str
    fields: Mapping[str, Any]
    by: str = ""
    scope: str = ""
    has_updated_at: bool = True


def _nulls(names: str, **given: Any) -> dict[str, Any]:
    return {**dict.fromkeys(names.split()), **given}


ADDRESS = _nulls("phone street1 street2 city region postal_code country geo_code")

_ACCOUNT = _nulls(
    """state hosted_login_token shipping_addresses has_live_subscription
    has_active_subscription has_future_subscription has_canceled_subscription
    has_paused_subscription has_past_due_invoice deleted_at code username email
    override_business_entity_id preferred_locale preferred_time_zone cc_emails
    first_name last_name company vat_number tax_exempt exemption_certificate
    external_accounts parent_account_id bill_to dunning_campaign_id
    invoice_template_id address billing_info custom_fields""",
    state="active",
    tax_exempt=False,
    bill_to="self",
    address=ADDRESS,
    custom_fields=[],
    external_accounts=[],
)
_BILLING_INFO = _nulls(
    """account_id first_name last_name company address vat_number valid payment_method
    fraud primary_payment_method updated_by""",
    valid=True,
    address=ADDRESS,
    primary_payment_method=True,
)
_SHIPPING_ADDRESS = _nulls(
    """account_id nickname first_name last_name company email vat_number phone street1
    street2 city region postal_code country geo_code"""
)
_SUBSCRIPTION = _nulls(
    """uuid account plan state shipping coupon_redemptions pending_change
    current_period_started_at current_period_ends_at current_term_started_at
    current_term_ends_at trial_started_at trial_ends_at remaining_billing_cycles
    total_billing_cycles renewal_billing_cycles auto_renew ramp_intervals paused_at
    remaining_pause_cycles currency revenue_schedule_type unit_amount tax_inclusive
    quantity add_ons add_ons_total subtotal tax tax_info total collection_method
    po_number net_terms net_terms_type terms_and_conditions customer_notes
    expiration_reason custom_fields activated_at canceled_at expires_at
    bank_account_authorized_at gateway_code billing_info_id active_invoice_id
    started_with_gift converted_at action_result""",
    state="active",
    auto_renew=True,
    currency="EUR",
    tax_inclusive=False,
    quantity=1,
    add_ons=[],
    add_ons_total=0.0,
    tax=0.0,
    collection_method="automatic",
    net_terms=0,
    net_terms_type="net",
    custom_fields=[],
    started_with_gift=False,
)
_INVOICE = _nulls(
    """uuid type origin state account billing_info_id subscription_ids
    previous_invoice_id number collection_method po_number net_terms net_terms_type
    address shipping_address currency discount subtotal tax total refundable_amount
    paid balance tax_info vat_number vat_reverse_charge_notes terms_and_conditions
    customer_notes line_items has_more_line_items transactions credit_payments due_at
    closed_at dunning_campaign_id dunning_events_sent final_dunning_event
    business_entity_id used_tax_service""",
    type="charge",
    origin="renewal",
    state="pending",
    subscription_ids=[],
    collection_method="automatic",
    net_terms=0,
    net_terms_type="net",
    address=ADDRESS,
    currency="EUR",
    discount=0.0,
    tax=0.0,
    paid=0.0,
    dunning_events_sent=0,
    final_dunning_event=False,
    used_tax_service=False,
)
_LINE_ITEM = _nulls(
    """uuid type item_code item_id external_sku revenue_schedule_type state
    legacy_category account bill_for_account_id subscription_id plan_id plan_code
    add_on_id add_on_code invoice_id invoice_number previous_line_item_id
    original_line_item_invoice_id origin accounting_code product_code
    credit_reason_code currency amount description quantity quantity_decimal
    unit_amount unit_amount_decimal tax_inclusive subtotal discount tax taxable
    tax_exempt tax_code tax_info proration_rate refund refunded_quantity
    refunded_quantity_decimal credit_applied shipping_address start_date end_date
    custom_fields""",
    type="charge",
    state="invoiced",
    origin="plan",
    currency="EUR",
    quantity=1,
    discount=0.0,
    tax=0.0,
    tax_inclusive=False,
    taxable=False,
    tax_exempt=False,
    refund=False,
    custom_fields=[],
)
_TRANSACTION = _nulls(
    """uuid original_transaction_id account invoice voided_by_invoice subscription_ids
    type origin currency amount status success backup_payment_method_used refunded
    billing_address collection_method payment_method ip_address_v4 ip_address_country
    status_code status_message customer_message customer_message_locale
    gateway_message gateway_reference gateway_approval_code gateway_response_code
    gateway_response_time gateway_response_values cvv_check avs_check voided_at
    collected_at action_result vat_number fraud_info""",
    type="purchase",
    origin="recurring",
    currency="EUR",
    status="success",
    success=True,
    subscription_ids=[],
    backup_payment_method_used=False,
    refunded=False,
    collection_method="automatic",
)
_PLAN = _nulls(
    """code state name description interval_unit interval_length trial_unit
    trial_length trial_requires_billing_info total_billing_cycles auto_renew
    pricing_model ramp_intervals custom_fields revenue_schedule_type
    setup_fee_revenue_schedule_type accounting_code setup_fee_accounting_code
    avalara_transaction_type avalara_service_type tax_code tax_exempt currencies
    hosted_pages allow_any_item_on_subscriptions dunning_campaign_id deleted_at""",
    state="active",
    interval_unit="months",
    interval_length=1,
    trial_length=0,
    trial_requires_billing_info=True,
    auto_renew=True,
    pricing_model="fixed",
    custom_fields=[],
    tax_exempt=False,
    currencies=[],
    allow_any_item_on_subscriptions=False,
)
_ADD_ON = _nulls(
    """plan_id code state name add_on_type usage_type usage_calculation_type
    usage_percentage measured_unit_id accounting_code revenue_schedule_type
    avalara_transaction_type avalara_service_type tax_code display_quantity
    default_quantity optional currencies item tier_type usage_timeframe tiers
    percentage_tiers external_sku deleted_at""",
    state="active",
    add_on_type="fixed",
    display_quantity=True,
    default_quantity=1,
    optional=True,
    currencies=[],
    tier_type="flat",
    tiers=[],
    percentage_tiers=[],
)
_ITEM = _nulls(
    """code state name description external_sku accounting_code revenue_schedule_type
    avalara_transaction_type avalara_service_type tax_code tax_exempt custom_fields
    currencies deleted_at""",
    state="active",
    tax_exempt=False,
    custom_fields=[],
    currencies=[],
)
_COUPON = _nulls(
    """code name state max_redemptions max_redemptions_per_account
    unique_coupon_codes_count unique_code_template unique_coupon_code duration
    temporal_amount temporal_unit free_trial_unit free_trial_amount
    applies_to_all_plans applies_to_all_items applies_to_non_plan_charges plans items
    redemption_resource discount coupon_type hosted_page_description
    invoice_description redeem_by expired_at""",
    state="redeemable",
    unique_coupon_codes_count=0,
    duration="forever",
    applies_to_all_plans=True,
    applies_to_all_items=False,
    applies_to_non_plan_charges=False,
    plans=[],
    items=[],
    redemption_resource="account",
    coupon_type="single_code",
)
_REDEMPTION = _nulls(
    "account subscription_id coupon state currency discounted removed_at",
    state="active",
    currency="EUR",
    discounted=0.0,
)
_CREDIT_PAYMENT = _nulls(
    """uuid action account applied_to_invoice original_invoice currency amount
    original_credit_payment_id refund_transaction voided_at""",
    action="payment",
    currency="EUR",
)
_USAGE = _nulls(
    """amount billed_at measured_unit_id merchant_tag percentage_tiers
    recording_timestamp tier_type tiers unit_amount unit_amount_decimal
    usage_percentage usage_timestamp usage_type""",
    tier_type="flat",
    tiers=[],
    percentage_tiers=[],
    usage_type="price",
)
_SITE = _nulls(
    "subdomain public_api_key mode address settings features deleted_at",
    address=ADDRESS,
)
_MEASURED_UNIT = _nulls(
    "name display_name state description deleted_at", state="active"
)
_FIELD = _nulls("related_type name user_access display_name tooltip deleted_at")

_SHIPPING_METHOD = _nulls("code name accounting_code tax_code deleted_at")
_NOTE = _nulls("account_id user message")
_ACQUISITION = _nulls("cost channel subchannel campaign account")

_TABLE = (
    Kind("sites", "site", "Site", _SITE, by="subdomain"),
    Kind("accounts", "account", "Account", _ACCOUNT, by="code"),
    Kind("billing_infos", "billing_info", "BillingInfo", _BILLING_INFO),
    Kind(
        "shipping_addresses", "shipping_address", "ShippingAddress", _SHIPPING_ADDRESS
    ),
    Kind("notes", "account_note", "AccountNote", _NOTE, has_updated_at=False),
    Kind("acquisitions", "account_acquisition", "AccountAcquisition", _ACQUISITION),
    Kind("subscriptions", "subscription", "Subscription", _SUBSCRIPTION, by="uuid"),
    Kind("invoices", "invoice", "Invoice", _INVOICE, by="number"),
    Kind("line_items", "line_item", "LineItem", _LINE_ITEM, by="uuid"),
    Kind("transactions", "transaction", "Transaction", _TRANSACTION, by="uuid"),
    Kind("plans", "plan", "Plan", _PLAN, by="code"),
    Kind("add_ons", "add_on", "AddOn", _ADD_ON, by="code", scope="plan"),
    Kind("items", "item", "Item", _ITEM, by="code"),
    Kind("coupons", "coupon", "Coupon", _COUPON, by="code"),
    Kind("coupon_redemptions", "coupon_redemption", "CouponRedemption", _REDEMPTION),
    Kind(
        "credit_payments",
        "credit_payment",
        "CreditPayment",
        _CREDIT_PAYMENT,
        by="uuid",
    ),
    Kind("measured_units", "measured_unit", "MeasuredUnit", _MEASURED_UNIT, by="name"),
    Kind("usage", "usage", "Usage", _USAGE),
    Kind(
        "shipping_methods",
        "shipping_method",
        "ShippingMethod",
        _SHIPPING_METHOD,
        by="code",
    ),
    Kind(
        "custom_field_definitions",
        "custom_field_definition",
        "CustomFieldDefinition",
        _FIELD,
    ),
)
KINDS = {kind.name: kind for kind in _TABLE}
