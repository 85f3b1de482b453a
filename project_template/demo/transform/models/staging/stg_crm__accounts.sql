SELECT
    account_id,
    name,
    kind,
    city,
    country,
    owner,
    stage
FROM {{ source('raw_crm', 'accounts') }}
