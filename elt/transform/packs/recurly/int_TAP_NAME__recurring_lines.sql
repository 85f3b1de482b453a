SELECT
    lines.line_item_id,
    lines.subscription_id,
    lines.account_id AS customer_id,
    lines.currency,
    lines.starts_at,
    least(lines.ends_at, subscriptions.ends_at) AS ends_at,
    lines.subtotal - lines.discount AS amount,
    rtrim(plans.interval_unit, 's') AS interval_unit,
    plans.interval_length AS interval_count
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
