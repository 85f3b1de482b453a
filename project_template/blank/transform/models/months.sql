SELECT
    date_trunc('month', day)::DATE AS month,
    count(*) AS days,
    count(*) FILTER (WHERE is_workday) AS workdays
FROM {{ source('raw_days', 'days') }}
GROUP BY 1
