SELECT
    lines.line_item_id,
    lines.subscription_id,
    subscriptions.customer_id,
    lines.currency,
    lines.starts_at,
    least(lines.ends_at, subscriptions.ended_at) AS ends_at,
    lines.amount - lines.discount_amount AS amount,
    prices.interval_unit,
    prices.interval_count
FROM {{ ref('stg_TAP_NAME__invoice_line_items') }} AS lines
INNER JOIN {{ ref('stg_TAP_NAME__invoices') }} AS invoices USING (invoice_id)
INNER JOIN {{ ref('stg_TAP_NAME__subscriptions') }} AS subscriptions
    ON lines.subscription_id = subscriptions.subscription_id
INNER JOIN {{ ref('stg_TAP_NAME__prices') }} AS prices USING (price_id)
WHERE
    prices.is_recurring
    -- What was used is not recurring.
    AND NOT prices.is_metered
    -- A change in the middle of a period counts from the next one on.
    AND NOT lines.is_proration
    AND NOT lines.is_deleted
    AND NOT invoices.is_deleted
    AND invoices.status IS DISTINCT FROM 'void'
