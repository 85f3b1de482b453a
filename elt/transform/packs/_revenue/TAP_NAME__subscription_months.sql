-- What each subscription is worth a month, on the last day of every month that it was
-- there: the lines of its invoices whose periods cover the end of that day. The month
-- that is not over counts up to the newest change of an invoice or a subscription.
{{ config(materialized='table') }}

WITH known AS (
    SELECT
        greatest(
            (SELECT max(updated_at) FROM {{ ref('stg_TAP_NAME__invoices') }}),
            (SELECT max(updated_at) FROM {{ ref('stg_TAP_NAME__subscriptions') }})
        ) AS until
),

monthly AS (
    SELECT
        *,
        CASE
            WHEN interval_unit = 'month' AND interval_count = 1 THEN amount
            ELSE CAST(
                amount * CASE interval_unit
                    WHEN 'day' THEN 365.0 / 12
                    WHEN 'week' THEN 365.0 / 7 / 12
                    WHEN 'month' THEN 1.0
                    WHEN 'year' THEN 1.0 / 12
                END / interval_count
                AS DECIMAL(18, 6)
            )
        END AS monthly_amount
    FROM {{ ref('int_TAP_NAME__recurring_lines') }}
),

months AS (
    SELECT
        CAST(month AS DATE) AS month,
        least(month + INTERVAL 1 MONTH, until) AS as_of
    FROM known
    CROSS JOIN generate_series(
        (SELECT date_trunc('month', min(starts_at)) FROM monthly),
        date_trunc('month', until),
        INTERVAL 1 MONTH
    ) AS series (month)
)

SELECT
    month,
    subscription_id,
    customer_id,
    currency,
    CAST(sum(monthly_amount) AS DECIMAL(18, 4)) AS monthly_amount
FROM months
INNER JOIN monthly
    ON starts_at <= as_of
    AND ends_at > as_of
GROUP BY month, subscription_id, customer_id, currency
