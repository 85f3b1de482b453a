"""`$NAME` in Meltano's texts: what it stands for, and what stays a reference.

A value that `.env` holds stays there, and elt.toml refers to it. What meltano.yml
itself says of a variable is written out, and so is what cannot be a secret of elt:
numbers, and texts of fewer than six letters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from elt.project.plugin_settings import looks_secret
from elt.remote.masking import SHORTEST

_VARIABLE = re.compile(r"(\\)?\$(?:\{(\w+)\}|([A-Z][A-Z0-9_]*))")
_TRUE = frozenset({"true", "1", "yes", "t"})
_FALSE = frozenset({"false", "0", "no", "f"})


@dataclass(frozen=True, slots=True)
class Definition:
    """What is known of a setting: from the lock file or from meltano.yml."""

    name: str
    kind: str = ""
    secret: bool = False
    value: Any = None
    env: tuple[str, ...] = ()


@dataclass(slots=True)
class Variables:
    """`known` are written out, those of `dotenv` referred to; `missing` are in neither.

    `short` are secrets that elt refuses, because they cannot be hidden.
    """

    known: Mapping[str, str]
    dotenv: Mapping[str, str]
    missing: set[str] = field(default_factory=set)
    short: set[str] = field(default_factory=set)

    def expand(self, value: Any, definition: Definition) -> Any:
        """Write a value as elt.toml has it."""
        match value:
            case str():
                return self._expand_text(value, definition)
            case Mapping():
                inner = Definition(definition.name)
                return {
                    str(k): self.expand(v, inner)
                    for k, v in value.items()
                    if v is not None
                }
            case list():
                inner = Definition(definition.name)
                return [self.expand(each, inner) for each in value if each is not None]
            case _:
                return value

    def plain(self, text: str) -> str:
        """Write out what can be, for places where elt takes no references."""
        return _VARIABLE.sub(self._plain, text)

    def refer(self, name: str, definition: Definition) -> Any:
        """Give the value of a variable for a setting: a reference, or written out."""
        if name in self.known:
            value = self._without(name).expand(self.known[name], definition)
            return cast(value, definition.kind) if isinstance(value, str) else value
        told = self.dotenv.get(name)
        if told is None:
            self.missing.add(name)
            return f"${{env:{name}}}"
        value = cast(told, definition.kind)
        is_secret = definition.secret or looks_secret(name)
        if is_secret and len(told) < SHORTEST:
            self.short.add(name)
        if isinstance(value, str) and (is_secret or len(told) >= SHORTEST):
            return f"${{env:{name}}}"
        return value

    def _without(self, name: str) -> Variables:
        """Leave a variable out while its own value is read: it may name itself."""
        known = {key: value for key, value in self.known.items() if key != name}
        return replace(self, known=known)

    def _expand_text(self, text: str, definition: Definition) -> Any:
        whole = _VARIABLE.fullmatch(text)
        if whole and not whole[1]:
            return self.refer(whole[2] or whole[3], definition)
        pieces: list[str] = []
        end = 0
        for match in _VARIABLE.finditer(text):
            pieces.append(escaped(text[end : match.start()]))
            end = match.end()
            name = match[2] or match[3]
            if match[1]:
                pieces.append(escaped(match.group()[1:]))
            else:
                pieces.append(str(self.refer(name, Definition(definition.name))))
        return "".join(pieces) + escaped(text[end:])

    def _plain(self, match: re.Match[str]) -> str:
        if match[1]:
            return match.group()[1:]
        name = match[2] or match[3]
        if name in self.known:
            return self._without(name).plain(self.known[name])
        value = self.dotenv.get(name)
        if value is None:
            self.missing.add(name)
            return match.group()
        return value


def escaped(text: str) -> str:
    """Let `${` stand for itself."""
    return text.replace("${", "$${")


def cast(text: str, kind: str) -> Any:
    """Read a variable's text as a setting of that kind; what cannot be stays text."""
    with suppress(ValueError):
        match kind:
            case "integer":
                return int(text)
            case "decimal" | "number":
                return float(text)
            case "array" | "object":
                return json.loads(text)
            case "boolean" if text.lower() in _TRUE | _FALSE:
                return text.lower() in _TRUE
    return text


def variable_of(*names: str) -> str:
    """Name a setting's variable as Meltano does: `TAP_CRM_API_KEY`."""
    return "_".join(re.sub(r"[^A-Za-z0-9]", "_", name).upper() for name in names)
