-- By when things happened, in UTC; weeks begin on Monday.
{{ config(materialized='table') }}

WITH happenings AS (
    SELECT
        repository_id,
        created_at AS happened_at,
        author AS login,
        CASE WHEN is_pull_request THEN 'pull request' ELSE 'issue' END AS kind
    FROM {{ ref('stg_TAP_NAME__issues') }}
    UNION ALL BY NAME
    SELECT
        repository_id,
        closed_at AS happened_at,
        'issue closed' AS kind
    FROM {{ ref('stg_TAP_NAME__issues') }}
    WHERE NOT is_pull_request
    UNION ALL BY NAME
    SELECT
        repository_id,
        merged_at AS happened_at,
        'merge' AS kind
    FROM {{ ref('stg_TAP_NAME__pull_requests') }}
    UNION ALL BY NAME
    SELECT
        repository_id,
        submitted_at AS happened_at,
        reviewer AS login,
        'review' AS kind
    FROM {{ ref('stg_TAP_NAME__reviews') }}
    UNION ALL BY NAME
    SELECT
        repository_id,
        created_at AS happened_at,
        author AS login,
        'comment' AS kind
    FROM {{ ref('stg_TAP_NAME__issue_comments') }}
    UNION ALL BY NAME
    SELECT
        repository_id,
        committed_at AS happened_at,
        author AS login,
        'commit' AS kind
    FROM {{ ref('stg_TAP_NAME__commits') }}
    UNION ALL BY NAME
    SELECT
        repository_id,
        published_at AS happened_at,
        author AS login,
        'release' AS kind
    FROM {{ ref('stg_TAP_NAME__releases') }}
    WHERE NOT is_deleted
    UNION ALL BY NAME
    SELECT
        repository_id,
        starred_at AS happened_at,
        'star' AS kind
    FROM {{ ref('stg_TAP_NAME__stargazers') }}
)

SELECT
    CAST(date_trunc('week', happened_at) AS DATE) AS week,
    repositories.repository,
    count(DISTINCT login) AS people,
    count(*) FILTER (WHERE kind = 'commit') AS commits,
    count(*) FILTER (WHERE kind = 'issue') AS issues_opened,
    count(*) FILTER (WHERE kind = 'issue closed') AS issues_closed,
    count(*) FILTER (WHERE kind = 'pull request') AS pull_requests_opened,
    count(*) FILTER (WHERE kind = 'merge') AS pull_requests_merged,
    count(*) FILTER (WHERE kind = 'review') AS reviews,
    count(*) FILTER (WHERE kind = 'comment') AS comments,
    count(*) FILTER (WHERE kind = 'release') AS releases,
    count(*) FILTER (WHERE kind = 'star') AS stars
FROM happenings
LEFT JOIN {{ ref('stg_TAP_NAME__repositories') }} AS repositories USING (repository_id)
WHERE happened_at IS NOT NULL
GROUP BY week, repositories.repository
ORDER BY week, repositories.repository
