"""What a tap or target tells of itself, `--about --format=json`: its settings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elt.errors import EltError
from elt.project.nearest import nearest
from elt.singer.process import TapProcess, TapProgram, read_all


@dataclass(frozen=True, slots=True)
class About:
    """`settings` is a JSON Schema; a program that tells nothing has none.

    `problem` is what a program said that has no such option, or that is broken.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    problem: str = ""

    @property
    def is_told(self) -> bool:
        return not self.problem

    def unknown(self, names: Iterable[str]) -> dict[str, str | None]:
        """Give the settings that it does not tell of, each with the nearest it does."""
        known = self.settings.get("properties")
        if not known or not isinstance(known, dict):
            return {}
        return {name: nearest(name, known) for name in names if name not in known}


def fetch_about(program: TapProgram, *, timeout_seconds: float = 60.0) -> About:
    """Ask a program for its settings; taps made with singer-python cannot say."""
    arguments = ["--about", "--format=json"]
    try:
        with TapProcess(program, arguments, lambda _: None) as asked:
            told = read_all(asked, time.monotonic() + timeout_seconds)
            asked.wait(timeout_seconds)
    except EltError as error:
        return About(problem=error.what)
    return _about(told) or About(problem=_last_line(asked.last_lines))


def _about(output: bytes) -> About | None:
    text = output.decode("utf-8", "replace")
    start = text.find("{")
    try:
        document, _ = json.JSONDecoder().raw_decode(text[max(start, 0) :])
    except ValueError:
        return None
    settings = document.get("settings") if isinstance(document, dict) else None
    if not isinstance(settings, dict):
        return None
    return About(settings, str(document.get("version") or ""))


def _last_line(lines: Sequence[str]) -> str:
    return lines[-1].strip()[:300] if lines else "it said nothing"
