"""What leaves rows out of lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from elt.testing.apis.github.lists import Filter, Test
from elt.testing.apis.github.tables import stamp


def since(column: str) -> Filter:
    """Keep what is of this time or later, to the second."""

    def make(text: str) -> Test:
        begin = stamp(read_moment(text))
        return lambda row: bool(row[column] >= begin)

    return Filter("since", make)


def until(column: str) -> Filter:
    def make(text: str) -> Test:
        end = stamp(read_moment(text))
        return lambda row: bool(row[column] <= end)

    return Filter("until", make)


def state() -> Filter:
    def make(text: str) -> Test:
        if text not in {"open", "closed", "all"}:
            raise ValueError(text)
        return lambda row: text in {"all", row["state"]}

    return Filter("state", make, "open")


def same(name: str, column: str) -> Filter:
    return Filter(name, lambda text: lambda row: bool(row[column] == text))


def labels() -> Filter:
    """Keep issues that have all of these labels."""

    def make(text: str) -> Test:
        wanted = set(text.split(","))
        return lambda row: wanted <= set(row["labels"])

    return Filter("labels", make)


def assignee() -> Filter:
    def make(text: str) -> Test:
        if text in {"*", "none"}:
            return lambda row: bool(row["assignees"]) == (text == "*")
        return lambda row: text in row["assignees"]

    return Filter("assignee", make)


def milestone() -> Filter:
    def make(text: str) -> Test:
        if text in {"*", "none"}:
            return lambda row: (row["milestone"] is None) == (text == "none")
        number = int(text)
        return lambda row: bool(row["milestone"] == number)

    return Filter("milestone", make)


def created() -> Filter:
    """Keep runs of a range: `>=2025-01-01`, `2025-01-01..2025-02-01`, or one day.

    docs.github.com, Understanding the search syntax: query for dates.
    """

    def make(text: str) -> Test:
        begin, end = _range(text)
        return lambda row: begin <= row["created_at"] <= end

    return Filter("created", make)


def read_moment(text: str) -> datetime:
    """Read a time or a day. Raises ValueError."""
    # A plus that was not quoted has become a space on its way.
    found = datetime.fromisoformat(text.replace(" ", "+"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _range(text: str) -> tuple[str, str]:
    earliest, latest = "0", "9"
    if ".." in text:
        first, _, last = text.partition("..")
        begin = earliest if first == "*" else stamp(read_moment(first))
        return begin, latest if last == "*" else _end_of(last)
    for sign in (">=", "<=", ">", "<"):
        if text.startswith(sign):
            return _side(sign, text.removeprefix(sign))
    return stamp(read_moment(text)), _end_of(text)


def _side(sign: str, text: str) -> tuple[str, str]:
    second = timedelta(seconds=1)
    if sign == ">=":
        return stamp(read_moment(text)), "9"
    if sign == "<":
        return "0", stamp(read_moment(text) - second)
    if sign == "<=":
        return "0", _end_of(text)
    return stamp(datetime.fromisoformat(_end_of(text)) + second), "9"


def _end_of(text: str) -> str:
    """Give a moment, or the last second of a day."""
    found = read_moment(text)
    is_day = len(text) == len("2025-01-01")
    return stamp(found + timedelta(days=1, seconds=-1) if is_day else found)
