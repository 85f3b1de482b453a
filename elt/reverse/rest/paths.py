"""Places in a JSON answer: `$.results[0].id`, `errors`, `context.ids[0]`, `$`."""

from __future__ import annotations

import re
from typing import Any

from elt.errors import ConfigError

JsonPath = tuple[str | int, ...]
MISSING = object()
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\[\"([^\"]+)\"\]|\['([^']+)'\]")


def read_path(text: str, where: str) -> JsonPath:
    """Read a place. `$` is the whole answer, and needs not be written before others."""
    steps: list[str | int] = []
    rest = text.removeprefix("$")
    end = 0
    for step in _STEP.finditer(rest):
        if step.start() != end:
            break
        name = step.group(1) or step.group(3) or step.group(4)
        steps.append(int(step.group(2)) if name is None else name)
        end = step.end()
    if end != len(rest) or not text:
        raise ConfigError(
            f"`{text}` is no place in JSON",
            where=where,
            hint="Write names with dots, and positions: `$.results`, `ids[0]`",
        )
    return tuple(steps)


def at(path: JsonPath, document: Any) -> Any:
    """Give what is at a place, or MISSING."""
    found = document
    for step in path:
        match found, step:
            case dict(), str() if step in found:
                found = found[step]
            case list(), int() if step < len(found):
                found = found[step]
            case _:
                return MISSING
    return found
