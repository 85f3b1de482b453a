"""An object before anything is said about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Blank:
    nulls: str
    others: dict[str, Any] = field(default_factory=dict)

    def made(self) -> dict[str, Any]:
        # What stands inside is shared by all: objects are replaced, never changed.
        return dict.fromkeys(self.nulls.split()) | self.others
