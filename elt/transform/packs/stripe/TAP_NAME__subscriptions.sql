{{ config(materialized='table') }}

WITH items AS (
    SELECT
        subscription_id,
        string_agg(DISTINCT products.name, ', ' ORDER BY products.name) AS products,
        max(current_period_ends_at) AS current_period_ends_at
    FROM {{ ref('stg_TAP_NAME__subscription_items') }} AS items
    LEFT JOIN {{ ref('stg_TAP_NAME__products') }} AS products USING (product_id)
    WHERE NOT items.is_deleted
    GROUP BY subscription_id
),

amounts AS (
    SELECT
        subscription_id,
        monthly_amount
    FROM {{ ref('TAP_NAME__subscription_months') }}
    QUALIFY row_number() OVER (PARTITION BY subscription_id ORDER BY month DESC) = 1
)

SELECT
    subscription_id,
    customer_id,
    status,
    status IN ('active', 'past_due', 'trialing') AS is_active,
    products,
    currency,
    amounts.monthly_amount,
    started_at,
    trial_ends_at,
    current_period_ends_at,
    canceled_at,
    coalesce(ended_at, ends_at) AS ends_at
FROM {{ ref('stg_TAP_NAME__subscriptions') }}
LEFT JOIN items USING (subscription_id)
LEFT JOIN amounts USING (subscription_id)
