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
from elt.project.selection_settings import SelectionTable
from elt.project.step_settings import (
    KindTable,
    Pool,
    Priority,
    Retries,
    RetryDelaySeconds,
    StepTimeoutSeconds,
)
from elt.project.sync_settings import DestinationTable, SyncTable
from elt.project.table import (
    LONGEST_SECONDS,
    Count,
    DelaySeconds,
    Name,
    Seconds,
    SecondsFromZero,
    Table,
)
from elt.project.tap_settings import TapTable, TargetTable

FILE_NAME = "elt.toml"
BASE_ENVIRONMENT = "default"  # its name where no environment was asked for


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
        SecondsFromZero,
        Meta(description="How long to wait for a file that another program has open"),
    ] = 30.0
    commit_megabytes: Annotated[
        float,
        Meta(
            description="Rows of a tap are committed at its first STATE after so many"
            " megabytes",
            gt=0,
            le=1_000_000,
        ),
    ] = 64.0
    commit_seconds: Annotated[
        float,
        Meta(
            description="Rows of a tap are committed at its first STATE after so many"
            " seconds",
            ge=0,
            le=LONGEST_SECONDS,
        ),
    ] = 15.0
    dbt: DbtDuckdbTable = field(default_factory=DbtDuckdbTable)


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
    retries: Retries = None
    retry_delay_seconds: RetryDelaySeconds = None
    timeout_seconds: StepTimeoutSeconds = None
    pool: Pool = None
    priority: Priority = 0


class RunTable(Table, frozen=True, kw_only=True):
    """How runs behave, and what holds for every step that does not say otherwise."""

    jobs: Annotated[Count, Meta(description="Steps that run side by side")] = 4
    retries: Annotated[
        Annotated[int, Meta(ge=0)],
        Meta(description="Further tries after a temporary failure"),
    ] = 2
    retry_delay_seconds: Annotated[
        DelaySeconds,
        Meta(description="First wait before a try; doubles each time, with jitter"),
    ] = 5.0
    step_timeout_seconds: Annotated[
        Seconds | None,
        Meta(description="Longest time of one step, with all its tries"),
    ] = None
    timeout_seconds: Annotated[
        Seconds | None, Meta(description="Longest time of a whole run")
    ] = None
    max_catch_up: Annotated[
        Name,
        Meta(
            description="How long ago the last good window may have ended for `elt run"
            " --since-last-success` to go on from there",
            examples=["30d"],
        ),
    ] = "7d"
    taps: KindTable = field(default_factory=KindTable)
    syncs: KindTable = field(default_factory=KindTable)


class RetentionTable(Table, frozen=True, kw_only=True):
    """How long the past is kept. `elt clean` and, once a day, `elt run` go by it."""

    log_days: Annotated[
        Count, Meta(description="Lines that taps, dbt and destinations wrote")
    ] = 30
    run_days: Annotated[
        Count,
        Meta(
            description="Runs with their steps and windows; the last of each asset, and"
            " the last good window of each selection, stay"
        ),
    ] = 365
    load_days: Annotated[
        Count,
        Meta(
            description="What the warehouse notes of loads, changed columns and sent"
            " rows, in `_elt.loads`, `_elt.schema_changes` and `_elt.sync_changes`"
        ),
    ] = 365
    reject_days: Annotated[
        Count | None,
        Meta(description="Rejects; by default they stay until somebody drops them"),
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
    targets: Annotated[dict[str, Any], Meta(description="Laid over `[targets]`")] = (
        field(default_factory=dict)
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
    pools: Annotated[dict[str, Any], Meta(description="Laid over `[pools]`")] = field(
        default_factory=dict
    )
    retention: Annotated[
        dict[str, Any], Meta(description="Laid over `[retention]`")
    ] = field(default_factory=dict)


class File(Table, frozen=True, kw_only=True):
    """A project of `elt`: what it reads, how it transforms, where it sends."""

    project: ProjectTable
    warehouse: WarehouseTable = field(default_factory=WarehouseTable)
    taps: dict[str, TapTable] = field(default_factory=dict)
    targets: dict[str, TargetTable] = field(default_factory=dict)
    transform: TransformTable | None = None
    destinations: dict[str, DestinationTable] = field(default_factory=dict)
    syncs: dict[str, SyncTable] = field(default_factory=dict)
    selections: dict[str, SelectionTable] = field(default_factory=dict)
    run: RunTable = field(default_factory=RunTable)
    pools: Annotated[
        dict[str, Count],
        Meta(
            description="How many steps that name the pool may run at once",
            examples=[{"crm_api": 1}],
        ),
    ] = field(default_factory=dict)
    retention: RetentionTable = field(default_factory=RetentionTable)
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
    return re.sub(r"[\W_]+", "_", name.lower()).strip("_")


def place(lines: Mapping[KeyPath, int], table: KeyPath, key: KeyPath = ()) -> str:
    """Write a position: the line of the key, else of the table; then the table."""
    line = nearest_line(lines, key or table)
    start = FILE_NAME if line is None else f"{FILE_NAME}:{line}"
    return f"{start}  [{dotted(table)}]" if table else start
