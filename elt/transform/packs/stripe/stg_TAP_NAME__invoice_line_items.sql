WITH lines AS (
    SELECT
        *,
        CAST(amount AS DECIMAL(14, 0)) AS full_amount,
        CAST(
            coalesce(list_sum(CAST(discount_amounts -> '$[*].amount' AS BIGINT[])), 0)
            AS DECIMAL(14, 0)
        ) AS discount
    FROM {{ source('SCHEMA_NAME', 'invoice_line_items') }}
)

SELECT
    id AS line_item_id,
    invoice AS invoice_id,
    coalesce(parent ->> '$.subscription_item_details.subscription', subscription)
        AS subscription_id,
    parent ->> '$.subscription_item_details.subscription_item' AS subscription_item_id,
    pricing ->> '$.price_details.price' AS price_id,
    pricing ->> '$.price_details.product' AS product_id,
    description,
    quantity,
    lines.currency,
    full_amount * coalesce(unit, 0.01) AS amount,
    discount * coalesce(unit, 0.01) AS discount_amount,
    coalesce(
        CAST(
            coalesce(
                parent ->> '$.subscription_item_details.proration',
                parent ->> '$.invoice_item_details.proration'
            ) AS BOOLEAN
        ),
        FALSE
    ) AS is_proration,
    to_timestamp(CAST(period ->> '$.start' AS BIGINT)) AT TIME ZONE 'UTC' AS starts_at,
    to_timestamp(CAST(period ->> '$.end' AS BIGINT)) AT TIME ZONE 'UTC' AS ends_at,
    _sdc_deleted_at IS NOT NULL AS is_deleted
FROM lines
LEFT JOIN {{ ref('stg_TAP_NAME__currencies') }} USING (currency)
