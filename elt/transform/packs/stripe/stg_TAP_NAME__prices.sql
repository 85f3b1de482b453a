SELECT
    id AS price_id,
    product AS product_id,
    nickname,
    lookup_key,
    type = 'recurring' AS is_recurring,
    recurring ->> '$.usage_type' IS NOT DISTINCT FROM 'metered' AS is_metered,
    recurring ->> '$.interval' AS interval_unit,
    CAST(recurring ->> '$.interval_count' AS INTEGER) AS interval_count,
    billing_scheme,
    prices.currency,
    -- Fractions of a unit are told as text; a price in tiers has no amount of its own.
    CAST(unit_amount_decimal AS DECIMAL(24, 12)) * coalesce(unit, 0.01) AS unit_amount,
    active AS is_active,
    to_timestamp(created) AT TIME ZONE 'UTC' AS created_at,
    _sdc_deleted_at IS NOT NULL AS is_deleted
FROM {{ source('SCHEMA_NAME', 'prices') }} AS prices
LEFT JOIN {{ ref('stg_TAP_NAME__currencies') }} USING (currency)
