-- Every property is a text in HubSpot; what does not read as its type is empty here.
-- Add your own properties below the last one.
SELECT
    id AS contact_id,
    nullif(concat_ws(' ', firstname, lastname), '') AS full_name,
    firstname AS first_name,
    lastname AS last_name,
    lower(email) AS email,
    phone,
    jobtitle AS job_title,
    lifecyclestage AS lifecycle_stage,
    hs_lead_status AS lead_status,
    hubspot_owner_id AS owner_id,
    createdAt AT TIME ZONE 'UTC' AS created_at,
    updatedAt AT TIME ZONE 'UTC' AS updated_at,
    _sdc_deleted_at IS NOT NULL AS is_deleted
FROM {{ source('SCHEMA_NAME', 'contacts') }}
