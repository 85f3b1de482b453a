"""What the declarations of all tables of `elt.toml` are made of."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]
Percent = Annotated[float, Meta(ge=0, le=100)]


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of `elt.toml`."""
