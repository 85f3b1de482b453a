SELECT
    id AS owner_id,
    nullif(concat_ws(' ', firstName, lastName), '') AS full_name,
    lower(email) AS email,
    archived AS is_deleted
FROM {{ source('SCHEMA_NAME', 'owners') }}
