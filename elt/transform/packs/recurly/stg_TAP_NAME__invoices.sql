SELECT
    id AS invoice_id,
    number,
    account ->> '$.id' AS account_id,
    type,
    origin,
    state,
    currency,
    CAST(subtotal AS DECIMAL(18, 6)) AS subtotal,
    CAST(discount AS DECIMAL(18, 6)) AS discount,
    CAST(tax AS DECIMAL(18, 6)) AS tax,
    CAST(total AS DECIMAL(18, 6)) AS total,
    CAST(paid AS DECIMAL(18, 6)) AS paid,
    CAST(balance AS DECIMAL(18, 6)) AS balance,
    created_at AT TIME ZONE 'UTC' AS created_at,
    due_at AT TIME ZONE 'UTC' AS due_at,
    closed_at AT TIME ZONE 'UTC' AS closed_at,
    updated_at AT TIME ZONE 'UTC' AS updated_at
FROM {{ source('SCHEMA_NAME', 'invoices') }}
