SELECT
    id AS invoice_id,
    number,
    customer AS customer_id,
    parent ->> '$.subscription_details.subscription' AS subscription_id,
    status,
    billing_reason,
    invoices.currency,
    CAST(total AS DECIMAL(14, 0)) * coalesce(unit, 0.01) AS total,
    CAST(amount_due AS DECIMAL(14, 0)) * coalesce(unit, 0.01) AS amount_due,
    CAST(amount_paid AS DECIMAL(14, 0)) * coalesce(unit, 0.01) AS amount_paid,
    CAST(amount_remaining AS DECIMAL(14, 0)) * coalesce(unit, 0.01) AS amount_remaining,
    to_timestamp(created) AT TIME ZONE 'UTC' AS created_at,
    to_timestamp(due_date) AT TIME ZONE 'UTC' AS due_at,
    to_timestamp(CAST(status_transitions ->> '$.finalized_at' AS BIGINT))
        AT TIME ZONE 'UTC' AS finalized_at,
    to_timestamp(CAST(status_transitions ->> '$.paid_at' AS BIGINT))
        AT TIME ZONE 'UTC' AS paid_at,
    to_timestamp(updated) AT TIME ZONE 'UTC' AS updated_at,
    _sdc_deleted_at IS NOT NULL AS is_deleted
FROM {{ source('SCHEMA_NAME', 'invoices') }} AS invoices
LEFT JOIN {{ ref('stg_TAP_NAME__currencies') }} USING (currency)
