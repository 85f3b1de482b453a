SELECT
    id AS pull_request_id,
    repository_id,
    number,
    title,
    state,
    draft AS is_draft,
    user ->> '$.login' AS author,
    head ->> '$.ref' AS branch,
    base ->> '$.ref' AS base_branch,
    merge_commit_sha,
    created_at AT TIME ZONE 'UTC' AS created_at,
    updated_at AT TIME ZONE 'UTC' AS updated_at,
    closed_at AT TIME ZONE 'UTC' AS closed_at,
    merged_at AT TIME ZONE 'UTC' AS merged_at
FROM {{ source('SCHEMA_NAME', 'pull_requests') }}
