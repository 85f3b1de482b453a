-- Stripe knows a subscription as it is now. What it was before is in its bills: one with
-- another plan or number of seats than the one before it begins a period.
WITH bills AS (
    SELECT
        invoice_id,
        any_value(plan) AS plan,
        CAST(sum(seats) AS INTEGER) AS seats
    FROM {{ ref('stg_billing__invoice_lines') }}
    GROUP BY invoice_id
),

beginnings AS (
    SELECT
        subscription_id,
        invoices.customer_id,
        bills.plan,
        bills.seats,
        invoices.amount AS monthly_amount,
        invoices.issued_on AS starts_on
    FROM {{ ref('stg_billing__invoices') }} AS invoices
    INNER JOIN bills USING (invoice_id)
    QUALIFY (bills.plan, bills.seats) IS DISTINCT FROM lag((bills.plan, bills.seats)) OVER (
        PARTITION BY subscription_id ORDER BY invoices.issued_on
    )
)

SELECT
    subscription_id,
    beginnings.customer_id,
    plan,
    seats,
    monthly_amount,
    beginnings.starts_on,
    coalesce(
        lead(beginnings.starts_on) OVER (
            PARTITION BY subscription_id ORDER BY beginnings.starts_on
        ),
        subscriptions.ends_on
    ) AS ends_on
FROM beginnings
INNER JOIN {{ ref('stg_billing__subscriptions') }} AS subscriptions
    USING (subscription_id)
