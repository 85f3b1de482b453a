SELECT
    customer_id,
    crm_account_id AS account_id,
    lower(email) AS email,
    CAST(since AS DATE) AS since
FROM {{ source('raw_billing', 'customers') }}
