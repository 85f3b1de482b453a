-- Tickets that are not deleted, with the names that people see.
{{ config(materialized='table') }}

SELECT
    ticket_id,
    tickets.subject,
    tickets.priority,
    tickets.category,
    company_id,
    companies.name AS company,
    owners.full_name AS owner,
    stages.pipeline,
    stages.stage,
    coalesce(stages.is_closed, FALSE) AS is_closed,
    tickets.created_at,
    tickets.closed_at,
    round(date_diff('second', tickets.created_at, tickets.closed_at) / 3600, 2)
        AS hours_to_close
FROM {{ ref('stg_TAP_NAME__tickets') }} AS tickets
LEFT JOIN {{ ref('stg_TAP_NAME__stages') }} AS stages
    ON stages.object_type = 'tickets'
    AND tickets.pipeline_id = stages.pipeline_id
    AND tickets.stage_id = stages.stage_id
LEFT JOIN {{ ref('stg_TAP_NAME__ticket_companies') }} USING (ticket_id)
LEFT JOIN {{ ref('stg_TAP_NAME__companies') }} AS companies USING (company_id)
LEFT JOIN {{ ref('stg_TAP_NAME__owners') }} AS owners
    ON tickets.owner_id = owners.owner_id
WHERE NOT tickets.is_deleted
