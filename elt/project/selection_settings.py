"""What `[selections]` may say: choices that have a name."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from elt.project.table import Name, Table


class SelectionTable(Table, frozen=True, kw_only=True):
    """A choice with a name: `selector:NAME` stands for it wherever words choose."""

    select: Annotated[
        Name | list[str],
        Meta(
            description="Words as after `elt run`, in one text or several",
            examples=["tap:stripe+,tag:finance"],
        ),
    ]
    exclude: Annotated[
        str | list[str],
        Meta(description="Words for what is left out of it"),
    ] = field(default_factory=list)
    description: Annotated[str, Meta(description="What it is for")] = ""
