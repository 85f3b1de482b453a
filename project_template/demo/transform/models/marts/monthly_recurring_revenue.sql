-- What one month's subscriptions are worth on its last day, and how that came about.
WITH subscriptions AS (
    SELECT * FROM {{ ref('subscription_periods') }}
),

months AS (
    SELECT
        CAST(month AS DATE) AS month,
        least(last_day(month), today) AS as_of
    FROM {{ ref('stg_events__clock') }}
    CROSS JOIN generate_series(
        (SELECT date_trunc('month', min(starts_on)) FROM subscriptions),
        CAST(today AS TIMESTAMP),
        INTERVAL 1 MONTH
    ) AS series (month)
),

amounts AS (
    SELECT
        month,
        customer_id,
        sum(monthly_amount) AS amount
    FROM months
    INNER JOIN subscriptions
        ON starts_on <= as_of
        AND (ends_on IS NULL OR ends_on > as_of)
    GROUP BY month, customer_id
),

amounts_before AS (
    SELECT
        CAST(month + INTERVAL 1 MONTH AS DATE) AS month,
        customer_id,
        amount
    FROM amounts
),

movements AS (
    SELECT
        month,
        customer_id,
        coalesce(amounts.amount, 0) AS amount,
        coalesce(amounts_before.amount, 0) AS amount_before
    FROM amounts
    FULL OUTER JOIN amounts_before USING (month, customer_id)
    SEMI JOIN months USING (month)
)

{% set money = 'DECIMAL(18, 2)' %}
SELECT
    month,
    count(*) FILTER (WHERE amount > 0) AS customers,
    CAST(sum(amount) AS {{ money }}) AS mrr,
    CAST(sum(CASE WHEN amount_before = 0 THEN amount ELSE 0 END) AS {{ money }})
        AS new_mrr,
    CAST(
        sum(CASE WHEN amount_before > 0 THEN greatest(amount - amount_before, 0) ELSE 0 END)
        AS {{ money }}
    ) AS expansion_mrr,
    CAST(
        sum(CASE WHEN amount > 0 THEN least(amount - amount_before, 0) ELSE 0 END)
        AS {{ money }}
    ) AS contraction_mrr,
    CAST(sum(CASE WHEN amount = 0 THEN -amount_before ELSE 0 END) AS {{ money }})
        AS churned_mrr
FROM movements
GROUP BY month
ORDER BY month
