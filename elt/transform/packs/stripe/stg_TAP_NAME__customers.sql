SELECT
    id AS customer_id,
    name,
    lower(email) AS email,
    phone,
    description,
    currency,
    delinquent AS is_delinquent,
    address ->> '$.city' AS city,
    address ->> '$.country' AS country,
    to_timestamp(created) AT TIME ZONE 'UTC' AS created_at,
    _sdc_deleted_at IS NOT NULL AS is_deleted
FROM {{ source('SCHEMA_NAME', 'customers') }}
