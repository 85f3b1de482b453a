"""The settings that a plugin declares, as a person is asked for them.

Taps and targets declare theirs as JSON Schema in `--about`, destinations in a msgspec
Struct, of which msgspec makes one.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import tomli

from elt.errors import ConfigError
from elt.project.toml_text import key_text, value_text

Kind = Literal["text", "integer", "number", "boolean", "list", "table"]
Path = tuple[str, ...]
Variable = Callable[[Path], str]

# What singer-sdk adds to every tap and target by itself.
OF_THE_SDK = frozenset(
    {
        *("stream_maps", "stream_map_config", "faker_config", "batch_config"),
        *("flattening_enabled", "flattening_max_depth"),
        *("flattening_separator", "flattening_max_key_length"),
    }
)
_KINDS: dict[str, Kind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "table",
}
_EXAMPLES: dict[Kind, object] = {
    "text": "...",
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "list": [],
    "table": {},
}
# What stands for a value that nobody declares: no TOML, so that who takes the `#` away
# cannot set it without a thought.
_OPEN: dict[Kind, str] = {"text": '"..."', "list": "[...]", "table": "{...}"}
_SECRET_NAME = re.compile(
    r"token|secret|passw|pwd|api_?key|private_?key|access_?key|credential|\bdsn\b",
    re.IGNORECASE,
)
_WIDTH = 84
# What a schema says of a setting that is worth a question, though it is not required.
ASKED = "x-elt-ask"
# And which of its settings hold a window, as in `window` of a tap in elt.toml.
WINDOW = "x-elt-window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting; `entry` are those of each table in a table whose names are free."""

    path: Path
    kind: Kind
    description: str = ""
    required: bool = False
    default: object = None
    secret: bool = False
    options: tuple[str, ...] = ()
    entry: tuple[Setting, ...] = ()
    asked: bool = False  # people are asked for it, though it is not required

    @property
    def name(self) -> str:
        return ".".join(self.path)


def declared_settings(schema: Mapping[str, Any]) -> tuple[Setting, ...]:
    """Read the settings of a JSON Schema, the required ones first.

    A required table with settings of its own is given as these.
    """
    root = _referred(schema, schema)
    found = list(_settings(root, schema, ()))
    return tuple(sorted(found, key=lambda setting: not setting.required))


def parse(setting: Setting | None, text: str) -> object:
    """Turn what somebody wrote into a setting's value; an unknown one is guessed.

    Raises ConfigError when it is not of the setting's kind.
    """
    if setting is not None and setting.kind == "text":
        return _one_of(setting, text)
    value = _guessed(text)
    if setting is None or _fits(setting.kind, value):
        return value
    if setting.kind == "list":
        return [part.strip() for part in text.split(",") if part.strip()]
    example = value_text(_EXAMPLES[setting.kind])
    raise ConfigError(
        f"`{setting.name}` must be {_named(setting.kind)}, not `{text}`",
        hint=f"Write it as in `{example}`",
    )


def looks_secret(name: str) -> bool:
    """Guess by its name whether a setting is a secret, where nobody says so."""
    is_about = re.search(
        r"(?:path|url|uri|field|param|type|file|name|style|size|header)s?$",
        name.lower(),
    )
    return bool(_SECRET_NAME.search(name)) and not is_about


def variable_name(kind: str, name: str, path: Sequence[str]) -> str:
    """Name the environment variable of a secret setting: `TAP_CRM_API_KEY`."""
    words = "_".join([kind, name, *path])
    return re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_")


def as_comments(
    settings: Sequence[Setting], table: Mapping[str, Any], variable: Variable
) -> dict[Path, list[str]]:
    """Describe settings as lines to uncomment, by the path of the table they are for.

    `table` is what will stand above them: where it has tables of its own, settings of
    these go there. `variable` names a secret's environment variable.
    """
    comments: dict[Path, list[str]] = {}
    for setting in (s for s in settings if s.path[0] not in OF_THE_SDK):
        place = _place(setting.path, table)
        lines = comments.setdefault(place, [])
        lines += _comment(setting, setting.path[len(place) :], variable)
    sdk = [setting.name for setting in settings if setting.path[0] in OF_THE_SDK]
    if sdk:
        text = f"Of the Singer SDK, too: {', '.join(sdk)}"
        comments.setdefault((), []).extend(textwrap.wrap(text, _WIDTH))
    return comments


def nested(values: Mapping[Path, object]) -> dict[str, Any]:
    """Make tables of values by their paths."""
    tables: dict[str, Any] = {}
    for path, value in values.items():
        table = tables
        for part in path[:-1]:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise ConfigError(f"`{'.'.join(path)}` is inside of something else")
        table[path[-1]] = value
    return tables


def _settings(
    table: Mapping[str, Any], schema: Mapping[str, Any], path: Path
) -> Iterator[Setting]:
    required = table.get("required") or ()
    for name, declared in (table.get("properties") or {}).items():
        about = _referred(declared, schema)
        inner = (*path, str(name))
        if name in required and about.get("properties"):
            yield from _settings(about, schema, inner)
        else:
            yield _setting(inner, about, schema, required=name in required)


def _setting(
    path: Path, about: Mapping[str, Any], schema: Mapping[str, Any], *, required: bool
) -> Setting:
    kind = _kind(about)
    entry = about.get("additionalProperties")
    has_entries = kind == "table" and isinstance(entry, dict)
    marked = about.get("secret") or about.get("writeOnly")
    guessed = kind == "text" and looks_secret(path[-1])
    default = about.get("default")
    return Setting(
        path=path,
        kind=kind,
        description=" ".join(str(about.get("description") or "").split()),
        required=required and default is None,
        default=default,
        secret=bool(marked or guessed) and kind == "text",
        options=tuple(map(str, about.get("enum") or ())),
        entry=tuple(_settings(_referred(entry or {}, schema), schema, ()))
        if has_entries
        else (),
        asked=bool(about.get(ASKED)),
    )


def _referred(node: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Follow a reference and take the first choice that is not null."""
    if not isinstance(node, dict):
        return {}
    if "$ref" in node:
        target = str(node["$ref"]).rpartition("/")[2]
        return _referred({**schema.get("$defs", {}).get(target, {})}, schema)
    for key in ("anyOf", "oneOf"):
        choices = [each for each in node.get(key, ()) if isinstance(each, dict)]
        shaped = [each for each in choices if each.get("type") != "null"]
        if "type" not in node and "properties" not in node and shaped:
            rest = {k: v for k, v in node.items() if k != key}
            return {**_referred(shaped[0], schema), **rest}
    return node


def _kind(about: Mapping[str, Any]) -> Kind:
    types = about.get("type") or ("object" if "properties" in about else "string")
    names = [types] if isinstance(types, str) else [t for t in types if t != "null"]
    return _KINDS.get(names[0] if names else "string", "text")


def _guessed(text: str) -> object:
    for read in (_from_toml, json.loads):
        try:
            value = read(text)
        except ValueError:
            continue
        # A date is text to a tap; so is what is written like one.
        return value if isinstance(value, str | int | float | list | dict) else text
    return text


def _from_toml(text: str) -> object:
    return tomli.loads(f"x = {text}")["x"]


def _fits(kind: Kind, value: object) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "list":
            return isinstance(value, list)
        case "table":
            return isinstance(value, dict)


def _one_of(setting: Setting, text: str) -> str:
    if setting.options and text not in setting.options:
        raise ConfigError(
            f"`{setting.name}` cannot be `{text}`",
            hint="It is one of " + ", ".join(f"`{o}`" for o in setting.options),
        )
    return text


def _named(kind: Kind) -> str:
    names = {"integer": "a whole number", "boolean": "true or false"}
    return names.get(kind, f"a {kind}")


def _place(path: Path, table: Mapping[str, Any]) -> Path:
    """Find the innermost table that will have a header and holds the setting."""
    place: Path = ()
    for part in path[:-1]:
        inner = table.get(part)
        if not isinstance(inner, Mapping):
            break
        place, table = (*place, part), inner
    return place


def told(setting: Setting) -> str:
    """Describe a setting in sentences: what it is, and what it may be."""
    about = setting.description.strip()
    if not setting.options:
        return about
    if about and about[-1] not in ".:;!?":
        about += "."
    return f"{about} One of: {', '.join(setting.options)}.".strip()


def _comment(setting: Setting, key: Path, variable: Variable) -> list[str]:
    needed = "Required. " if setting.required else ""
    about = f"{needed}{told(setting)}".strip()
    default = setting.default
    shown = _OPEN.get(setting.kind, "...") if default is None else value_text(default)
    if setting.secret:
        shown = value_text(f"${{env:{variable(setting.path)}}}")
    lines = textwrap.wrap(about, _WIDTH - 4, max_lines=3, placeholder=" …")
    return [f"{key_text(*key)} = {shown}", *(f"    {x}" for x in lines)]
