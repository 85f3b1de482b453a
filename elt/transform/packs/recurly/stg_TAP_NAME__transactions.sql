SELECT
    id AS transaction_id,
    account ->> '$.id' AS account_id,
    invoice ->> '$.id' AS invoice_id,
    type,
    status,
    success AS is_successful,
    currency,
    CAST(amount AS DECIMAL(18, 6)) AS amount,
    payment_method ->> '$.object' AS payment_method,
    status_code,
    status_message,
    created_at AT TIME ZONE 'UTC' AS created_at,
    voided_at AT TIME ZONE 'UTC' AS voided_at
FROM {{ source('SCHEMA_NAME', 'transactions') }}
