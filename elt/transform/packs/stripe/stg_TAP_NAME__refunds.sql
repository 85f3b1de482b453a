SELECT
    id AS refund_id,
    charge AS charge_id,
    payment_intent AS payment_intent_id,
    balance_transaction AS balance_transaction_id,
    status,
    reason,
    refunds.currency,
    CAST(amount AS DECIMAL(14, 0)) * coalesce(unit, 0.01) AS amount,
    to_timestamp(created) AT TIME ZONE 'UTC' AS created_at
FROM {{ source('SCHEMA_NAME', 'refunds') }} AS refunds
LEFT JOIN {{ ref('stg_TAP_NAME__currencies') }} USING (currency)
