"""The JSON Schema of `elt.toml`, by which editors complete and check it."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

import msgspec

from elt.project.settings import File

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OVERLAY = "Overlay"
_NULL = {"type": "null"}


def json_schema() -> dict[str, Any]:
    """Give a schema of draft 2020-12, from the declarations that check the file.

    It knows keys, types and ranges, not which of them go together: `elt check` does.
    """
    definitions: dict[str, Any] = _for_toml(msgspec.json.schema(File)["$defs"])
    file = definitions.pop("File")
    _add_overlays(file["properties"], definitions)
    return {
        "$schema": DIALECT,
        "title": "elt.toml",
        **{key: value for key, value in file.items() if key != "title"},
        "$defs": definitions,
    }


def _for_toml(node: Any) -> Any:
    """Take out what TOML cannot say, null, and tidy descriptions."""
    match node:
        case {"anyOf": list(options), **rest} if _NULL in options:
            others = [option for option in options if option != _NULL]
            choice = others[0] if len(others) == 1 else {"anyOf": others}
            return _for_toml({**choice, **rest})
        case dict():
            return {
                key: _for_toml(value) if key != "description" else _tidy(value)
                for key, value in node.items()
                if not (key == "default" and value is None)
            }
        case list():
            return [_for_toml(entry) for entry in node]
        case _:
            return node


def _tidy(description: object) -> object:
    return cleandoc(description) if isinstance(description, str) else description


def _add_overlays(file: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Let environments hold parts of tables: the same keys, none of them needed."""
    for name in list(definitions):
        definitions[name + _OVERLAY] = _overlay(definitions[name])
    laid_over = definitions["EnvironmentTable"]["properties"]
    for key, table in laid_over.items():
        laid_over[key] = _overlay(file[key]) | {"description": table["description"]}
    for name in ("ProjectTable", "EnvironmentTable"):
        del definitions[name + _OVERLAY]


def _overlay(node: Any) -> Any:
    match node:
        case dict():
            return {
                key: value + _OVERLAY if key == "$ref" else _overlay(value)
                for key, value in node.items()
                if not (key == "default" or (key, type(value)) == ("required", list))
            }
        case list():
            return [_overlay(entry) for entry in node]
        case _:
            return node
