-- Customers that Stripe still lists, and those deleted since the tap first ran.
{{ config(materialized='table') }}

WITH subscriptions AS (
    SELECT
        customer_id,
        count(*) AS subscriptions,
        bool_or(is_active) AS is_active,
        min(started_at) AS customer_since,
        sum(monthly_amount) FILTER (WHERE is_active) AS monthly_amount
    FROM {{ ref('TAP_NAME__subscriptions') }}
    GROUP BY customer_id
),

bills AS (
    SELECT
        customer_id,
        currency,
        count(*) AS invoices,
        sum(amount_paid) AS paid_total,
        sum(amount_remaining) FILTER (WHERE status = 'open') AS open_total
    FROM {{ ref('stg_TAP_NAME__invoices') }}
    WHERE status IN ('open', 'paid', 'uncollectible') AND NOT is_deleted
    GROUP BY customer_id, currency
),

refunds AS (
    SELECT
        customer_id,
        currency,
        sum(amount_refunded) AS refunded_total
    FROM {{ ref('stg_TAP_NAME__charges') }}
    GROUP BY customer_id, currency
)

SELECT
    customer_id,
    customers.name,
    customers.email,
    customers.city,
    customers.country,
    customers.created_at,
    customers.is_deleted,
    subscriptions.customer_since,
    coalesce(subscriptions.is_active, FALSE) AS is_active,
    coalesce(subscriptions.subscriptions, 0) AS subscriptions,
    customers.currency,
    coalesce(subscriptions.monthly_amount, 0) AS monthly_amount,
    coalesce(bills.invoices, 0) AS invoices,
    coalesce(bills.paid_total, 0) AS paid_total,
    coalesce(bills.open_total, 0) AS open_total,
    coalesce(refunds.refunded_total, 0) AS refunded_total
FROM {{ ref('stg_TAP_NAME__customers') }} AS customers
LEFT JOIN subscriptions USING (customer_id)
-- A customer's own currency; bills in another one are in the invoices alone.
LEFT JOIN bills USING (customer_id, currency)
LEFT JOIN refunds USING (customer_id, currency)
