"""Rows that are the same every time, and what must have become of them.

DuckDB makes them from numbers and hashes; `events` are nested, `orders` plain.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
from measuring import FailedError

STATE_ROWS = 10_000

# 11 columns, two of them objects. {seed} makes other values for the same ids.
_EVENTS = """
    SELECT i AS id, ['page_view', 'click', 'signup', 'purchase'][1 + i % 4] AS event,
        1 + (hash(i, {seed}) % 200000)::BIGINT AS user_id,
        md5(i::VARCHAR) AS anonymous_id,
        strftime(TIMESTAMP '2025-01-01'
            + to_milliseconds(hash(i, 1 + {seed}) % 31536000000),
            '%Y-%m-%dT%H:%M:%S.%gZ') AS "timestamp",
        'https://shop.example.com/p/' || hash(i, 2 + {seed}) % 10000 || '?ref='
            || i % 100 AS url,
        CASE WHEN i % 5 > 1 THEN 'https://www.example.org/' || i % 1000 END AS referrer,
        (hash(i, 3 + {seed}) % 50000)::BIGINT + 0.25 AS amount,
        i % 100 = 0 AS is_test,
        {{plan: ['free', 'pro'][1 + i % 2],
            sku: 'SKU-' || hash(i, 4 + {seed}) % 1000000,
            quantity: (i + {seed}) % 20, discount: (i % 10) * 0.5 + 0.25,
            coupon: CASE WHEN i % 5 = 0 THEN 'C' || i % 1000 END}} AS properties,
        {{ip: '10.1.' || i % 256 || '.' || hash(i, 5 + {seed}) % 256,
            user_agent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
            locale: 'en-US', screen: {{width: 1280, height: 720 + i % 300}}}} AS context
    FROM ({numbers}) AS numbers(i)
"""
# 12 columns; `total` is a plain number, so a double.
_ORDERS = """
    SELECT i AS id, 1 + (hash(i) % 200000)::BIGINT AS customer_id,
        'ORD-' || md5(i::VARCHAR)[:10] AS number,
        ['new', 'paid', 'shipped', 'returned'][1 + i % 4] AS status,
        ['USD', 'EUR', 'NOK'][1 + i % 3] AS currency,
        (hash(i, 3) % 5000000)::BIGINT / 100.0 AS total,
        (hash(i, 9) % 1000)::BIGINT / 8.0 AS weight, 1 + i % 50 AS items,
        i % 10 = 0 AS is_gift,
        CASE WHEN i % 2 = 0 THEN 'leave at door ' || hash(i, 4) % 1000000 END AS note,
        strftime(TIMESTAMP '2025-01-01' + to_milliseconds(hash(i, 1) % 31536000000),
            '%Y-%m-%dT%H:%M:%S.%gZ') AS created_at,
        strftime(DATE '2025-01-04' + (i % 365)::INT, '%Y-%m-%d') AS due_on
    FROM range({rows}) AS numbers(i)
"""
_TIME = {"type": "string", "format": "date-time"}
EVENTS_PROPERTIES = {
    "id": {"type": "integer"},
    "event": {"type": "string"},
    "user_id": {"type": "integer"},
    "anonymous_id": {"type": "string"},
    "timestamp": _TIME,
    "url": {"type": "string"},
    "referrer": {"type": ["null", "string"]},
    "amount": {"type": "number", "multipleOf": 0.01},
    "is_test": {"type": "boolean"},
    "properties": {"type": "object"},
    "context": {"type": "object"},
}
ORDERS_PROPERTIES = {
    "id": {"type": "integer"},
    "customer_id": {"type": "integer"},
    "number": {"type": "string"},
    "status": {"type": "string"},
    "currency": {"type": "string"},
    "total": {"type": "number"},
    "weight": {"type": "number"},
    "items": {"type": "integer"},
    "is_gift": {"type": "boolean"},
    "note": {"type": ["null", "string"]},
    "created_at": _TIME,
    "due_on": {"type": "string", "format": "date"},
}
# How DuckDB's own readers are told the events' types.
EVENTS_COLUMNS = """{id: 'BIGINT', event: 'VARCHAR', user_id: 'BIGINT',
    anonymous_id: 'VARCHAR', timestamp: 'TIMESTAMPTZ', url: 'VARCHAR',
    referrer: 'VARCHAR', amount: 'DOUBLE', is_test: 'BOOLEAN', properties: 'JSON',
    context: 'JSON'}"""


@dataclass(frozen=True, slots=True)
class Sums:
    """What tells that all rows are there, once each, with their values."""

    rows: int
    ids: int
    cents: int
    quantity: int


def events_sql(rows: int) -> str:
    return _EVENTS.format(seed=0, numbers=f"SELECT range FROM range({rows})")


def delta_sql(rows: int) -> str:
    """Change four in a hundred events and add one in a hundred, in no order."""
    numbers = (
        f"FROM (FROM (FROM range({rows}) ORDER BY hash(range, 77) LIMIT {rows // 25})"
        f" UNION ALL FROM range({rows}, {rows + rows // 100}))"
        " ORDER BY hash(range, 78)"
    )
    return _EVENTS.format(seed=1000, numbers=numbers)


def merged_sql(rows: int) -> str:
    new = delta_sql(rows)
    kept = f"FROM ({events_sql(rows)}) AS old ANTI JOIN ({new}) AS new USING (id)"
    return f"({new}) UNION ALL ({kept})"


def orders_sql(rows: int) -> str:
    return _ORDERS.format(rows=rows)


def event_sums(sql: str) -> Sums:
    return _sums(
        f"count(*), count(DISTINCT id), sum(round(amount * 100)::BIGINT)::BIGINT,"
        f" sum(properties.quantity)::BIGINT FROM ({sql})"
    )


def order_sums(sql: str) -> Sums:
    return _sums(
        "count(*), count(DISTINCT id), sum(round(total * 100)::BIGINT)::BIGINT,"
        f" sum(items)::BIGINT FROM ({sql})"
    )


def _sums(rest: str) -> Sums:
    row = duckdb.execute(f"SELECT {rest}").fetchone()
    assert row is not None
    return Sums(*row)


def write_lines(path: Path, sql: str) -> Path:
    duckdb.execute(f"COPY ({sql}) TO '{path}' (FORMAT json)")
    return path


def write_messages(
    path: Path, sql: str, *, stream: str, properties: dict[str, object]
) -> Path:
    """Write the rows as a tap would: a SCHEMA, RECORDs, a STATE every 10,000."""
    schema = {"type": "SCHEMA", "stream": stream, "key_properties": []}
    schema["schema"] = {"type": "object", "properties": properties}
    head = json.dumps(schema).replace("'", "''")
    # As CSV without quotes: a text of one or two lines is written as it is.
    duckdb.execute(f"""
        COPY (
            SELECT CASE WHEN number = 1 THEN '{head}' || chr(10) ELSE '' END
                || '{{"type":"RECORD","stream":"{stream}","record":' || record || '}}'
                || CASE WHEN number % {STATE_ROWS} = 0 THEN chr(10)
                    || '{{"type":"STATE","value":{{"at":' || number || '}}}}'
                    ELSE '' END
            FROM (SELECT to_json(one) AS record, row_number() OVER () AS number
                FROM ({sql}) AS one)
        ) TO '{path}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01')
    """)
    return path


def check_events(database: Path, table: str, wanted: Sums) -> None:
    """Compare a loaded table of events, whatever its maker made of nested values."""
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(f"DESCRIBE {table}").fetchall()
        types = {name.lower(): type_ for name, type_, *_ in found}
        row = connection.execute(
            "SELECT count(*), count(DISTINCT id),"
            " sum(round(amount::DOUBLE * 100)::BIGINT)::BIGINT,"
            f" sum({_quantity(types)})::BIGINT FROM {table}"
        ).fetchone()
    _compare(row, wanted)


def check_orders(database: Path, table: str, wanted: Sums) -> None:
    with duckdb.connect(str(database), read_only=True) as connection:
        row = connection.execute(
            "SELECT count(*), count(DISTINCT id),"
            " sum(round(total * 100)::BIGINT)::BIGINT, sum(items)::BIGINT"
            f" FROM {table}"
        ).fetchone()
    _compare(row, wanted)


def _quantity(types: dict[str, str]) -> str:
    if "properties__quantity" in types:
        return "properties__quantity::BIGINT"
    if types["properties"].startswith("STRUCT"):
        return "properties.quantity::BIGINT"
    return "(properties->>'quantity')::BIGINT"


def _compare(row: tuple[int, ...] | None, wanted: Sums) -> None:
    assert row is not None
    found, due = asdict(Sums(*row)), asdict(wanted)
    wrong = [
        f"{found[name]:,} {name} and not {due[name]:,}"
        for name in due
        if found[name] != due[name]
    ]
    if wrong:
        raise FailedError(f"wrong: {', '.join(wrong)}")
