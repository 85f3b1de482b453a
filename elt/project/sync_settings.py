"""What `[destinations]` and `[syncs]` may say."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from elt.project.step_settings import (
    Pool,
    Priority,
    Retries,
    RetryDelaySeconds,
    StepTimeoutSeconds,
)
from elt.project.table import MaxAge, Name, Percent, Table

OnStale = Literal["send", "warn", "stop"]
SyncMode = Literal["upsert", "update", "insert", "mirror", "append"]


class DestinationTable(Table, frozen=True, kw_only=True):
    """One tool that syncs write to."""

    plugin: Annotated[
        str,
        Meta(
            description="A destination that is built in, installed, or in `plugins/`",
            examples=["webhook"],
        ),
    ]
    send_in: Annotated[
        list[str],
        Meta(
            description="Environments in which syncs really send; elsewhere they are"
            " only planned. Local files and loopback addresses always send",
            examples=[["prod"]],
        ),
    ] = field(default_factory=list)
    pool: Annotated[
        Name | None,
        Meta(
            description="A name under `[pools]`, for all syncs to this destination,"
            " beside a pool of their own",
            examples=["crm_api"],
        ),
    ] = None
    config: Annotated[
        dict[str, Any],
        Meta(description="The destination's own settings. Texts may refer to secrets"),
    ] = field(default_factory=dict)


class FieldTable(Table, frozen=True, kw_only=True):
    """Where one field of the destination comes from: exactly one source."""

    column: Annotated[str | None, Meta(description="A column of the model")] = None
    value: Annotated[
        str | int | float | bool | None, Meta(description="The same for every row")
    ] = None
    sql: Annotated[
        str | None,
        Meta(
            description="A SQL expression over the model's columns",
            examples=["upper(country)"],
        ),
    ] = None
    template: Annotated[
        str | None,
        Meta(description="Text with columns in braces", examples=["{first} {last}"]),
    ] = None
    on_null: Annotated[
        Literal["send", "skip"],
        Meta(description="Send a NULL as null, or leave the field there as it is"),
    ] = "send"


class GuardTable(Table, frozen=True, kw_only=True):
    """When a sync stops before its first call. Percentages are of the rows known."""

    max_removed_percent: Annotated[
        Percent, Meta(description="More removed rows stop the sync")
    ] = 10.0
    max_changed_percent: Annotated[
        Percent, Meta(description="More changed rows stop the sync")
    ] = 50.0
    max_added_percent: Annotated[
        Annotated[float, Meta(ge=0)], Meta(description="More added rows stop the sync")
    ] = 100.0
    max_rejected_percent: Annotated[
        Percent, Meta(description="More rejects, while sending, stop the sync")
    ] = 10.0
    min_rows: Annotated[
        Annotated[int, Meta(ge=0)],
        Meta(
            description="Percentages count only above this number of rows, so that one"
            " row does not stop a small model"
        ),
    ] = 20
    allow_empty: Annotated[bool, Meta(description="Let an empty model through")] = False


class SyncTable(Table, frozen=True, kw_only=True):
    """One model's rows to one destination. It needs a `[transform]` table."""

    model: Annotated[str, Meta(description="The dbt model whose rows are sent")]
    destination: Annotated[str, Meta(description="A name under `[destinations]`")]
    object: Annotated[
        str,
        Meta(
            description="What to write there: a file name, a table, a kind of object",
            examples=["contacts"],
        ),
    ]
    key: Annotated[
        str,
        Meta(
            description="The destination's field by which it knows a row",
            examples=["email"],
        ),
    ]
    mode: Annotated[SyncMode, Meta(description="What the sync may do there")] = "upsert"
    fields: Annotated[
        dict[str, str | FieldTable],
        Meta(
            description="The destination's field = a column, or a table with its"
            " source. Empty: every column under its own name"
        ),
    ] = field(default_factory=dict)
    tags: Annotated[list[str], Meta(description="For `elt run tag:NAME`")] = field(
        default_factory=list
    )
    owner: Annotated[
        str, Meta(description="Who looks after it; for `elt run owner:NAME`")
    ] = ""
    max_age: MaxAge = None
    on_stale: Annotated[
        OnStale,
        Meta(
            description="What to do when something above it is older than its `max_age`"
            " or dbt's `freshness` allows: send all the same, send and warn, or stop"
        ),
    ] = "send"
    on_unknown: Annotated[
        Literal["hold", "resend", "skip"],
        Meta(description="What to do with a row whose answer was lost"),
    ] = "resend"
    retries: Retries = None
    retry_delay_seconds: RetryDelaySeconds = None
    timeout_seconds: StepTimeoutSeconds = None
    pool: Pool = None
    priority: Priority = 0
    guards: GuardTable = field(default_factory=GuardTable)
