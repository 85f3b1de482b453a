-- What each subscription is worth a month, on the last day of every month that it was
-- there: the lines of its invoices whose periods cover the end of that day. The month
-- that is not over counts up to the newest change that Recurly has told.
{{ config(materialized='table') }}

WITH known AS (
    SELECT max(updated_at) AS until
    FROM {{ ref('stg_TAP_NAME__invoices') }}
),

recurring AS (
    SELECT
        lines.subscription_id,
        lines.account_id,
        lines.currency,
        lines.starts_at,
        least(lines.ends_at, subscriptions.ends_at) AS ends_at,
        lines.subtotal - lines.discount AS amount,
        interval_length,
        interval_unit
    FROM {{ ref('stg_TAP_NAME__line_items') }} AS lines
    INNER JOIN {{ ref('stg_TAP_NAME__invoices') }} AS invoices USING (invoice_id)
    INNER JOIN {{ ref('stg_TAP_NAME__subscriptions') }} AS subscriptions
        ON lines.subscription_id = subscriptions.subscription_id
    INNER JOIN {{ ref('stg_TAP_NAME__plans') }} AS plans
        ON lines.plan_id = plans.plan_id
    LEFT JOIN {{ ref('stg_TAP_NAME__add_ons') }} AS add_ons
        ON lines.add_on_id = add_ons.add_on_id
    WHERE
        lines.type = 'charge'
        AND lines.origin IN ('plan', 'add_on')
        -- What was used is not recurring.
        AND add_ons.is_usage IS DISTINCT FROM TRUE
        -- A change in the middle of a period counts from the next one on.
        AND NOT lines.is_proration
        AND invoices.state IS DISTINCT FROM 'voided'
),

monthly AS (
    SELECT
        *,
        CASE
            WHEN interval_unit = 'months' AND interval_length = 1 THEN amount
            ELSE CAST(
                amount
                * CASE interval_unit
                    WHEN 'days' THEN 365.0 / 12
                    WHEN 'months' THEN 1.0
                END
                / interval_length
                AS DECIMAL(18, 6)
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
    account_id,
    currency,
    CAST(sum(monthly_amount) AS DECIMAL(18, 4)) AS monthly_amount
FROM months
INNER JOIN monthly
    ON starts_at <= as_of
    AND ends_at > as_of
GROUP BY month, subscription_id, account_id, currency
