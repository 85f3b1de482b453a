"""What an import took over, what it could not, and what is in whose hands now."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Report:
    """Lines for a person, each once. `secrets` go into `.env`, by variable."""

    taken: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    schedules: list[str] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)

    def leave(self, what: str, hint: str = "") -> None:
        self.left.setdefault(what, hint)

    def take(self, what: str, where: str) -> None:
        self.taken.setdefault(what, where)


@dataclass(frozen=True, slots=True)
class Move:
    """From the folder of meltano.yml to the one of elt.toml."""

    root: Path
    into: Path

    @property
    def is_in_place(self) -> bool:
        return self.root == self.into

    def path(self, text: str) -> str:
        """Write a path of the Meltano project as elt.toml has it, if it is one."""
        if self.is_in_place or not self._is_there(text):
            return text
        return str(self.root / text)

    def _is_there(self, text: str) -> bool:
        relative = "/" in text and "://" not in text and not text.startswith("/")
        try:
            return relative and (self.root / text).exists()
        except OSError:  # a text that is much longer than a path
            return False
