SELECT
    id AS product_id,
    name,
    description,
    unit_label,
    active AS is_active,
    to_timestamp(created) AT TIME ZONE 'UTC' AS created_at,
    _sdc_deleted_at IS NOT NULL AS is_deleted
FROM {{ source('SCHEMA_NAME', 'products') }}
