"""How long something lasts, as people write it: `90s`, `10m`, `1h30m`, `2d`, `1w`."""

from __future__ import annotations

import re
from datetime import timedelta

from elt.errors import ConfigError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_DAYS = timedelta.max.days
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


def seconds_of(text: str) -> float:
    """Read a duration. Raises ConfigError when it is none."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ConfigError(
            f"`{text}` is no duration",
            hint="Write a number and a unit: `90s`, `10m`, `1h30m`, `2d` or `1w`",
        )
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds > _LONGEST_DAYS * _UNITS["d"]:
        raise ConfigError(f"`{text}` is longer than {_LONGEST_DAYS} days")
    return seconds
