-- A plan has two prices, its own and that of a seat: `house_base`, `house_seat`. Seats
-- of two prices, the first ones and cheaper ones, are two lines.
SELECT
    lines.id AS line_id,
    lines.invoice AS invoice_id,
    split_part(prices.lookup_key, '_', 1) AS plan,
    CASE WHEN prices.lookup_key LIKE '%\_seat' ESCAPE '\' THEN lines.quantity ELSE 0 END
        AS seats
FROM {{ source('raw_billing', 'invoice_line_items') }} AS lines
INNER JOIN {{ source('raw_billing', 'prices') }} AS prices
    ON lines.pricing ->> '$.price_details.price' = prices.id
WHERE lines._sdc_deleted_at IS NULL
