-- A score of 0 to 100: 50 points for use, 30 for paid bills, 20 for a quiet help desk.
WITH active_users AS (
    SELECT
        account_id,
        count(DISTINCT user_id) AS active_users
    FROM {{ ref('stg_events__events') }}
    CROSS JOIN {{ ref('stg_events__clock') }}
    WHERE event_on > today - INTERVAL 28 DAYS
    GROUP BY account_id
),

open_tickets AS (
    SELECT
        account_id,
        count(*) AS open_tickets
    FROM {{ ref('stg_support__tickets') }}
    WHERE is_open
    GROUP BY account_id
),

open_issues AS (
    SELECT
        account_id,
        count(*) AS open_issues
    FROM {{ ref('stg_code__issues') }}
    WHERE is_open
    GROUP BY account_id
),

facts AS (
    SELECT
        customers.*,
        coalesce(active_users, 0) AS active_users,
        coalesce(open_tickets, 0) AS open_tickets,
        coalesce(open_issues, 0) AS open_issues
    FROM {{ ref('customers') }} AS customers
    LEFT JOIN active_users USING (account_id)
    LEFT JOIN open_tickets USING (account_id)
    LEFT JOIN open_issues USING (account_id)
),

points AS (
    SELECT
        *,
        CASE
            WHEN active_users = 0 THEN 0
            WHEN active_users * 3 < seats THEN 20
            WHEN active_users * 3 < seats * 2 THEN 35
            ELSE 50
        END AS usage_points,
        CASE invoices_overdue WHEN 0 THEN 30 WHEN 1 THEN 15 ELSE 0 END
            AS billing_points,
        CASE open_tickets WHEN 0 THEN 20 WHEN 1 THEN 10 ELSE 0 END
            AS support_points
    FROM facts
),

scores AS (
    SELECT
        *,
        CASE WHEN is_active THEN usage_points + billing_points + support_points ELSE 0 END
            AS score
    FROM points
)

SELECT
    customer_id,
    account_id,
    name,
    email,
    owner,
    plan,
    seats,
    monthly_amount,
    active_users,
    invoices_overdue,
    open_tickets,
    open_issues,
    score,
    CASE
        WHEN NOT is_active THEN 'churned'
        WHEN score >= 80 THEN 'healthy'
        WHEN score >= 50 THEN 'watch'
        ELSE 'at risk'
    END AS grade
FROM scores
