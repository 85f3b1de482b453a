SELECT CAST(today AS DATE) AS today
FROM {{ source('raw_events', 'clock') }}
