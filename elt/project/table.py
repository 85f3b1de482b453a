"""What the declarations of all tables of `elt.toml` are made of."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=1)]
# Three weeks, which databases can still count in milliseconds. What is longer, `inf`
# first of all, is a slip of the hand; what has no limit has no key.
LONGEST_SECONDS = 2_000_000
Seconds = Annotated[float, Meta(gt=0, le=LONGEST_SECONDS)]
# A step that waits longer before it tries again keeps the run, and its lock.
DelaySeconds = Annotated[float, Meta(ge=0, le=86_400)]
SecondsFromZero = Annotated[float, Meta(ge=0, le=LONGEST_SECONDS)]
Percent = Annotated[float, Meta(ge=0, le=100)]
MaxAge = Annotated[
    Name | None,
    Meta(
        description="How long ago its last good result may be before it counts as"
        " stale: `elt status --fail-if-stale`, and `on_stale` of syncs",
        examples=["26h"],
        extra_json_schema={"pattern": r"^(\d+(\.\d+)?[smhdw])+$"},
    ),
]


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of `elt.toml`."""
