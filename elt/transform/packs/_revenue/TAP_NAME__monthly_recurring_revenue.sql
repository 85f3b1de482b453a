-- What one month's subscriptions are worth on its last day, and how that came about.
{{ config(materialized='table') }}

WITH amounts AS (
    SELECT
        month,
        currency,
        customer_id,
        sum(monthly_amount) AS amount
    FROM {{ ref('TAP_NAME__subscription_months') }}
    GROUP BY month, currency, customer_id
),

amounts_before AS (
    SELECT
        CAST(month + INTERVAL 1 MONTH AS DATE) AS month,
        currency,
        customer_id,
        amount
    FROM amounts
),

movements AS (
    SELECT
        month,
        currency,
        customer_id,
        coalesce(amounts.amount, 0) AS amount,
        coalesce(amounts_before.amount, 0) AS amount_before
    FROM amounts
    FULL OUTER JOIN amounts_before USING (month, currency, customer_id)
    WHERE month <= (SELECT max(month) FROM amounts)
)

{% set money = 'DECIMAL(18, 4)' %}
SELECT
    month,
    currency,
    count(*) FILTER (WHERE amount > 0) AS customers,
    CAST(sum(amount) AS {{ money }}) AS mrr,
    CAST(sum(CASE WHEN amount_before = 0 THEN amount ELSE 0 END) AS {{ money }})
        AS new_mrr,
    CAST(
        sum(
            CASE
                WHEN amount_before > 0 THEN greatest(amount - amount_before, 0)
                ELSE 0
            END
        )
        AS {{ money }}
    ) AS expansion_mrr,
    CAST(
        sum(CASE WHEN amount > 0 THEN least(amount - amount_before, 0) ELSE 0 END)
        AS {{ money }}
    ) AS contraction_mrr,
    CAST(sum(CASE WHEN amount = 0 THEN -amount_before ELSE 0 END) AS {{ money }})
        AS churned_mrr
FROM movements
GROUP BY month, currency
ORDER BY month, currency
