SELECT
    id AS release_id,
    repository_id,
    tag_name AS tag,
    name,
    author ->> '$.login' AS author,
    draft AS is_draft,
    prerelease AS is_prerelease,
    created_at AT TIME ZONE 'UTC' AS created_at,
    published_at AT TIME ZONE 'UTC' AS published_at,
    -- The list is read in whole: what is gone was read earlier than the others.
    read_at < max(read_at) OVER (PARTITION BY repository_id) AS is_deleted
FROM {{ source('SCHEMA_NAME', 'releases') }}
