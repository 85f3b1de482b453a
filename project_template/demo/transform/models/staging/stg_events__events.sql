-- Times are in UTC, whatever the machine's own zone, and without a zone from here on.
WITH messages AS (
    SELECT
        message_id,
        event,
        account_id,
        user_id,
        CAST(event_time AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS event_at,
        CAST(received_at AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS received_at,
        properties ->> '$.device' AS device
    FROM {{ source('raw_events', 'events') }}
)

SELECT
    message_id,
    event,
    account_id,
    user_id,
    device,
    event_at,
    received_at,
    CAST(event_at AS DATE) AS event_on,
    CAST(received_at AS DATE) > CAST(event_at AS DATE) AS is_late
FROM messages
-- A phone that hears no answer sends a message again: the first one counts.
QUALIFY row_number() OVER (PARTITION BY message_id ORDER BY received_at) = 1
