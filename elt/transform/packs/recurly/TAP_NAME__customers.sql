{{ config(materialized='table') }}

WITH subscriptions AS (
    SELECT
        customer_id,
        count(*) AS subscriptions,
        bool_or(is_active) AS is_active,
        min(started_at) AS customer_since,
        max_by(currency, started_at) AS currency,
        sum(monthly_amount) FILTER (WHERE is_active) AS monthly_amount
    FROM {{ ref('TAP_NAME__subscriptions') }}
    GROUP BY customer_id
),

bills AS (
    SELECT
        account_id,
        currency,
        count(*) AS invoices,
        sum(paid) AS paid_total,
        sum(balance) FILTER (WHERE state IN ('pending', 'processing', 'past_due'))
            AS open_total,
        count(*) FILTER (WHERE state = 'past_due') AS invoices_overdue
    FROM {{ ref('stg_TAP_NAME__invoices') }}
    WHERE type = 'charge' AND state IS DISTINCT FROM 'voided'
    GROUP BY account_id, currency
)

SELECT
    account_id AS customer_id,
    accounts.code,
    coalesce(accounts.company, concat_ws(' ', accounts.first_name, accounts.last_name))
        AS name,
    accounts.email,
    accounts.city,
    accounts.country,
    accounts.created_at,
    accounts.is_deleted,
    subscriptions.customer_since,
    coalesce(subscriptions.is_active, FALSE) AS is_active,
    coalesce(subscriptions.subscriptions, 0) AS subscriptions,
    subscriptions.currency,
    coalesce(subscriptions.monthly_amount, 0) AS monthly_amount,
    coalesce(bills.invoices, 0) AS invoices,
    coalesce(bills.invoices_overdue, 0) AS invoices_overdue,
    coalesce(bills.paid_total, 0) AS paid_total,
    coalesce(bills.open_total, 0) AS open_total
FROM {{ ref('stg_TAP_NAME__accounts') }} AS accounts
LEFT JOIN subscriptions ON account_id = subscriptions.customer_id
-- The currency of the newest subscription; other bills are in the invoices alone.
LEFT JOIN bills USING (account_id, currency)
