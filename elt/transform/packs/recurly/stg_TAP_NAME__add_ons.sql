SELECT
    id AS add_on_id,
    plan_id,
    code,
    name,
    add_on_type = 'usage' AS is_usage,
    created_at AT TIME ZONE 'UTC' AS created_at,
    state = 'inactive' AS is_deleted
FROM {{ source('SCHEMA_NAME', 'add_ons') }}
