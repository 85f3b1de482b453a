"""What may stand in `elt.toml`: every table and key, with its meaning and default.

These declarations are read three times: to check a file, to write the JSON Schema
for editors, and to write the reference page. The values are frozen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

WriteMode = Literal["append", "upsert", "overwrite"]
ReplicationMethod = Literal["FULL_TABLE", "INCREMENTAL", "LOG_BASED"]
SyncMode = Literal["upsert", "update", "insert", "mirror", "append"]


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of `elt.toml`."""


class ProjectTable(Table, frozen=True, kw_only=True):
    """What the project is called."""

    name: Annotated[str, Meta(description="Name of the project", min_length=1)]


class DbtDuckdbTable(Table, frozen=True, kw_only=True):
    """Passed on to dbt-duckdb's profile, under the same names."""

    attach: Annotated[
        list[Any], Meta(description="Databases to attach, as in dbt-duckdb")
    ] = field(default_factory=list)
    settings: Annotated[
        dict[str, Any], Meta(description="DuckDB settings of dbt's connections")
    ] = field(default_factory=dict)
    extensions: Annotated[
        list[Any], Meta(description="DuckDB extensions that dbt loads")
    ] = field(default_factory=list)
    secrets: Annotated[list[Any], Meta(description="DuckDB secrets for dbt")] = field(
        default_factory=list
    )
    plugins: Annotated[list[Any], Meta(description="dbt-duckdb plugins")] = field(
        default_factory=list
    )
    config_options: Annotated[
        dict[str, Any],
        Meta(description="Given when the file is opened, by dbt and by elt alike"),
    ] = field(default_factory=dict)


class WarehouseTable(Table, frozen=True, kw_only=True):
    """The database that everything meets in."""

    type: Annotated[Literal["duckdb"], Meta(description="Kind of warehouse")] = "duckdb"
    path: Annotated[str, Meta(description="The DuckDB file, beside `elt.toml`")] = (
        "warehouse.duckdb"
    )
    memory_limit: Annotated[
        str | None,
        Meta(
            description="Memory that DuckDB may use in elt's own sessions",
            examples=["1GB"],
        ),
    ] = None
    threads: Annotated[
        int | None, Meta(description="Threads that DuckDB may use", ge=1)
    ] = None
    busy_timeout_seconds: Annotated[
        float,
        Meta(description="How long to wait for a file that is open elsewhere", ge=0),
    ] = 30.0
    dbt: DbtDuckdbTable = field(default_factory=DbtDuckdbTable)


class StreamTable(Table, frozen=True, kw_only=True):
    """What differs for one stream of a tap."""

    mode: Annotated[
        WriteMode | None,
        Meta(description="How rows are written; `elt plan` shows the default"),
    ] = None
    table: Annotated[str | None, Meta(description="Name of the loaded table")] = None
    key: Annotated[
        list[str] | None, Meta(description="Key columns, in place of the tap's own")
    ] = None
    replication_method: Annotated[
        ReplicationMethod | None, Meta(description="In place of the tap's own")
    ] = None
    replication_key: Annotated[
        str | None, Meta(description="Column that orders change")
    ] = None
    allow_shrink: Annotated[
        bool,
        Meta(description="Let `overwrite` empty a table or halve it"),
    ] = False


class TapTable(Table, frozen=True, kw_only=True):
    """One source: a program that writes Singer messages."""

    plugin: Annotated[
        str | None,
        Meta(description="Name of a built-in, installed or project plugin"),
    ] = None
    executable: Annotated[
        str | None,
        Meta(
            description="Any Singer tap: a program on PATH or a path in the project",
            examples=["tap-github"],
        ),
    ] = None
    args: Annotated[
        list[str], Meta(description="Arguments before the ones that elt adds")
    ] = field(default_factory=list)
    select: Annotated[
        list[str],
        Meta(
            description="Streams and columns, as in Meltano; `!` takes away",
            examples=[["users.*", "!users.ssn"]],
        ),
    ] = field(default_factory=list)
    schema: Annotated[
        str | None, Meta(description="Schema to load into; default `raw_<tap>`")
    ] = None
    tags: Annotated[list[str], Meta(description="For `elt run tag:NAME`")] = field(
        default_factory=list
    )
    idle_timeout_seconds: Annotated[
        float,
        Meta(description="Silence after which a tap is taken for hanging", gt=0),
    ] = 1800.0
    reject_limit: Annotated[
        int, Meta(description="More rejects than this fail the tap", ge=0)
    ] = 1000
    config: Annotated[
        dict[str, Any], Meta(description="The tap's own settings, given to it as is")
    ] = field(default_factory=dict)
    streams: Annotated[
        dict[str, StreamTable], Meta(description="What differs for one stream")
    ] = field(default_factory=dict)


class TransformTable(Table, frozen=True, kw_only=True):
    """The dbt project."""

    project_dir: Annotated[
        str, Meta(description="Folder of an ordinary dbt project")
    ] = "transform"
    threads: Annotated[int, Meta(description="dbt's threads", ge=1)] = 2
    vars: Annotated[dict[str, Any], Meta(description="dbt's `--vars`")] = field(
        default_factory=dict
    )
    write_sources: Annotated[
        bool,
        Meta(description="Write `models/_elt_sources/<tap>.yml` after a tap's load"),
    ] = True


class DestinationTable(Table, frozen=True, kw_only=True):
    """One tool that syncs write to."""

    plugin: Annotated[str, Meta(description="Name of a destination plugin")]
    send_in: Annotated[
        list[str],
        Meta(
            description="Environments in which syncs really send; elsewhere they are"
            " only planned. Local files and loopback addresses always send",
            examples=[["prod"]],
        ),
    ] = field(default_factory=list)
    config: Annotated[
        dict[str, Any], Meta(description="The destination's own settings")
    ] = field(default_factory=dict)


class FieldTable(Table, frozen=True, kw_only=True):
    """Where one field of the destination comes from: exactly one source."""

    column: Annotated[str | None, Meta(description="A column of the model")] = None
    value: Annotated[
        str | int | float | bool | None, Meta(description="The same for every row")
    ] = None
    sql: Annotated[
        str | None, Meta(description="A SQL expression over the model's columns")
    ] = None
    template: Annotated[
        str | None,
        Meta(description="Text with `{column}`s", examples=["{first} {last}"]),
    ] = None
    on_null: Annotated[
        Literal["send", "skip"],
        Meta(description="Send a NULL as null, or leave the field as it is there"),
    ] = "send"


class GuardTable(Table, frozen=True, kw_only=True):
    """When a sync stops before its first call. A percentage is of the rows known."""

    max_removed_percent: Annotated[
        float, Meta(description="More removed rows stop the sync", ge=0, le=100)
    ] = 10.0
    max_changed_percent: Annotated[
        float, Meta(description="More changed rows stop the sync", ge=0, le=100)
    ] = 50.0
    max_added_percent: Annotated[
        float, Meta(description="More added rows stop the sync", ge=0)
    ] = 100.0
    max_rejected_percent: Annotated[
        float, Meta(description="More rejects while sending stop it", ge=0, le=100)
    ] = 10.0
    min_rows: Annotated[
        int,
        Meta(
            description="Percentages hold back only more rows than this in absolute"
            " numbers, so that small models are not stopped by one row",
            ge=0,
        ),
    ] = 20
    allow_empty: Annotated[bool, Meta(description="Let an empty model through")] = False


class SyncTable(Table, frozen=True, kw_only=True):
    """One model's rows to one destination."""

    model: Annotated[str, Meta(description="The dbt model to send")]
    destination: Annotated[str, Meta(description="A name under `[destinations]`")]
    object: Annotated[
        str, Meta(description="What to write there: a file name, a table, an object")
    ]
    key: Annotated[
        str,
        Meta(description="The destination's field by which it knows a row"),
    ]
    mode: Annotated[SyncMode, Meta(description="What the sync may do")] = "upsert"
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
    on_unknown: Annotated[
        Literal["hold", "resend", "skip"],
        Meta(description="What to do with a row whose answer was lost"),
    ] = "resend"
    guards: GuardTable = field(default_factory=GuardTable)


class RunTable(Table, frozen=True, kw_only=True):
    """How runs behave."""

    jobs: Annotated[int, Meta(description="Steps side by side", ge=1)] = 4
    retries: Annotated[
        int, Meta(description="More tries after a temporary failure", ge=0)
    ] = 2
    retry_delay_seconds: Annotated[
        float, Meta(description="First wait; doubles, with jitter", ge=0)
    ] = 5.0
    step_timeout_seconds: Annotated[
        float | None, Meta(description="Longest time of one step", gt=0)
    ] = None
    timeout_seconds: Annotated[
        float | None, Meta(description="Longest time of a run", gt=0)
    ] = None


class EnvironmentTable(Table, frozen=True, kw_only=True):
    """Laid over the base with `elt --env NAME`: tables merge, values replace."""

    warehouse: dict[str, Any] = field(default_factory=dict)
    taps: dict[str, Any] = field(default_factory=dict)
    transform: dict[str, Any] = field(default_factory=dict)
    destinations: dict[str, Any] = field(default_factory=dict)
    syncs: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)


class File(Table, frozen=True, kw_only=True):
    """The whole of `elt.toml`."""

    project: ProjectTable
    warehouse: WarehouseTable = field(default_factory=WarehouseTable)
    taps: dict[str, TapTable] = field(default_factory=dict)
    transform: TransformTable | None = None
    destinations: dict[str, DestinationTable] = field(default_factory=dict)
    syncs: dict[str, SyncTable] = field(default_factory=dict)
    run: RunTable = field(default_factory=RunTable)
    environments: dict[str, EnvironmentTable] = field(default_factory=dict)


class Project(Struct, frozen=True, kw_only=True):
    """A checked `elt.toml`, with its environment laid over it.

    Secrets in `config` tables are still references; `elt.project.secrets` resolves
    them when a step starts.
    """

    root: Path
    environment: str  # "default" where none was asked for
    file: File

    @property
    def name(self) -> str:
        return self.file.project.name

    @property
    def warehouse_path(self) -> Path:
        return self.root / self.file.warehouse.path

    @property
    def transform_dir(self) -> Path | None:
        table = self.file.transform
        return None if table is None else self.root / table.project_dir

    @property
    def private_dir(self) -> Path:
        """`.elt/`: the store, locks, caches and logs; never committed."""
        return self.root / ".elt"

    def tap_schema(self, tap: str) -> str:
        return self.file.taps[tap].schema or f"raw_{tap}"
