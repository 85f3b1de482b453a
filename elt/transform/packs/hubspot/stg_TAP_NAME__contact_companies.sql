-- The company of each contact: the primary one (type 1), or the first.
SELECT
    from_id AS contact_id,
    to_id AS company_id
FROM {{ source('SCHEMA_NAME', 'associations_contacts_companies') }}
QUALIFY row_number() OVER (
    PARTITION BY from_id
    ORDER BY category = 'HUBSPOT_DEFINED' AND type_id = 1 DESC, to_id
) = 1
