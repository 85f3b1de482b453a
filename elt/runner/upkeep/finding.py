"""What a look at a project found: how grave, what, where, and the way out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from elt.project.secrets import Secrets
from elt.project.settings import Project

Level = Literal["ok", "note", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    A `problem` stops runs or loses something, a `warning` will, or surprises somebody;
    a `note` is good to know. `fix` is a command or a sentence, empty where all is well.
    """

    level: Level
    area: str
    what: str
    where: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is looked at: as much of a project as can be read."""

    root: Path | None = None
    project: Project | None = None
    secrets: Secrets | None = field(default=None, repr=False)
    deep: bool = False

    @property
    def private_dir(self) -> Path | None:
        return None if self.root is None else self.root / ".elt"
