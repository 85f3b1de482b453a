SELECT
    id AS subscription_id,
    customer AS customer_id,
    status,
    currency,
    collection_method,
    to_timestamp(start_date) AT TIME ZONE 'UTC' AS started_at,
    to_timestamp(trial_end) AT TIME ZONE 'UTC' AS trial_ends_at,
    to_timestamp(canceled_at) AT TIME ZONE 'UTC' AS canceled_at,
    to_timestamp(cancel_at) AT TIME ZONE 'UTC' AS ends_at,
    to_timestamp(ended_at) AT TIME ZONE 'UTC' AS ended_at,
    cancel_at_period_end AS is_to_end,
    to_timestamp(updated) AT TIME ZONE 'UTC' AS updated_at
FROM {{ source('SCHEMA_NAME', 'subscriptions') }}
