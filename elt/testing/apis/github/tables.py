"""Rows, and the lists that are asked of them, kept until a row changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

TABLES = (
    "issues",
    "comments",
    "reviews",
    "review_comments",
    "commits",
    "releases",
    "milestones",
    "labels",
    "branches",
    "tags",
    "stars",
    "runs",
    "jobs",
    "deployments",
    "statuses",
    "events",
)
_MOST_LISTS = 40  # a caller pages through one list at a time


class Table:
    """Rows by id. Times in rows are texts, so that their order is that of times."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self._lists: dict[Hashable, list[Row]] = {}
        self._indexes: dict[str, dict[Any, Row]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, row: Row) -> Row:
        self.rows[row["id"]] = row
        self._forget()
        return row

    def add_all(self, rows: Iterable[Row]) -> None:
        self.rows.update((row["id"], row) for row in rows)
        self._forget()

    def update(self, row: Row, values: Row) -> None:
        row.update(values)
        self._forget()

    def remove(self, row_id: int) -> None:
        del self.rows[row_id]
        self._forget()

    def listed(
        self,
        name: Hashable,
        fits: Callable[[Row], bool],
        order: Callable[[Row], Any],
    ) -> list[Row]:
        """Give the rows that fit, in ascending order; `name` tells lists apart."""
        found = self._lists.get(name)
        if found is None:
            if len(self._lists) >= _MOST_LISTS:
                self._lists.clear()
            found = sorted(filter(fits, self.rows.values()), key=order)
            self._lists[name] = found
        return found

    def find(self, key: str, value: object) -> Row | None:
        """Give a row whose value of a key this is; the last one of several."""
        index = self._indexes.get(key)
        if index is None:
            index = {row[key]: row for row in self.rows.values()}
            self._indexes[key] = index
        return index.get(value)

    def _forget(self) -> None:
        self._lists.clear()
        self._indexes.clear()


@dataclass(slots=True, kw_only=True)
class Repository:
    """A repository: what it says of itself, and its tables."""

    id: int
    name: str
    owner: str
    private: bool
    description: str
    language: str | None
    created_at: str
    updated_at: str
    pushed_at: str
    has_issues: bool = True
    blocked: str | None = None  # since when, by a DMCA notice
    next_number: int = 1  # issues and pull requests share their numbers
    by_number: dict[int, Row] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)  # numbers of issues
    tables: dict[str, Table] = field(
        default_factory=lambda: {name: Table() for name in TABLES}
    )

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def is_empty(self) -> bool:
        return not self.tables["commits"].rows


def stamp(moment: datetime) -> str:
    """Give a time as GitHub writes it: in UTC, in whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
