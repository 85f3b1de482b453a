-- The company of each deal: the primary one (type 5), or the first.
SELECT
    from_id AS deal_id,
    to_id AS company_id
FROM {{ source('SCHEMA_NAME', 'associations_deals_companies') }}
QUALIFY row_number() OVER (
    PARTITION BY from_id
    ORDER BY category = 'HUBSPOT_DEFINED' AND type_id = 5 DESC, to_id
) = 1
