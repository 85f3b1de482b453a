SELECT
    id AS comment_id,
    repository_id,
    CAST(regexp_extract(issue_url, '/([0-9]+)$', 1) AS BIGINT) AS number,
    user ->> '$.login' AS author,
    body,
    created_at AT TIME ZONE 'UTC' AS created_at,
    updated_at AT TIME ZONE 'UTC' AS updated_at
FROM {{ source('SCHEMA_NAME', 'issue_comments') }}
