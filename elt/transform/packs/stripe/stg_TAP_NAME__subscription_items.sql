SELECT
    id AS subscription_item_id,
    subscription AS subscription_id,
    price ->> '$.id' AS price_id,
    price ->> '$.product' AS product_id,
    quantity,
    to_timestamp(current_period_start) AT TIME ZONE 'UTC' AS current_period_starts_at,
    to_timestamp(current_period_end) AT TIME ZONE 'UTC' AS current_period_ends_at,
    to_timestamp(created) AT TIME ZONE 'UTC' AS created_at,
    _sdc_deleted_at IS NOT NULL AS is_deleted
FROM {{ source('SCHEMA_NAME', 'subscription_items') }}
