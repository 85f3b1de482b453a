"""What `[taps.NAME.streams]` may say: what differs for one stream of a tap."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from elt.project.table import Count, MaxAge, Name, Table

ReplicationMethod = Literal["FULL_TABLE", "INCREMENTAL", "LOG_BASED"]
WriteMode = Literal["append", "upsert", "overwrite", "history"]
OnMissing = Literal["keep", "mark", "delete"]
SchemaPolicy = Literal["evolve", "freeze", "quarantine"]
Nested = Literal["json", "struct", "tables"]


class StreamTable(Table, frozen=True, kw_only=True):
    """What differs for one stream of a tap. Every key is optional."""

    tags: Annotated[
        list[str], Meta(description="For `elt run tag:NAME`, beside the tap's")
    ] = field(default_factory=list)
    owner: Annotated[
        str, Meta(description="Who looks after it, in place of the tap's owner")
    ] = ""
    max_age: MaxAge = None
    mode: Annotated[
        WriteMode | None,
        Meta(
            description="How rows are written. By default it follows from the stream;"
            " `elt plan` shows it with its reason. `history` keeps each version of a"
            " row, with `valid_from` and `valid_to`"
        ),
    ] = None
    table: Annotated[
        Name | None,
        Meta(description="Name of the loaded table; by default the stream's own"),
    ] = None
    key: Annotated[
        list[str] | None,
        Meta(
            description="Columns by which a row is known, in place of the tap's own",
            examples=[["id"]],
        ),
    ] = None
    replication_method: Annotated[
        ReplicationMethod | None,
        Meta(description="How the tap reads the stream, in place of its own choice"),
    ] = None
    replication_key: Annotated[
        str | None,
        Meta(description="Column that orders change", examples=["updated_at"]),
    ] = None
    lookback: Annotated[
        Name | Count | None,
        Meta(
            description="How far behind its bookmark each run begins, for rows that"
            " come late: `3d`, `12h`, or a whole number where the replication key is"
            " one. It takes a stream that is written by `upsert`",
            examples=["3d"],
        ),
    ] = None
    allow_shrink: Annotated[
        bool,
        Meta(description="Let a load empty a table or take most of its rows away"),
    ] = False
    on_missing: Annotated[
        OnMissing | None,
        Meta(
            description="What becomes of rows that the source has no more: `keep` them,"
            " `mark` them with the time in `_sdc_deleted_at`, or `delete` them. It"
            " takes a stream that is read in full each time, or a tap that says which"
            " rows are gone. By default such a tap's rows are marked"
        ),
    ] = None
    schema_policy: Annotated[
        SchemaPolicy | None,
        Meta(
            description="What a change of the stream's columns does: `evolve` adds and"
            " widens columns, `freeze` stops the stream, `quarantine` sets the rows"
            " aside that do not fit the table as it is. By default the tap's"
        ),
    ] = None
    nested: Annotated[
        Nested,
        Meta(
            description="How objects and arrays are kept: as `json`, as `struct`"
            " columns typed by the schema, or arrays of objects as child `tables`"
        ),
    ] = "json"
    types: Annotated[
        dict[str, str],
        Meta(
            description="Types of columns, in place of those that the schema asks for",
            examples=[{"amount": "DECIMAL(18,2)"}],
        ),
    ] = field(default_factory=dict)
    rename: Annotated[
        dict[str, Name],
        Meta(
            description="Names of columns, by the stream's own names",
            examples=[{"emailAddress": "email"}],
        ),
    ] = field(default_factory=dict)
    drop: Annotated[
        list[str],
        Meta(
            description="Columns that never reach the warehouse, not even as rejects",
            examples=[["ssn"]],
        ),
    ] = field(default_factory=list)
    hash: Annotated[
        list[str],
        Meta(
            description="Columns of which only the SHA-256 is kept, with the tap's"
            " `hash_salt` in front",
            examples=[["phone"]],
        ),
    ] = field(default_factory=list)
    filter: Annotated[
        str | None,
        Meta(
            description="SQL over the table's columns; rows for which it is not true"
            " stay out",
            examples=["status <> 'test'"],
        ),
    ] = None
