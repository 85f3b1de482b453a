SELECT
    id AS charge_id,
    customer AS customer_id,
    payment_intent AS payment_intent_id,
    balance_transaction AS balance_transaction_id,
    status,
    charges.currency,
    CAST(amount AS DECIMAL(14, 0)) * coalesce(unit, 0.01) AS amount,
    CAST(amount_captured AS DECIMAL(14, 0)) * coalesce(unit, 0.01) AS amount_captured,
    CAST(amount_refunded AS DECIMAL(14, 0)) * coalesce(unit, 0.01) AS amount_refunded,
    disputed AS is_disputed,
    failure_code,
    failure_message,
    to_timestamp(created) AT TIME ZONE 'UTC' AS created_at
FROM {{ source('SCHEMA_NAME', 'charges') }} AS charges
LEFT JOIN {{ ref('stg_TAP_NAME__currencies') }} USING (currency)
