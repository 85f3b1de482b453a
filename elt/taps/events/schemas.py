"""JSON schemas: ours and the user's, each compiled once.

jsonschema-rs judges an event in under a microsecond and never reaches for the network
here: a `$ref` to another place is a mistake in the schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import jsonschema_rs

from elt.errors import ConfigError

_MOST_REASONS = 10
_LONGEST_REASON = 300
_DRAFTS: tuple[tuple[str, type[jsonschema_rs.Validator]], ...] = (
    ("draft-06", jsonschema_rs.Draft6Validator),
    ("draft-07", jsonschema_rs.Draft7Validator),
    ("2019-09", jsonschema_rs.Draft201909Validator),
    ("2020-12", jsonschema_rs.Draft202012Validator),
)


class Judge:
    """One compiled schema."""

    def __init__(self, schema: Mapping[str, Any], *, where: str = "") -> None:
        """Compile a schema; raises ConfigError, with `where`, if it is none."""
        draft = str(schema.get("$schema", ""))
        # Iglu's own meta-schema is draft 4 with a `self`.
        kind = next(
            (kind for name, kind in _DRAFTS if name in draft),
            jsonschema_rs.Draft4Validator,
        )
        plain = {k: v for k, v in schema.items() if k not in ("$schema", "self")}
        try:
            self._validator = kind(plain, validate_formats=True, retriever=_refuse)
        except (ValueError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            raise ConfigError(
                f"a JSON schema is not valid: {reason}", where=where
            ) from (error)
        self.fits = self._validator.is_valid

    def reasons(self, value: object, *, under: str = "") -> list[str]:
        """Say what is wrong, each with its path from `under`; empty if nothing is."""
        if self.fits(value):
            return []
        found = []
        for error in self._validator.iter_errors(value):
            path = ".".join(filter(None, [under, *map(str, error.instance_path)]))
            text = f"{path}: {error.message}" if path else error.message
            found.append(shortened(text))
            if len(found) == _MOST_REASONS:
                found.append("and more")
                break
        return found


def shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"


def merged_properties(schemas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give a nullable column for each property that any of the schemas declares."""
    found: dict[str, dict[str, Any]] = {}
    for schema in schemas:
        for name, declared in (schema.get("properties") or {}).items():
            column = _column(declared)
            known = found.setdefault(name, column)
            if known != column:
                found[name] = _wider(known, column)
    return found


_EVERY = ("object", "array", "string", "number", "integer", "boolean")


def _column(declared: object) -> dict[str, Any]:
    types = _types(declared) if isinstance(declared, Mapping) else ()
    if not types:
        return {"type": ["null", *_EVERY]}
    column: dict[str, Any] = {"type": ["null", *types]}
    assert isinstance(declared, Mapping)  # noqa: S101  it has types
    if types == ["string"] and declared.get("format") in ("date-time", "date"):
        column["format"] = declared["format"]
    if "integer" in types:
        bounds = {k: declared[k] for k in ("minimum", "maximum") if k in declared}
        column |= bounds
    if types == ["number"] and "multipleOf" in declared:
        column["multipleOf"] = declared["multipleOf"]
    return column


def _types(declared: Mapping[str, Any]) -> list[str]:
    told = declared.get("type")
    if told is None and isinstance(declared.get("enum"), list):
        texts = all(one is None or isinstance(one, str) for one in declared["enum"])
        return ["string"] if texts else []
    listed = told if isinstance(told, list) else [told]
    types = [name for name in listed if name in _EVERY]
    return types if len(types) == len([one for one in listed if one != "null"]) else []


def _wider(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    types = dict.fromkeys([*one["type"], *other["type"]])
    return {"type": list(types)}


def _refuse(uri: str) -> NoReturn:
    raise ValueError(f"`{uri}` lies elsewhere, and nothing is fetched")
