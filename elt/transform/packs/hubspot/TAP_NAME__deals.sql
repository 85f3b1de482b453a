-- Deals that are not deleted, with the names that people see.
{{ config(materialized='table') }}

SELECT
    deal_id,
    deals.name,
    deals.type,
    company_id,
    companies.name AS company,
    owners.full_name AS owner,
    stages.pipeline,
    stages.stage,
    stages.position AS stage_position,
    stages.probability,
    coalesce(stages.is_closed, FALSE) AS is_closed,
    coalesce(stages.is_closed AND stages.probability = 1, FALSE) AS is_won,
    deals.amount,
    deals.created_at,
    deals.closes_at,
    CASE
        WHEN stages.is_closed THEN date_diff('day', deals.created_at, deals.closes_at)
    END AS days_to_close,
    CASE WHEN stages.is_closed AND stages.probability < 1 THEN deals.lost_reason END
        AS lost_reason
FROM {{ ref('stg_TAP_NAME__deals') }} AS deals
LEFT JOIN {{ ref('stg_TAP_NAME__stages') }} AS stages
    ON stages.object_type = 'deals'
    AND deals.pipeline_id = stages.pipeline_id
    AND deals.stage_id = stages.stage_id
LEFT JOIN {{ ref('stg_TAP_NAME__deal_companies') }} USING (deal_id)
LEFT JOIN {{ ref('stg_TAP_NAME__companies') }} AS companies USING (company_id)
LEFT JOIN {{ ref('stg_TAP_NAME__owners') }} AS owners
    ON deals.owner_id = owners.owner_id
WHERE NOT deals.is_deleted
