{{ config(materialized='table') }}

WITH first_reviews AS (
    SELECT
        reviews.repository_id,
        reviews.number,
        count(*) AS reviews,
        min(reviews.submitted_at) AS first_review_at
    FROM {{ ref('stg_TAP_NAME__reviews') }} AS reviews
    INNER JOIN {{ ref('stg_TAP_NAME__pull_requests') }} AS pulls
        ON reviews.repository_id = pulls.repository_id
        AND reviews.number = pulls.number
        -- What authors answer in their own pull request is a review to GitHub, too.
        AND reviews.reviewer IS DISTINCT FROM pulls.author
    WHERE reviews.submitted_at IS NOT NULL
    GROUP BY reviews.repository_id, reviews.number
)

SELECT
    issue_id,
    repositories.repository,
    number,
    issues.is_pull_request,
    issues.title,
    issues.author,
    issues.is_by_bot,
    issues.assignee,
    issues.labels,
    issues.milestone,
    CASE WHEN pulls.merged_at IS NOT NULL THEN 'merged' ELSE issues.state END AS state,
    issues.state_reason,
    pulls.is_draft,
    issues.comments,
    CASE WHEN issues.is_pull_request THEN coalesce(first_reviews.reviews, 0) END
        AS reviews,
    issues.created_at,
    first_reviews.first_review_at,
    issues.closed_at,
    pulls.merged_at,
    round(
        date_diff('second', issues.created_at, first_reviews.first_review_at) / 3600, 2
    ) AS hours_to_first_review,
    round(date_diff('second', issues.created_at, issues.closed_at) / 3600, 2)
        AS hours_to_close
FROM {{ ref('stg_TAP_NAME__issues') }} AS issues
LEFT JOIN {{ ref('stg_TAP_NAME__pull_requests') }} AS pulls
    USING (repository_id, number)
LEFT JOIN first_reviews USING (repository_id, number)
LEFT JOIN {{ ref('stg_TAP_NAME__repositories') }} AS repositories USING (repository_id)
