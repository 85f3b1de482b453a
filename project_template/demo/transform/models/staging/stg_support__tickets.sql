SELECT
    id AS ticket_id,
    account_id,
    subject,
    priority,
    status = 'open' AS is_open,
    CAST(created_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS created_at,
    CAST(updated_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS updated_at
FROM {{ source('raw_support', 'tickets') }}
