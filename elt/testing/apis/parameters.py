"""What may be asked: parameters of a call, declared, so that all others are refused.

    PAGE = (Parameter("limit", whole(1, 100)), Parameter("after", text))
    found = read(request.query_params.multi_items(), PAGE)

Each vendor says in its own words what is wrong; here is only what it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


class Wrong(Exception):
    """A parameter that the vendor refuses: its name, what it was, and why."""

    def __init__(self, name: str, value: str, why: str) -> None:
        super().__init__(f"{name}={value}: {why}")
        self.name = name
        self.value = value
        self.why = why


Read = Callable[[str], Any]  # raises ValueError with the reason


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: how its text is read, and whether it may come more than once.

    The name of one that `repeats` is read with and without `[]` and `[0]` behind it.
    """

    name: str
    read: Read
    repeats: bool = False
    is_required: bool = False


def read(
    given: Iterable[tuple[str, str]], declared: Sequence[Parameter]
) -> dict[str, Any]:
    """Read what was given; of a parameter that repeats, a list.

    Raises Wrong for a parameter that is unknown, doubled, missing or unreadable.
    """
    known = {parameter.name: parameter for parameter in declared}
    found: dict[str, Any] = {}
    for name, text in given:
        parameter = known.get(name) or _repeating(known, name)
        if parameter is None:
            raise Wrong(name, text, "unknown")
        value = _value(parameter, name, text)
        if parameter.repeats:
            found.setdefault(parameter.name, []).append(value)
        elif parameter.name in found:
            raise Wrong(name, text, "given twice")
        else:
            found[parameter.name] = value
    for parameter in declared:
        if parameter.is_required and parameter.name not in found:
            raise Wrong(parameter.name, "", "missing")
    return found


def _repeating(known: dict[str, Parameter], name: str) -> Parameter | None:
    bare, bracket, _ = name.partition("[")
    parameter = known.get(bare)
    return parameter if bracket and parameter and parameter.repeats else None


def _value(parameter: Parameter, name: str, text: str) -> Any:
    try:
        return parameter.read(text)
    except ValueError as error:
        raise Wrong(name, text, str(error)) from None


def text(value: str) -> str:
    """Take any text but an empty one."""
    if not value:
        raise ValueError("empty")
    return value


def whole(least: int | None = None, most: int | None = None) -> Read:
    """Take a whole number, between these where they are given."""

    def read_whole(value: str) -> int:
        if not re.fullmatch(r"-?[0-9]+", value):
            raise ValueError("not a whole number")
        number = int(value)
        if least is not None and number < least:
            raise ValueError(f"less than {least}")
        if most is not None and number > most:
            raise ValueError(f"more than {most}")
        return number

    return read_whole


def flag(value: str) -> bool:
    if value not in {"true", "false"}:
        raise ValueError("not true or false")
    return value == "true"


def one_of(*choices: str) -> Read:
    def read_choice(value: str) -> str:
        if value not in choices:
            raise ValueError(f"not one of {', '.join(choices)}")
        return value

    return read_choice


def listed(value: str) -> list[str]:
    """Take a list with commas."""
    return [part.strip() for part in value.split(",") if part.strip()]


def moment(value: str) -> datetime:
    """Take a moment in ISO 8601; one without a zone is in UTC."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("not a moment in ISO 8601") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
