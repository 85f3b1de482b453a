"""What steps say, folded as GitHub's and GitLab's logs fold it: a block for each step.

Steps run side by side and a log can neither nest nor mix blocks, so the lines of a
step are held back and written when it ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

Place = Literal["github", "gitlab"]
# Of one step; the run log keeps them all.
LINES_FOLDED = 200

_NO_NAME = re.compile(r"[^a-zA-Z0-9_.-]+")


class Folds:
    """Holds lines back by step, and gives each step's as one block."""

    def __init__(self, place: Place, unix_time: Callable[[], float]) -> None:
        self._place = place
        self._unix_time = unix_time
        self._held: dict[str, list[str]] = {}

    def safe(self, line: str) -> str:
        """Give a line that is not held back as this log may have it."""
        return disarmed(line) if self._place == "github" else line

    def hold(self, step: str, line: str) -> None:
        self._held.setdefault(step, []).append(line)

    def block(self, step: str) -> Iterator[str]:
        """Give what was held back of a step, once; nothing where it said nothing."""
        lines = self._held.pop(step, [])
        if not lines:
            return
        title = f"{step}: what it said"
        if self._place == "github":
            yield from _group(title, lines)
        else:
            yield from self._section(step, title, lines)

    def rest(self) -> Iterator[str]:
        """Give what is left of steps that never ended."""
        for step in list(self._held):
            yield from self.block(step)

    def _section(self, step: str, title: str, lines: Sequence[str]) -> Iterator[str]:
        name, now = f"elt_{_NO_NAME.sub('_', step)}", int(self._unix_time())
        erase = "\r\x1b[0K"
        start = f"section_start:{now}:{name}[collapsed=true]{erase}"
        yield f"\x1b[0K{start}{title}"
        yield from lines
        yield f"\x1b[0Ksection_end:{now}:{name}{erase}"


def _group(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"::group::{title}"
    yield from (disarmed(line) for line in lines)
    yield "::endgroup::"


def disarmed(line: str) -> str:
    """Keep what data says from being a command to GitHub's runner.

    It obeys lines that begin with `::`, and `##[` anywhere in one.
    """
    line = line.replace("##[", "## [")
    start = len(line) - len(line.lstrip())
    is_command = line.startswith("::", start)
    return f"{line[:start]}: :{line[start + 2 :]}" if is_command else line
