-- Every month must follow from the one before; a row here is a month that does not.
SELECT
    month,
    mrr,
    lag(mrr, 1, 0) OVER (ORDER BY month) AS mrr_before,
    new_mrr + expansion_mrr + contraction_mrr + churned_mrr AS movement
FROM {{ ref('monthly_recurring_revenue') }}
QUALIFY mrr <> mrr_before + movement
