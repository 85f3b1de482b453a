SELECT
    id AS plan_id,
    code,
    name,
    interval_unit,
    interval_length,
    created_at AT TIME ZONE 'UTC' AS created_at,
    state = 'inactive' AS is_deleted
FROM {{ source('SCHEMA_NAME', 'plans') }}
