"""What a tap or target tells of itself, `--about --format=json`: its settings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elt.singer.process import TapProgram, bound_to_parent


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


def fetch_about(program: TapProgram, *, timeout_seconds: float = 60.0) -> About:
    """Ask a program for its settings; taps made with singer-python cannot say."""
    command = [*program.argv, "--about", "--format=json"]
    try:
        done = subprocess.run(
            bound_to_parent(command),
            cwd=program.cwd,
            env=dict(program.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
        )
    except OSError as error:
        return About(problem=f"it cannot be started: {error.strerror}")
    except subprocess.TimeoutExpired:
        return About(problem=f"it did not answer within {timeout_seconds:g} seconds")
    return _about(done.stdout) or About(problem=_last_line(done.stderr))


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


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:300] if lines else "it said nothing"
