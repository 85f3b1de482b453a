-- Every property is a text in HubSpot; what does not read as its type is empty here.
-- Add your own properties below the last one.
SELECT
    id AS deal_id,
    dealname AS name,
    dealtype AS type,
    pipeline AS pipeline_id,
    dealstage AS stage_id,
    hubspot_owner_id AS owner_id,
    TRY_CAST(amount AS DECIMAL(18, 4)) AS amount,
    TRY_CAST(closedate AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS closes_at,
    closed_lost_reason AS lost_reason,
    createdAt AT TIME ZONE 'UTC' AS created_at,
    updatedAt AT TIME ZONE 'UTC' AS updated_at,
    _sdc_deleted_at IS NOT NULL AS is_deleted
FROM {{ source('SCHEMA_NAME', 'deals') }}
