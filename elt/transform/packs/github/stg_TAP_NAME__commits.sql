-- A fork has the same commits, so a repository belongs to the key.
SELECT
    repository_id || '/' || sha AS commit_id,
    repository_id,
    sha,
    author ->> '$.login' AS author,
    commit ->> '$.author.name' AS author_name,
    commit ->> '$.message' AS message,
    CAST(commit ->> '$.author.date' AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS authored_at,
    committed_at AT TIME ZONE 'UTC' AS committed_at
FROM {{ source('SCHEMA_NAME', 'commits') }}
