SELECT
    id AS repository_id,
    full_name AS repository,
    owner ->> '$.login' AS owner,
    description,
    language,
    visibility,
    default_branch,
    fork AS is_fork,
    archived AS is_archived,
    stargazers_count AS stars,
    forks_count AS forks,
    open_issues_count AS open_issues,
    created_at AT TIME ZONE 'UTC' AS created_at,
    pushed_at AT TIME ZONE 'UTC' AS pushed_at
FROM {{ source('SCHEMA_NAME', 'repositories') }}
