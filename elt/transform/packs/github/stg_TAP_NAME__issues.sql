-- To GitHub a pull request is an issue too.
SELECT
    id AS issue_id,
    repository_id,
    number,
    pull_request IS NOT NULL AS is_pull_request,
    title,
    state,
    state_reason,
    user ->> '$.login' AS author,
    user ->> '$.type' = 'Bot' AS is_by_bot,
    assignee ->> '$.login' AS assignee,
    labels ->> '$[*].name' AS labels,
    milestone ->> '$.title' AS milestone,
    comments,
    created_at AT TIME ZONE 'UTC' AS created_at,
    updated_at AT TIME ZONE 'UTC' AS updated_at,
    closed_at AT TIME ZONE 'UTC' AS closed_at
FROM {{ source('SCHEMA_NAME', 'issues') }}
