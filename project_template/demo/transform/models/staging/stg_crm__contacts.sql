SELECT
    contact_id,
    account_id,
    full_name,
    lower(email) AS email,
    CAST(is_primary AS BOOLEAN) AS is_primary
FROM {{ source('raw_crm', 'contacts') }}
