-- By when things happened, not when they were heard of: a late event changes the week
-- that it belongs to.
SELECT
    CAST(date_trunc('week', event_on) AS DATE) AS week,
    count(DISTINCT user_id) AS active_users,
    count(DISTINCT account_id) AS active_accounts,
    count(*) AS events,
    count(*) FILTER (WHERE is_late) AS late_events,
    max(today) >= date_trunc('week', event_on) + INTERVAL 6 DAYS AS is_complete
FROM {{ ref('stg_events__events') }}
CROSS JOIN {{ ref('stg_events__clock') }}
GROUP BY date_trunc('week', event_on)
ORDER BY week
