"""A plugin as it runs: what it inherits, what an environment lays over it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from elt.project.meltano.source import Plugin, Source, merged
from elt.project.meltano.variables import Definition, variable_of
from elt.project.plugin_settings import looks_secret

_DEPTH = 10  # of inheritance; more is a circle
_OPTIONS_WITH_VALUE = frozenset(
    {
        *("-c", "--constraint", "-i", "--index-url", "--extra-index-url"),
        *("-f", "--find-links", "--trusted-host", "-r", "--requirement"),
    }
)
# The packages of variants that Meltano's hub knows and that are not called as the tap.
_VARIANTS = {
    "meltanolabs": "git+https://github.com/MeltanoLabs/{}.git",
    "transferwise": "pipelinewise-{}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A plugin with all that was laid over it; `prefixes` are of its variables."""

    kind: str
    name: str
    told: Mapping[str, Any]
    definitions: Mapping[str, Definition]
    prefixes: tuple[str, ...]

    @property
    def namespace(self) -> str:
        return str(self.told.get("namespace") or self.name.replace("-", "_"))

    @property
    def config(self) -> dict[str, Any]:
        """The settings, flat, the defaults of the definitions among them."""
        defaults = {
            d.name: d.value
            for d in self.definitions.values()
            if d.value not in (None, "") and not d.name.startswith("_")
        }
        told = _flat(self.told.get("config") or {}, self.definitions)
        return {k: v for k, v in (defaults | told).items() if not k.startswith("_")}

    def own(self, name: str) -> Any:
        """Give one of Meltano's own settings of a plugin, as `select`."""
        inside = (self.told.get("config") or {}).get(f"_{name}")
        return self.told.get(name, inside)

    def definition(self, setting: str) -> Definition:
        return self.definitions.get(setting) or Definition(
            setting, secret=looks_secret(setting)
        )


def resolve(source: Source, plugin: Plugin, environment: str | None) -> Resolved:
    """Take the chain of what a plugin inherits, each laid over by the environment."""
    chain = list(_chain(source, plugin))
    told: dict[str, Any] = {}
    definitions: dict[str, Definition] = {}
    for each in reversed(chain):
        own = {k: v for k, v in each.told.items() if k not in _NOT_INHERITED}
        overlay = _overlay(source, each, environment)
        told = merged(merged(merged(_program(each.locked), told), own), overlay)
        definitions |= _definitions(each.locked)
        definitions |= _definitions(each.told)
    if "namespace" in plugin.told:
        told["namespace"] = plugin.told["namespace"]
    return Resolved(
        kind=plugin.kind,
        name=plugin.name,
        told=told,
        definitions=definitions,
        prefixes=tuple(variable_of(each.name) for each in chain),
    )


_NOT_INHERITED = frozenset({"name", "inherit_from", "namespace", "label", "settings"})


def requirements(pip_url: str) -> tuple[str, list[str]]:
    """Take the requirements out of a `pip_url`, and the options that were among them.

    The one that is named as a tap or target comes first: it brings the program.
    """
    kept: list[str] = []
    dropped: list[str] = []
    words = iter(_words(pip_url))
    for word in words:
        if word in {"-e", "--editable"}:
            kept.append(next(words, ""))
        elif word in _OPTIONS_WITH_VALUE:
            dropped.append(f"{word} {next(words, '')}".strip())
        elif word.startswith("-"):
            dropped.append(word)
        else:
            kept.append(word)
    first = next((w for w in kept if re.search(r"\b(?:tap|target)[-_]", w)), None)
    if first is not None:
        kept.remove(first)
        kept.insert(0, first)
    return " ".join(_quoted(word) for word in kept if word), dropped


def guessed_package(plugin: Resolved) -> str:
    """Guess the package of a plugin that only Meltano's hub describes."""
    name = str(plugin.told.get("inherit_from") or plugin.name)
    pattern = _VARIANTS.get(str(plugin.told.get("variant") or ""), "{}")
    return pattern.format(name)


def _chain(source: Source, plugin: Plugin) -> Iterator[Plugin]:
    seen: Plugin | None = plugin
    for _ in range(_DEPTH):
        if seen is None:
            return
        yield seen
        seen = source.plugins.get((seen.kind, seen.parent or ""))


def _overlay(
    source: Source, plugin: Plugin, environment: str | None
) -> Mapping[str, Any]:
    laid_over = source.environments.get(environment or "", {})
    plugins = (laid_over.get("config") or {}).get("plugins") or {}
    for each in plugins.get(plugin.kind) or ():
        if isinstance(each, dict) and each.get("name") == plugin.name:
            return {k: v for k, v in each.items() if k not in _NOT_INHERITED}
    return {}


def _program(locked: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("pip_url", "executable", "namespace", "variant")
    return {key: locked[key] for key in keys if locked.get(key)}


def _definitions(about: Mapping[str, Any]) -> dict[str, Definition]:
    found = about.get("settings")
    entries = found if isinstance(found, list) else []
    return {
        str(each["name"]): _definition(each)
        for each in entries
        if isinstance(each, dict) and each.get("name")
    }


def _definition(about: Mapping[str, Any]) -> Definition:
    name = str(about["name"])
    kind = str(about.get("kind") or "")
    marked = about.get("sensitive") or kind in {"password", "oauth"}
    told = about.get("env_aliases")
    aliases = told if isinstance(told, list) else []
    return Definition(
        name,
        kind=kind,
        secret=bool(marked) or (kind in {"", "string"} and looks_secret(name)),
        value=about.get("value"),
        env=tuple(str(each) for each in [about.get("env"), *aliases] if each),
    )


def _flat(
    table: Mapping[str, Any], definitions: Mapping[str, Definition], path: str = ""
) -> dict[str, Any]:
    """Write nested settings with dots where a definition does so, too."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{path}{key}"
        inside = any(known.startswith(f"{name}.") for known in definitions)
        if isinstance(value, Mapping) and inside:
            flat |= _flat(value, definitions, f"{name}.")
        else:
            flat[name] = value
    return flat


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _quoted(word: str) -> str:
    return shlex.quote(word) if re.search(r"[\s;'\"]", word) else word
