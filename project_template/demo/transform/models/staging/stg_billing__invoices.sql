SELECT
    id AS invoice_id,
    customer AS customer_id,
    parent ->> '$.subscription_details.subscription' AS subscription_id,
    parent ->> '$.subscription_details.metadata.crm_account_id' AS account_id,
    lower(customer_email) AS email,
    CAST(total * 0.01 AS DECIMAL(18, 2)) AS amount,
    CAST({{ utc('created') }} AS DATE) AS issued_on,
    CAST({{ utc('due_date') }} AS DATE) AS due_on,
    CAST({{ utc("CAST(status_transitions ->> '$.paid_at' AS BIGINT)") }} AS DATE) AS paid_on
FROM {{ source('raw_billing', 'invoices') }}
WHERE _sdc_deleted_at IS NULL
    AND status NOT IN ('draft', 'void')
