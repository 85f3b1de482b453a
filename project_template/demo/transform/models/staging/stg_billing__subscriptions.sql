SELECT
    id AS subscription_id,
    customer AS customer_id,
    CAST({{ utc('start_date') }} AS DATE) AS starts_on,
    CAST({{ utc('ended_at') }} AS DATE) AS ends_on
FROM {{ source('raw_billing', 'subscriptions') }}
