"""The result document of a run: what `elt run --json` writes and `.elt/runs` keeps.

These declarations are the published JSON Schema. A key may be added without a new
version; what a key means does not change within one.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from elt.events import RunStatus, Status

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Text = Annotated[str, Meta(description="Empty where there is nothing to say")]
Moment = Annotated[str, Meta(description="ISO 8601, in UTC")]
Seconds = Annotated[float, Meta(description="A duration in seconds", ge=0)]
ErrorName = Annotated[
    str,
    Meta(
        description="The class of what went wrong, empty where nothing did:"
        " `ConfigError`, `Unavailable`, `Rejected`, `Guarded`, `OutOfTime`,"
        " `Interrupted`, `EltError`; any other name is a bug of elt's"
    ),
]


class AssetResult(Struct, frozen=True, kw_only=True):
    """How one stream, dbt node or sync ended."""

    asset: Annotated[str, Meta(description="Its id: `stream:crm.deals`, `model:mrr`")]
    kind: Annotated[str, Meta(description="What stands before the colon of the id")]
    owner: Annotated[
        str, Meta(description="Who looks after it; empty where nobody is named")
    ] = ""
    status: Status
    rows: Annotated[
        int | None, Meta(description="Rows or changes; null where rows mean nothing")
    ]
    rejects: Annotated[int, Meta(description="Rows that were set aside", ge=0)]
    seconds: Seconds
    error: ErrorName
    message: Text
    hint: Text
    file: Annotated[
        str | None,
        Meta(
            description="Where it is declared, as seen from the project's folder;"
            " told only of what there is to look at"
        ),
    ]
    line: Annotated[int, Meta(description="The line in `file`", ge=1)] | None


class StateChange(Struct, frozen=True, kw_only=True):
    """How far a run took a tap: whole Singer states, and their versions.

    `elt state history TAP` lists the versions.
    """

    tap: str
    version_before: int | None
    version: int
    before: Annotated[Any, Meta(description="The state before; null at a tap's start")]
    after: Annotated[Any, Meta(description="The state that was committed last")]


class StepResult(Struct, frozen=True, kw_only=True):
    """What was done in one go: one tap, one invocation of dbt or one sync."""

    step: Annotated[str, Meta(description="Its id: `tap:crm`, `dbt`, `sync:health`")]
    kind: Annotated[str, Meta(description="`tap`, `dbt`, `sync`; more may follow")]
    status: Annotated[
        Status | None, Meta(description="Null where it did not end, or not begin")
    ]
    reason: Annotated[str, Meta(description="Why it was part of the run")]
    attempts: Annotated[int, Meta(description="0 where it did not begin", ge=0)]
    started_at: Moment | None
    ended_at: Moment | None
    seconds: Seconds | None
    error: ErrorName
    message: Text
    hint: Text
    assets: list[AssetResult]
    state: Annotated[
        StateChange | None, Meta(description="Null where a run moved no bookmark")
    ]


class Failure(Struct, frozen=True, kw_only=True):
    """What kept a run from beginning, or ended it beside its steps."""

    error: ErrorName
    message: str
    where: Text
    hint: Text


class RunWindow(Struct, frozen=True, kw_only=True):
    """The span of time that a run was about; its end is not in it any more."""

    start: Moment
    end: Moment


class Result(Struct, frozen=True, kw_only=True):
    """How one call of `elt run` ended."""

    version: Annotated[Literal[1], Meta(description="Of this document's form")]
    run: Annotated[str, Meta(description="The run's id; empty where none began")]
    retry_of: Annotated[
        str | None, Meta(description="The run whose rest this one did; null for others")
    ] = None
    project: Annotated[str, Meta(description="Empty where elt.toml was not readable")]
    environment: str
    status: RunStatus
    exit_code: Annotated[
        int | None, Meta(description="Null where the process never told it")
    ]
    started_at: Moment | None
    ended_at: Moment | None
    seconds: Seconds
    message: Text
    selection: Annotated[
        list[str], Meta(description="Words that chose assets; none: everything")
    ]
    exclude: Annotated[list[str], Meta(description="Words that left assets out")]
    options: Annotated[
        dict[str, Any], Meta(description="All that was asked for, the words too")
    ]
    window: Annotated[
        RunWindow | None,
        Meta(description="Null, or missing, where it was about all that is new"),
    ] = None
    errors: list[Failure]
    steps: Annotated[list[StepResult], Meta(description="In the order of the plan")]

    def assets(self) -> list[AssetResult]:
        return [asset for step in self.steps for asset in step.assets]


def result_schema() -> dict[str, Any]:
    """Give the JSON Schema, draft 2020-12, of the document."""
    schema = msgspec.json.schema(Result)
    definitions = schema["$defs"]
    document = definitions.pop("Result")
    return {"$schema": DIALECT, **document, "title": "elt run", "$defs": definitions}


def as_json(result: Result) -> str:
    """Write the document as it is saved and shown."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n"
