"""The days of the calendar until today: a tap in a few lines, to be replaced by yours.

A function with `@stream` is a table. `config` is its part of elt.toml, and `since` the
largest `day` that an earlier run has read, so that each run brings only what is new.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from elt import stream

SATURDAY = 5


@stream(key="day", cursor="day")
def days(config: dict[str, Any], since: str | None) -> Iterator[dict[str, Any]]:
    day = date.fromisoformat(since or config["first_day"])
    today = datetime.now(UTC).date()
    while day <= today:
        yield {"day": day, "is_workday": day.weekday() < SATURDAY}
        day += timedelta(days=1)
