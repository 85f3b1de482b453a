"""Blank payments, payouts and accounts.

Names and types are those of the newest version's objects (docs.stripe.com: API
reference; Stripe's published fixtures have one of each, and a test compares).
"""

from __future__ import annotations

from elt.testing.apis.stripe.blank import Blank
from elt.testing.apis.stripe.blanks_billing import ADDRESS

_BILLING = {"address": ADDRESS, "email": None, "name": None, "phone": None}
_BILLING = {**_BILLING, "tax_id": None}
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


PAYMENTS = {
    "payment_intent": Blank(
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
    "charge": Blank(
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
    "refund": Blank(
        "balance_transaction charge customer customer_account payment_intent "
        "payment_method reason receipt_number source_transfer_reversal "
        "transfer_reversal",
        {
            "destination_details": {"card": {"type": "reversal"}, "type": "card"},
            "metadata": {},
            "status": "succeeded",
        },
    ),
    "balance_transaction": Blank(
        "description exchange_rate source",
        {"balance_type": "payments", "fee": 0, "fee_details": [], "status": "pending"},
    ),
    "payout": Blank(
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
    "dispute": Blank(
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
    "transfer": Blank(
        "balance_transaction description destination_payment source_transaction "
        "transfer_group",
        {
            "amount_reversed": 0,
            "metadata": {},
            "reversed": False,
            "source_type": "card",
        },
    ),
    "account": Blank(
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
