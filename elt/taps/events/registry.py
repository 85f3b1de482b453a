"""The user's own JSON schemas: a folder in Iglu's layout, and a tracking plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from elt.errors import ConfigError
from elt.taps.events.found import Record
from elt.taps.events.names import column_names, snake
from elt.taps.events.schemas import Judge, merged_properties

_URI = re.compile(
    r"iglu:(?P<vendor>[a-zA-Z0-9_.-]+)/(?P<name>[a-zA-Z0-9_-]+)/[a-zA-Z0-9_-]+/"
    r"(?P<version>\d+-\d+-\d+)"
)
_VERSION = re.compile(r"(\d+)-(\d+)-(\d+)(\.json)?")


@dataclass(frozen=True, slots=True)
class Entity:
    """A schema that data names: `iglu:com.acme/thing/jsonschema/1-0-0`."""

    vendor: str
    name: str
    version: str

    @property
    def table(self) -> str:
        """Give vendor, name and major version as Snowplow's tables have them."""
        model = self.version.partition("-")[0]
        return f"{snake(self.vendor)}_{snake(self.name)}_{model}"


@lru_cache(maxsize=4096)
def table_of(uri: object) -> str | None:
    """Name the table for data with a schema's address; None where it is none."""
    entity = entity_of(uri)
    return entity.table if entity else None


@lru_cache(maxsize=4096)
def entity_of(uri: object) -> Entity | None:
    """Read a schema's address; None where it is none."""
    match = _URI.fullmatch(uri) if isinstance(uri, str) else None
    return Entity(**match.groupdict()) if match else None


class TypedColumns:
    """The columns that some schemas give to the data of one table."""

    def __init__(
        self, schemas: Iterable[Mapping[str, Any]], taken: Iterable[str]
    ) -> None:
        found = merged_properties(list(schemas))
        self._names = column_names(found, taken)
        self.properties = {self._names[k]: found[k] for k in sorted(found)}
        self._judge = Judge({"properties": found})

    def spread(self, data: object, rest: str) -> Record:
        """Give a value for each column; under `rest` what has no column, if anything.

        Data that does not have the columns' types (of a version of the schema that
        nobody has given us) stays together under `rest`.
        """
        if not isinstance(data, dict) or not self._judge.fits(data):
            return {rest: data}
        names = self._names
        record = {names[k]: v for k, v in data.items() if k in names}
        if len(record) < len(data):
            record[rest] = {k: v for k, v in data.items() if k not in names}
        return record


class Registry:
    """Schemas by entity; those of one table are together for its columns."""

    def __init__(self, schemas: Mapping[Entity, Mapping[str, Any]]) -> None:
        """Compile all; raises ConfigError for one that is not valid."""
        self._judges = {
            entity: Judge(
                schema,
                where=f"schema {entity.vendor}/{entity.name}"
                f"/jsonschema/{entity.version}",
            )
            for entity, schema in schemas.items()
        }
        self.schemas = len(schemas)
        self._tables: dict[str, list[tuple[Entity, Mapping[str, Any]]]] = {}
        for entity in sorted(schemas, key=lambda one: _order(one.version)):
            pair = (entity, schemas[entity])
            self._tables.setdefault(entity.table, []).append(pair)

    def judge(self, entity: Entity) -> Judge | None:
        return self._judges.get(entity)

    def newest(self, table: str) -> Entity | None:
        """Give the newest schema that writes a table, where only its name is known."""
        found = self._tables.get(table)
        return found[-1][0] if found else None

    def columns(self, table: str, taken: Iterable[str]) -> TypedColumns | None:
        found = self._tables.get(table)
        return TypedColumns((s for _, s in found), taken) if found else None


def read_registry(folder: Path | None) -> Registry:
    """Read all `vendor/name/jsonschema/1-0-0` below a folder.

    Raises ConfigError when there is none, or when one is not a JSON schema.
    """
    if folder is None:
        return Registry({})
    if not folder.is_dir():
        raise ConfigError(
            "`schemas` is not a folder",
            where=str(folder),
            hint="A path is from the project; schemas lie in it as in an Iglu registry",
        )
    found: dict[Entity, Mapping[str, Any]] = {}
    for path in sorted(folder.glob("**/jsonschema/*")):
        match = _VERSION.fullmatch(path.name)
        if match and path.is_file():
            *_, vendor, name, _, _ = path.absolute().parts
            version = path.name.removesuffix(".json")
            found[Entity(vendor, name, version)] = _read_schema(path)
    if not found:
        raise ConfigError(
            "`schemas` has no schema in it",
            where=str(folder),
            hint="One lies in `com.acme/thing/jsonschema/1-0-0`, or `1-0-0.json`",
        )
    return Registry(found)


def read_plan(path: Path | None) -> dict[str, Mapping[str, Any]]:
    """Read a tracking plan: the schema of the properties of each event, by its name.

    A JSON file with all of them, or a folder with a file for each. Raises ConfigError
    when it is not there or one is not a JSON schema.
    """
    if path is None:
        return {}
    if path.is_dir():
        return {one.stem: _read_schema(one) for one in sorted(path.glob("*.json"))}
    if not path.is_file():
        raise ConfigError(
            "`tracking_plan` does not exist",
            where=str(path),
            hint="A JSON file of schemas by event name, or a folder with one for each",
        )
    plan = _read_schema(path)
    for name, schema in plan.items():
        if not isinstance(schema, Mapping):
            raise ConfigError(
                f"event `{name}` of the tracking plan has no schema",
                where=str(path),
                hint='Write `{"Order Completed": {"type": "object", ...}}`',
            )
    return plan


def _read_schema(path: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"a JSON schema cannot be read: {error}", where=str(path)
        ) from error
    if not isinstance(found, dict):
        raise ConfigError("a JSON schema is not an object", where=str(path))
    return found


def _order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split("-")))
