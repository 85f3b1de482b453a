{{ config(materialized='table') }}

WITH amounts AS (
    SELECT
        subscription_id,
        monthly_amount
    FROM {{ ref('TAP_NAME__subscription_months') }}
    QUALIFY row_number() OVER (PARTITION BY subscription_id ORDER BY month DESC) = 1
)

SELECT
    subscription_id,
    account_id AS customer_id,
    state,
    state IN ('active', 'canceled') AS is_active,
    state = 'canceled' AS is_to_end,
    plan_code,
    plans.name AS plan,
    currency,
    amounts.monthly_amount,
    started_at,
    trial_ends_at,
    current_period_ends_at,
    canceled_at,
    ends_at
FROM {{ ref('stg_TAP_NAME__subscriptions') }}
LEFT JOIN {{ ref('stg_TAP_NAME__plans') }} AS plans USING (plan_id)
LEFT JOIN amounts USING (subscription_id)
