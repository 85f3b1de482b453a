-- Every property is a text in HubSpot; what does not read as its type is empty here.
-- Add your own properties below the last one.
SELECT
    id AS ticket_id,
    subject,
    content,
    hs_pipeline AS pipeline_id,
    hs_pipeline_stage AS stage_id,
    lower(hs_ticket_priority) AS priority,
    hs_ticket_category AS category,
    hubspot_owner_id AS owner_id,
    TRY_CAST(closed_date AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS closed_at,
    createdAt AT TIME ZONE 'UTC' AS created_at,
    updatedAt AT TIME ZONE 'UTC' AS updated_at,
    _sdc_deleted_at IS NOT NULL AS is_deleted
FROM {{ source('SCHEMA_NAME', 'tickets') }}
