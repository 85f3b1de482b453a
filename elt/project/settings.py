"""What may stand in `elt.toml`: every table and key, with its meaning and default.

These declarations are read three times: to check a file, to write the JSON Schema
for editors, and to write the reference page. The values are frozen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from elt.project.locate import KeyPath, dotted, nearest_line

WriteMode = Literal["append", "upsert", "overwrite"]
ReplicationMethod = Literal["FULL_TABLE", "INCREMENTAL", "LOG_BASED"]
SyncMode = Literal["upsert", "update", "insert", "mirror", "append"]

Name = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Percent = Annotated[float, Meta(ge=0, le=100)]

FILE_NAME = "elt.toml"
BASE_ENVIRONMENT = "default"  # its name where no environment was asked for


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of `elt.toml`."""


class ProjectTable(Table, frozen=True, kw_only=True):
    """What the project is called. The only table that every file needs."""

    name: Annotated[Name, Meta(description="Name of the project", examples=["acme"])]


class DbtDuckdbTable(Table, frozen=True, kw_only=True):
    """Passed on to dbt-duckdb's profile under the same names; see its documentation.

    Texts may refer to secrets.
    """

    attach: Annotated[
        list[Any],
        Meta(description="Databases to attach", examples=[[{"path": "other.duckdb"}]]),
    ] = field(default_factory=list)
    settings: Annotated[
        dict[str, Any], Meta(description="DuckDB settings of dbt's connections")
    ] = field(default_factory=dict)
    extensions: Annotated[
        list[Any],
        Meta(description="DuckDB extensions that dbt loads", examples=[["httpfs"]]),
    ] = field(default_factory=list)
    secrets: Annotated[
        list[Any], Meta(description="Secrets that dbt creates in DuckDB")
    ] = field(default_factory=list)
    plugins: Annotated[list[Any], Meta(description="Plugins of dbt-duckdb")] = field(
        default_factory=list
    )
    config_options: Annotated[
        dict[str, Any],
        Meta(
            description="Options with which the file is opened, by dbt and by elt"
            " alike: DuckDB refuses a file that is open with others"
        ),
    ] = field(default_factory=dict)


class WarehouseTable(Table, frozen=True, kw_only=True):
    """The database that taps load into, dbt builds in and syncs read from."""

    type: Annotated[Literal["duckdb"], Meta(description="Kind of warehouse")] = "duckdb"
    path: Annotated[
        Name,
        Meta(description="The DuckDB file, as seen from the project's folder"),
    ] = "warehouse.duckdb"
    memory_limit: Annotated[
        str | None,
        Meta(
            description="Memory that DuckDB may use in elt's own sessions; DuckDB's"
            " default is 80 % of the machine's",
            examples=["1GB"],
        ),
    ] = None
    threads: Annotated[
        Count | None,
        Meta(description="Threads that DuckDB may use; by default one for each core"),
    ] = None
    busy_timeout_seconds: Annotated[
        Annotated[float, Meta(ge=0)],
        Meta(description="How long to wait for a file that another program has open"),
    ] = 30.0
    commit_megabytes: Annotated[
        float,
        Meta(
            description="Rows of a tap are committed at its first STATE after so many"
            " megabytes",
            gt=0,
        ),
    ] = 64.0
    commit_seconds: Annotated[
        float,
        Meta(
            description="Rows of a tap are committed at its first STATE after so many"
            " seconds",
            ge=0,
        ),
    ] = 15.0
    dbt: DbtDuckdbTable = field(default_factory=DbtDuckdbTable)


class StreamTable(Table, frozen=True, kw_only=True):
    """What differs for one stream of a tap. Every key is optional."""

    mode: Annotated[
        WriteMode | None,
        Meta(
            description="How rows are written. By default it follows from the stream;"
            " `elt plan` shows it with its reason"
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
    allow_shrink: Annotated[
        bool,
        Meta(description="Let `overwrite` empty a table or lose most of its rows"),
    ] = False


class TapTable(Table, frozen=True, kw_only=True):
    """One source, read by a program that writes Singer messages.

    It needs exactly one of `plugin` and `executable`.
    """

    plugin: Annotated[
        str | None,
        Meta(
            description="A tap that is built in, installed, or a file in the project's"
            " `plugins/`; `elt plugins` lists them",
            examples=["files"],
        ),
    ] = None
    executable: Annotated[
        str | None,
        Meta(
            description="Any Singer tap: a program on the PATH, or its path as seen"
            " from the project's folder",
            examples=["tap-github"],
        ),
    ] = None
    args: Annotated[
        list[str], Meta(description="Arguments before the ones that elt adds")
    ] = field(default_factory=list)
    select: Annotated[
        list[str],
        Meta(
            description="Streams, and columns after a dot, with `*` for any; `!` takes"
            " away. Empty: what the tap selects by itself, else everything",
            examples=[["users.*", "!users.ssn"]],
        ),
    ] = field(default_factory=list)
    schema: Annotated[
        Name | None,
        Meta(description="Schema of the loaded tables; by default `raw_` and the name"),
    ] = None
    tags: Annotated[
        list[str],
        Meta(description="For `elt run tag:NAME`", examples=[["finance"]]),
    ] = field(default_factory=list)
    idle_timeout_seconds: Annotated[
        Seconds,
        Meta(description="Silence after which the tap is stopped as hanging"),
    ] = 1800.0
    reject_limit: Annotated[
        Annotated[int, Meta(ge=0)],
        Meta(description="More rejects than this in one run fail the tap"),
    ] = 1000
    config: Annotated[
        dict[str, Any],
        Meta(
            description="The tap's own settings, handed to it as they are. Texts may"
            " refer to secrets"
        ),
    ] = field(default_factory=dict)
    streams: Annotated[
        dict[str, StreamTable], Meta(description="What differs for one stream")
    ] = field(default_factory=dict)


class TransformTable(Table, frozen=True, kw_only=True):
    """The dbt project. Without this table a run does not start dbt."""

    project_dir: Annotated[
        Name,
        Meta(description="Folder with an ordinary `dbt_project.yml`"),
    ] = "transform"
    schema: Annotated[
        Name, Meta(description="Schema that dbt builds in, `target.schema`")
    ] = "main"
    threads: Annotated[
        Count, Meta(description="Models that dbt builds side by side")
    ] = 2
    vars: Annotated[
        dict[str, Any],
        Meta(description="dbt's `--vars`", examples=[{"currency": "EUR"}]),
    ] = field(default_factory=dict)
    write_sources: Annotated[
        bool,
        Meta(
            description="Write `models/_elt_sources/<tap>.yml`, dbt's sources with"
            " columns, after a tap's load"
        ),
    ] = True


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
    on_unknown: Annotated[
        Literal["hold", "resend", "skip"],
        Meta(description="What to do with a row whose answer was lost"),
    ] = "resend"
    guards: GuardTable = field(default_factory=GuardTable)


class RunTable(Table, frozen=True, kw_only=True):
    """How runs behave."""

    jobs: Annotated[Count, Meta(description="Steps that run side by side")] = 4
    retries: Annotated[
        Annotated[int, Meta(ge=0)],
        Meta(description="Further tries after a temporary failure"),
    ] = 2
    retry_delay_seconds: Annotated[
        Annotated[float, Meta(ge=0)],
        Meta(description="First wait before a try; doubles each time, with jitter"),
    ] = 5.0
    step_timeout_seconds: Annotated[
        Seconds | None, Meta(description="Longest time of one step")
    ] = None
    timeout_seconds: Annotated[
        Seconds | None, Meta(description="Longest time of a whole run")
    ] = None


class EnvironmentTable(Table, frozen=True, kw_only=True):
    """Laid over the rest of the file with `elt --env NAME`.

    Tables merge, values replace. An empty one is enough for `send_in`.
    """

    warehouse: Annotated[
        dict[str, Any], Meta(description="Laid over `[warehouse]`")
    ] = field(default_factory=dict)
    taps: Annotated[dict[str, Any], Meta(description="Laid over `[taps]`")] = field(
        default_factory=dict
    )
    transform: Annotated[
        dict[str, Any], Meta(description="Laid over `[transform]`")
    ] = field(default_factory=dict)
    destinations: Annotated[
        dict[str, Any], Meta(description="Laid over `[destinations]`")
    ] = field(default_factory=dict)
    syncs: Annotated[dict[str, Any], Meta(description="Laid over `[syncs]`")] = field(
        default_factory=dict
    )
    run: Annotated[dict[str, Any], Meta(description="Laid over `[run]`")] = field(
        default_factory=dict
    )


class File(Table, frozen=True, kw_only=True):
    """A project of `elt`: what it reads, how it transforms, where it sends."""

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
    environment: str  # BASE_ENVIRONMENT where none was asked for
    file: File
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

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
        return tap_schema(tap, self.file.taps[tap])

    def where(self, *path: str) -> str:
        """Say where a table stands, for an error: `elt.toml:14  [taps.github]`."""
        laid_over = ("environments", self.environment, *path)
        return place(self.lines, laid_over if laid_over in self.lines else path)


def tap_schema(name: str, tap: TapTable) -> str:
    return tap.schema or "raw_" + plain_name(name)


def plain_name(name: str) -> str:
    """Make a name that SQL takes without quotes: `My-Tap` becomes `my_tap`."""
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")


def place(lines: Mapping[KeyPath, int], table: KeyPath, key: KeyPath = ()) -> str:
    """Write a position: the line of the key, else of the table; then the table."""
    line = nearest_line(lines, key or table)
    start = FILE_NAME if line is None else f"{FILE_NAME}:{line}"
    return f"{start}  [{dotted(table)}]" if table else start
