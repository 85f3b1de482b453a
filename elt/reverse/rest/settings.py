"""What `[destinations.X.config]` may say for `plugin = "rest"`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from elt.errors import ConfigError
from elt.project.nearest import listed
from elt.project.table import Seconds
from elt.reverse.destination import CONFIG, read_config

Meaning = Literal["accepted", "rejected", "retryable", "unknown", "pending", "stop"]
Scalar = str | int | float | bool
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
CallName = Literal["upsert", "added", "changed", "removed"]
CALLS: tuple[CallName, ...] = ("upsert", "added", "changed", "removed")
BODILESS = frozenset(("GET", "DELETE"))
WHERE = CONFIG


class ResultsTable(msgspec.Struct, frozen=True, kw_only=True):
    """Where an answer speaks of the rows that it took, or of each row."""

    path: str = "$"
    # Whose answer an entry is: at `key` stands the row's key, at `index` its position
    # in the call. With neither, entries are in the order of the rows.
    key: str | None = None
    index: str | None = None
    status: str | None = None  # without it, an entry means that the row was taken
    accepted: tuple[Scalar, ...] = (True,)  # values at `status`
    retryable: tuple[Scalar, ...] = ()
    message: str | None = None
    id: str | None = None


class ErrorsTable(msgspec.Struct, frozen=True, kw_only=True):
    """Where an answer lists the rows that it did not take."""

    path: str
    key: str | None = None
    index: str | None = None
    message: str | None = None


class CallTable(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of call."""

    method: Method
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    body: Any = msgspec.UNSET
    row: Any = msgspec.UNSET  # one row of a call for many; the body says `{rows}`
    lines: list[Any] | msgspec.UnsetType = msgspec.UNSET  # of one row, as JSON lines
    statuses: dict[str, Meaning] = {}
    results: dict[str, Any] | None = None
    errors: dict[str, Any] | None = None


class RestConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a rest destination."""

    url: str
    auth: dict[str, Any] | None = None
    headers: dict[str, str] = {}
    check_path: str | None = None  # something to GET that proves our credentials
    batch_size: Annotated[int, Meta(ge=1)] = 100
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 1
    requests_per_second: Annotated[float, Meta(gt=0)] | None = None
    timeout_seconds: Seconds = 30.0
    verify: bool = True
    ca_file: str | None = None
    repeatable: bool | None = None
    upsert: dict[str, Any] | None = None
    added: dict[str, Any] | None = None
    changed: dict[str, Any] | None = None
    removed: dict[str, Any] | None = None


def call_tables(config: RestConfig) -> dict[CallName, CallTable]:
    """Read the calls that a config declares. Raises ConfigError when it has none."""
    given: dict[CallName, dict[str, Any] | None] = {
        "upsert": config.upsert,
        "added": config.added,
        "changed": config.changed,
        "removed": config.removed,
    }
    tables = {
        name: read_config(CallTable, table, where=f"{WHERE}, `{name}`")
        for name, table in given.items()
        if table is not None
    }
    if not tables:
        raise ConfigError(
            "no call is declared",
            where=WHERE,
            hint=f"It needs one table or more of {listed(CALLS)}, each with `method`"
            " and `path`",
        )
    return tables


def statuses(table: CallTable, where: str) -> Mapping[int, Meaning]:
    for status in table.statuses:
        if not (status.isdigit() and len(status) == len("200")):
            raise ConfigError(
                f"`{status}` is no status of HTTP",
                where=f"{where} statuses",
                hint='Write it as in `statuses = { 409 = "accepted" }`',
            )
    return {int(status): meaning for status, meaning in table.statuses.items()}
