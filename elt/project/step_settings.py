"""What a step may be told about being tried again, its time and its turn."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from elt.project.table import DelaySeconds, Name, Seconds, Table

# One declaration each; where a key is left out, the next wider table decides.
Retries = Annotated[
    Annotated[int, Meta(ge=0)] | None,
    Meta(
        description="Further tries after a temporary failure; by default as the next"
        " wider of `[run.taps]`, `[run.syncs]` and `[run]` says",
        examples=[5],
    ),
]
RetryDelaySeconds = Annotated[
    DelaySeconds | None,
    Meta(
        description="First wait before a try; doubles each time, with jitter. By"
        " default as for `retries`"
    ),
]
StepTimeoutSeconds = Annotated[
    Seconds | None,
    Meta(
        description="Longest time of the step, with all its tries. By default as for"
        " `retries`, and in the end `step_timeout_seconds` in `[run]`"
    ),
]
Pool = Annotated[
    Name | None,
    Meta(
        description="A name under `[pools]`: it runs only while there is room in it",
        examples=["crm_api"],
    ),
]
Priority = Annotated[
    int,
    Meta(
        description="Of the steps that could begin, the one with the highest does;"
        " of equals the first in the plan"
    ),
]


class KindTable(Table, frozen=True, kw_only=True):
    """What holds for all steps of a kind that do not say otherwise themselves."""

    retries: Retries = None
    retry_delay_seconds: RetryDelaySeconds = None
    timeout_seconds: StepTimeoutSeconds = None
