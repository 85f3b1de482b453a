SELECT
    subscription_id,
    customer_id,
    plan,
    CAST(seats AS INTEGER) AS seats,
    CAST(monthly_amount AS DECIMAL(18, 2)) AS monthly_amount,
    CAST(starts_on AS DATE) AS starts_on,
    CAST(ends_on AS DATE) AS ends_on
FROM {{ source('raw_billing', 'subscriptions') }}
