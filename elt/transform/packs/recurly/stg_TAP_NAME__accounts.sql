SELECT
    id AS account_id,
    code,
    state,
    lower(email) AS email,
    first_name,
    last_name,
    company,
    parent_account_id,
    address ->> '$.city' AS city,
    address ->> '$.country' AS country,
    has_live_subscription,
    has_past_due_invoice,
    created_at AT TIME ZONE 'UTC' AS created_at,
    updated_at AT TIME ZONE 'UTC' AS updated_at,
    deleted_at AT TIME ZONE 'UTC' AS deleted_at,
    state = 'inactive' AS is_deleted
FROM {{ source('SCHEMA_NAME', 'accounts') }}
