-- From their bills: whoever asks to be forgotten is no customer in Stripe any more, and
-- the bills stay.
SELECT
    customer_id,
    any_value(account_id) AS account_id,
    arg_max(email, issued_on) AS email,
    min(issued_on) AS since
FROM {{ ref('stg_billing__invoices') }}
GROUP BY customer_id
