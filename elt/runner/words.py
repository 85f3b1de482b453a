"""The grammar of selections: what one word says, before anybody looks what it means.

A word is a method and a pattern, `tag:finance`, `model:stg_*`, or a bare name; a `+`
before it takes what it needs too, a `+` behind it what needs it, and a number beside
the `+` says how far. `@` takes all that needs it, and all that any of these need.
A space joins, a comma cuts: `tap:stripe+,tag:finance`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from elt.errors import ConfigError

_WORD = re.compile(
    r"(?:(?P<around>@)|(?P<up>\d*)\+)?"
    r"(?:(?P<method>[a-z_]+):)?(?P<pattern>[^+@][^+]*?)(?<!:)"
    r"(?:\+(?P<down>\d*))?"
)
_EVERYTHING = -1


@dataclass(frozen=True, slots=True)
class Word:
    """One word, read: `up` and `down` are depths, 0 for none, -1 for no limit.

    `around` stands for `@`: all that needs it, and all that any of these need.
    """

    text: str
    method: str | None
    pattern: str
    up: int = 0
    down: int = 0
    around: bool = False

    @property
    def plain(self) -> str:
        """The word without its operators, as an error repeats it."""
        return f"{self.method}:{self.pattern}" if self.method else self.pattern

    @property
    def is_glob(self) -> bool:
        return any(sign in self.pattern for sign in "*?[")


def read_word(text: str) -> Word:
    """Read one word; raises ConfigError for one that is none."""
    found = _WORD.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"`{text}` is not a selection",
            hint="Write a name, `+name`, `name+`, `2+name+1`, `@name`, or a method as"
            " in `tag:daily`",
        )
    if found["around"] and found["down"] is not None:
        raise ConfigError(
            f"`{text}` has an `@` before it and a `+` behind it",
            hint="`@` takes all that needs it already; leave the `+` out",
        )
    return Word(
        text,
        found["method"],
        found["pattern"],
        up=_depth(found["up"]),
        down=_depth(found["down"]),
        around=found["around"] is not None,
    )


def split(texts: str | Iterable[str]) -> list[str]:
    """Part texts into words; what a comma joins is one word here."""
    texts = [texts] if isinstance(texts, str) else texts
    return [word for text in texts for word in text.split()]


def parts(word: str) -> list[Word]:
    """Read what a comma joins; raises ConfigError where it has nothing to join."""
    found = word.split(",")
    if not all(found):
        raise ConfigError(
            f"`{word}` has a comma with nothing on one side of it",
            hint="It joins two words without a space: `tap:crm+,tag:sales`",
        )
    return [read_word(part) for part in found]


def check_given(*arguments: Iterable[str]) -> None:
    """Refuse arguments that hold no word: they would choose everything."""
    for texts in arguments:
        if any(not text.split() for text in texts):
            raise ConfigError(
                "a selection is empty",
                hint="Is a variable not set? To choose everything, leave the argument"
                " out",
            )


def limit(depth: int) -> int | None:
    """Give a depth as the graph takes it, None for no limit."""
    return None if depth == _EVERYTHING else depth


def _depth(digits: str | None) -> int:
    if digits is None:
        return 0
    return int(digits) if digits else _EVERYTHING
