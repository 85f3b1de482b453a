SELECT
    id AS review_id,
    repository_id,
    pull_request_number AS number,
    user ->> '$.login' AS reviewer,
    lower(state) AS state,
    submitted_at AT TIME ZONE 'UTC' AS submitted_at
FROM {{ source('SCHEMA_NAME', 'reviews') }}
