-- What each subscription is worth a month, on the last day of every month that it was
-- there: the lines of its invoices whose periods cover the end of that day. The month
-- that is not over counts up to the newest change that Stripe has told.
{{ config(materialized='table') }}

WITH known AS (
    SELECT max(updated_at) AS until
    FROM {{ ref('stg_TAP_NAME__invoices') }}
),

recurring AS (
    SELECT
        lines.subscription_id,
        subscriptions.customer_id,
        lines.currency,
        lines.starts_at,
        least(lines.ends_at, subscriptions.ended_at) AS ends_at,
        lines.amount - lines.discount_amount AS amount,
        interval_count,
        interval_unit
    FROM {{ ref('stg_TAP_NAME__invoice_line_items') }} AS lines
    INNER JOIN {{ ref('stg_TAP_NAME__invoices') }} AS invoices USING (invoice_id)
    INNER JOIN {{ ref('stg_TAP_NAME__subscriptions') }} AS subscriptions
        ON lines.subscription_id = subscriptions.subscription_id
    INNER JOIN {{ ref('stg_TAP_NAME__prices') }} AS prices USING (price_id)
    WHERE
        prices.is_recurring
        -- What was used is not recurring.
        AND NOT prices.is_metered
        -- A change in the middle of a period counts from the next one on.
        AND NOT lines.is_proration
        AND NOT lines.is_deleted
        AND NOT invoices.is_deleted
        AND invoices.status IS DISTINCT FROM 'void'
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
                AS DECIMAL(18, 4)
            )
        END AS monthly_amount
    FROM recurring
),

months AS (
    SELECT
        CAST(month AS DATE) AS month,
        least(month + INTERVAL 1 MONTH, until) AS as_of
    FROM known
    CROSS JOIN generate_series(
        (SELECT date_trunc('month', min(starts_at)) FROM recurring),
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
