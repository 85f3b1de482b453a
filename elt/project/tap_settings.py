"""What `[taps]` may say: programs that extract, and what differs by stream."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from elt.project.step_settings import (
    Pool,
    Priority,
    Retries,
    RetryDelaySeconds,
    StepTimeoutSeconds,
)
from elt.project.stream_settings import SchemaPolicy, StreamTable
from elt.project.table import MaxAge, Name, Percent, Seconds, Table

RFC_3339 = "%Y-%m-%dT%H:%M:%SZ"

PythonOfPackage = Annotated[
    Name | None,
    Meta(
        description="Python for the `package`: a version, or the path of one; by"
        " default the one that runs elt. Many taps are made for an older one",
        examples=["3.10"],
    ),
]
Arguments = Annotated[
    list[str], Meta(description="Arguments before the ones that elt adds")
]


class WindowTable(Table, frozen=True, kw_only=True):
    """The tap's own settings that take a run's window, so that it reads no more.

    A run with a window gives them its start and its end, in UTC. What the `format`
    cannot tell is rounded: the start down, the end up.
    """

    start: Annotated[
        Name,
        Meta(
            description="The setting for the moment from which it reads",
            examples=["start_date"],
        ),
    ]
    end: Annotated[
        Name | None,
        Meta(
            description="The setting for the moment before which it stops; without it"
            " each window is read from its start on, until now",
            examples=["end_date"],
        ),
    ] = None
    format: Annotated[
        Name,
        Meta(
            description="How it wants both written, as Python's `strftime` says it",
            examples=["%Y-%m-%d"],
        ),
    ] = RFC_3339


class TapTable(Table, frozen=True, kw_only=True):
    """One source, read by a program that writes Singer messages.

    It needs one of `plugin`, `package` and `executable`.
    """

    plugin: Annotated[
        str | None,
        Meta(
            description="A tap that is built in, installed, or a file in the project's"
            " `plugins/`; `elt plugins` lists them",
            examples=["files"],
        ),
    ] = None
    package: Annotated[
        str | None,
        Meta(
            description="Any Singer tap as pip knows it: a name with a version, a git"
            " URL, or a folder. It is installed into an environment of its own, in"
            " `.elt/`",
            examples=["meltanolabs-tap-github==1.30"],
        ),
    ] = None
    executable: Annotated[
        str | None,
        Meta(
            description="Any Singer tap: a program on the PATH, or its path as seen"
            " from the project's folder. Beside `package`: which of its programs",
            examples=["tap-github"],
        ),
    ] = None
    python: PythonOfPackage = None
    args: Arguments = field(default_factory=list)
    target: Annotated[
        Name | None,
        Meta(
            description="A name under `[targets]`: the Singer target that loads this"
            " tap, in place of the warehouse"
        ),
    ] = None
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
    owner: Annotated[
        str,
        Meta(
            description="Who looks after it, told in `elt plan`, `elt status` and"
            " beside a failure; for `elt run owner:NAME`",
            examples=["ann@acme.example"],
        ),
    ] = ""
    max_age: MaxAge = None
    idle_timeout_seconds: Annotated[
        Seconds,
        Meta(description="Silence after which the tap is stopped as hanging"),
    ] = 1800.0
    retries: Retries = None
    retry_delay_seconds: RetryDelaySeconds = None
    timeout_seconds: StepTimeoutSeconds = None
    pool: Pool = None
    priority: Priority = 0
    reject_limit: Annotated[
        Annotated[int, Meta(ge=0)],
        Meta(description="More rejects of a stream than this in one run fail it"),
    ] = 1000
    reject_percent: Annotated[
        Percent,
        Meta(
            description="So do more than this many of a hundred records. Fewer than"
            " 1,000 records count as 1,000"
        ),
    ] = 1.0
    schema_policy: Annotated[
        SchemaPolicy,
        Meta(
            description="What a change of columns does, where a stream does not say"
            " otherwise: `evolve`, `freeze` or `quarantine`"
        ),
    ] = "evolve"
    add_record_metadata: Annotated[
        bool,
        Meta(
            description="Add the columns `_sdc_*` of the Singer world to the tables. It"
            " costs a second look at every record"
        ),
    ] = False
    hash_salt: Annotated[
        str | None,
        Meta(
            description="Put in front of values before they are hashed, so that nobody"
            " finds them by trying",
            examples=["${env:HASH_SALT}"],
        ),
    ] = None
    config: Annotated[
        dict[str, Any],
        Meta(
            description="The tap's own settings, handed to it as they are. Texts may"
            " refer to secrets"
        ),
    ] = field(default_factory=dict)
    window: Annotated[
        WindowTable | None,
        Meta(description="How it is told to read a span of time and nothing else"),
    ] = None
    streams: Annotated[
        dict[str, StreamTable], Meta(description="What differs for one stream")
    ] = field(default_factory=dict)


class TargetTable(Table, frozen=True, kw_only=True):
    """A Singer target of somebody else, for taps that load into another database.

    It needs a `package` or an `executable`. What it loads, dbt and syncs of this
    project do not see.
    """

    package: Annotated[
        str | None,
        Meta(
            description="A Singer target as pip knows it, installed into an environment"
            " of its own, in `.elt/`",
            examples=["target-jsonl==0.1.4"],
        ),
    ] = None
    executable: Annotated[
        str | None,
        Meta(
            description="A program on the PATH, or its path as seen from the project's"
            " folder. Beside `package`: which of its programs",
            examples=["target-jsonl"],
        ),
    ] = None
    python: PythonOfPackage = None
    args: Arguments = field(default_factory=list)
    config: Annotated[
        dict[str, Any],
        Meta(
            description="The target's own settings, handed to it as they are. Texts may"
            " refer to secrets"
        ),
    ] = field(default_factory=dict)
