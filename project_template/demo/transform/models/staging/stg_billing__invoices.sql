SELECT
    invoice_id,
    customer_id,
    CAST(amount AS DECIMAL(18, 2)) AS amount,
    CAST(issued_on AS DATE) AS issued_on,
    CAST(due_on AS DATE) AS due_on,
    CAST(paid_on AS DATE) AS paid_on
FROM {{ source('raw_billing', 'invoices') }}
