-- GitHub's issues are its pull requests, too. Whoever writes one down for a customer says
-- so in its last line.
SELECT
    id AS issue_id,
    number,
    title,
    state = 'open' AS is_open,
    nullif(regexp_extract(body, 'Asked for by (acc_[0-9]+)', 1), '') AS account_id,
    created_at AT TIME ZONE 'UTC' AS created_at,
    closed_at AT TIME ZONE 'UTC' AS closed_at
FROM {{ source('raw_code', 'issues') }}
WHERE pull_request IS NULL
