-- Every property is a text in HubSpot; what does not read as its type is empty here.
-- Add your own properties below the last one.
SELECT
    id AS company_id,
    name,
    lower(domain) AS domain,
    industry,
    city,
    country,
    phone,
    lifecyclestage AS lifecycle_stage,
    hubspot_owner_id AS owner_id,
    TRY_CAST(numberofemployees AS INTEGER) AS employees,
    TRY_CAST(annualrevenue AS DECIMAL(18, 4)) AS annual_revenue,
    createdAt AT TIME ZONE 'UTC' AS created_at,
    updatedAt AT TIME ZONE 'UTC' AS updated_at,
    _sdc_deleted_at IS NOT NULL AS is_deleted
FROM {{ source('SCHEMA_NAME', 'companies') }}
