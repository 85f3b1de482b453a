"""What a tap says on stderr while it works: its levels, and what tells of a wait.

Taps log with singer-sdk, singer-python or pipelinewise-singer, and wait with `backoff`,
`tenacity`, urllib3, or our own taps' words.
"""

from __future__ import annotations

import re

# Before the message: singer-sdk's `time | LEVEL | logger | `, also without the level;
# singer-python's `LEVEL `; pipelinewise's `time=... name=... level=LEVEL message=`.
_LEVEL = r"(DEBUG|INFO|WARNING|ERROR|CRITICAL)"
_FRONT = re.compile(
    rf"[\d:., T-]+\| {_LEVEL} *\| [^|]*\| |(time=.* )?level={_LEVEL} message="
    rf"|([\d:., T-]+ )?{_LEVEL}[: -]+"
)
_WAIT = re.compile(
    r"waiting [\d.]+ s before try"
    r"|backing off\b"
    r"|\bretrying\b.*\b(in [\d.]+|after connection broken|total=\d)"
    r"|\b(sleep|wait)(ing)?\b.* \d+(\.\d+)? ?(s|sec|secs|seconds?|minutes?)\b",
    re.IGNORECASE,
)
# A moment with its fraction, which looks like a status; singer-python's METRIC.
_TIME = re.compile(r"\b(\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d([.,]\d+)?")
_METRIC = re.compile(r"METRIC\b")


def said_of_a_wait(line: str) -> str:
    """Give the words of a line by which a tap says that it waits; empty for others."""
    front = _FRONT.match(line)
    message = line[front.end() :] if front else line
    return message if _WAIT.search(message) else ""


def warned_of(line: str) -> str:
    """Give the words of a line whose level is that of warnings; empty for others."""
    front = _FRONT.match(line)
    return line[front.end() :] if front and "WARNING" in front.groups() else ""


def is_narration(line: str) -> bool:
    """Say whether a line tells only what goes on: by its level, or as a METRIC."""
    front = _FRONT.match(line)
    levels = front.groups() if front else ()
    message = line[front.end() :] if front else line
    return bool({"INFO", "DEBUG"} & {*levels}) or _METRIC.match(message) is not None


def without_times(line: str) -> str:
    return _TIME.sub("", line)
