SELECT
    repository_id || '/' || user_id AS star_id,
    repository_id,
    user_id,
    user ->> '$.login' AS login,
    starred_at AT TIME ZONE 'UTC' AS starred_at
FROM {{ source('SCHEMA_NAME', 'stargazers') }}
