-- The company of each ticket: the primary one (type 26), or the first.
SELECT
    from_id AS ticket_id,
    to_id AS company_id
FROM {{ source('SCHEMA_NAME', 'associations_tickets_companies') }}
QUALIFY row_number() OVER (
    PARTITION BY from_id
    ORDER BY category = 'HUBSPOT_DEFINED' AND type_id = 26 DESC, to_id
) = 1
