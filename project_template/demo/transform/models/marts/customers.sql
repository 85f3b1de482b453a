WITH today AS (
    SELECT today FROM {{ ref('stg_events__clock') }}
),

current_subscriptions AS (
    SELECT *
    FROM {{ ref('subscription_periods') }}
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY starts_on DESC) = 1
),

bills AS (
    SELECT
        customer_id,
        count(*) AS invoices,
        sum(amount) FILTER (WHERE paid_on IS NOT NULL) AS paid_total,
        sum(amount) FILTER (WHERE paid_on IS NULL AND due_on < today) AS overdue_total,
        count(*) FILTER (WHERE paid_on IS NULL AND due_on < today) AS invoices_overdue
    FROM {{ ref('stg_billing__invoices') }}
    CROSS JOIN today
    GROUP BY customer_id
)

SELECT
    customer_id,
    account_id,
    accounts.name,
    accounts.kind,
    accounts.city,
    accounts.country,
    accounts.owner,
    contacts.full_name AS contact_name,
    customers.email,
    customers.since,
    subscriptions.ends_on IS NULL AS is_active,
    subscriptions.ends_on AS left_on,
    subscriptions.plan,
    subscriptions.seats,
    subscriptions.monthly_amount,
    coalesce(bills.invoices, 0) AS invoices,
    coalesce(bills.invoices_overdue, 0) AS invoices_overdue,
    CAST(coalesce(bills.paid_total, 0) AS DECIMAL(18, 2)) AS paid_total,
    CAST(coalesce(bills.overdue_total, 0) AS DECIMAL(18, 2)) AS overdue_total
FROM {{ ref('stg_billing__customers') }} AS customers
INNER JOIN {{ ref('stg_crm__accounts') }} AS accounts USING (account_id)
INNER JOIN current_subscriptions AS subscriptions USING (customer_id)
LEFT JOIN bills USING (customer_id)
LEFT JOIN {{ ref('stg_crm__contacts') }} AS contacts
    ON customers.account_id = contacts.account_id
    AND contacts.is_primary
