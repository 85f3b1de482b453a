"""What dbt found in its project, read from `manifest.json` without importing dbt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from msgspec import DecodeError, Struct, ValidationError, json

from elt.errors import EltError

Kind = Literal["model", "test", "seed", "snapshot", "function"]

NOT_BUILT = ("ephemeral", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Something that `dbt build` does: a model, a test, a seed, a snapshot."""

    unique_id: str
    kind: Kind
    name: str  # unique among the nodes of its kind; `orders.v2` when versioned
    fqn: tuple[str, ...]
    database: str
    schema: str
    identifier: str
    depends_on: tuple[str, ...]  # unique ids of nodes and sources; all a test reads
    tags: tuple[str, ...]
    severity: Literal["error", "warn"]
    path: str  # of the file, inside the dbt project
    package: str
    materialized: str
    is_unit_test: bool = False
    is_microbatch: bool = False
    attached: str | None = None  # the node that a generic test stands under

    @property
    def relation(self) -> tuple[str, str] | None:
        """Schema and table; None for tests and ephemeral models."""
        if self.kind in {"test", "function"} or self.materialized in NOT_BUILT:
            return None
        return self.schema, self.identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A table that dbt reads and somebody else loads."""

    unique_id: str
    name: str  # `source.table`
    database: str
    schema: str
    identifier: str

    @property
    def relation(self) -> tuple[str, str]:
        return self.schema, self.identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Somebody who uses models, as dbt declares it."""

    unique_id: str
    name: str
    type: str
    label: str
    url: str
    depends_on: tuple[str, ...]


Value = TypeVar("Value", Node, Source, Exposure)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Enabled nodes, sources and exposures by their unique ids."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    exposures: Mapping[str, Exposure] = field(default_factory=dict)

    def model(self, name: str) -> Node | None:
        """Find a model, snapshot or seed by the name that `ref()` takes."""
        return self.models().get(name)

    def models(self) -> dict[str, Node]:
        """Give models, snapshots and seeds by their names; of equals, the first."""
        tables = [node for node in self.nodes.values() if node.relation is not None]
        return {node.name: node for node in reversed(tables)}


def read_manifest(path: Path) -> Manifest:
    """Read `manifest.json`; a manifest of 1,000 nodes takes about 50 ms.

    Raises EltError when the file is not there or not a manifest.
    """
    try:
        raw = json.decode(path.read_bytes(), type=_File)
    except (OSError, DecodeError, ValidationError) as error:
        raise EltError(
            f"dbt's manifest cannot be read: {error}",
            where=str(path),
            hint="Delete it; it is written again by the next run",
        ) from error
    return Manifest(
        nodes=_by_id(_distinctly_named(_nodes(raw))),
        sources=_by_id(_source(source) for source in raw.sources.values()),
        exposures=_by_id(_exposure(each) for each in raw.exposures.values()),
    )


class _DependsOn(Struct, frozen=True):
    nodes: list[str] = []


class _Config(Struct, frozen=True):
    enabled: bool = True
    materialized: str | None = None
    severity: str | None = None
    tags: list[str] | str | None = None
    incremental_strategy: Any = None


class _Node(Struct):
    unique_id: str
    resource_type: str
    name: str
    package_name: str
    fqn: list[str] = []
    database: str | None = None
    schema: str | None = None
    alias: str | None = None
    original_file_path: str = ""
    version: str | int | float | None = None
    tags: list[str] = []
    depends_on: _DependsOn = _DependsOn()
    attached_node: str | None = None
    config: _Config = _Config()


class _Source(Struct):
    unique_id: str
    source_name: str
    name: str
    schema: str
    identifier: str
    database: str | None = None


class _Exposure(Struct):
    unique_id: str
    name: str
    type: str = ""
    label: str | None = None
    url: str | None = None
    depends_on: _DependsOn = _DependsOn()


class _File(Struct):
    nodes: dict[str, _Node]
    sources: dict[str, _Source] = {}
    exposures: dict[str, _Exposure] = {}
    unit_tests: dict[str, _Node] = {}
    functions: dict[str, _Node] = {}


def _nodes(raw: _File) -> Iterable[Node]:
    for node in [*raw.nodes.values(), *raw.functions.values()]:
        match node.resource_type:
            case "model" | "test" | "seed" | "snapshot" | "function" as kind:
                yield _node(node, kind)
            case _:  # analyses and hooks are not built by themselves
                pass
    for node in raw.unit_tests.values():
        if node.config.enabled:
            yield replace(_node(node, "test"), is_unit_test=True)


def _node(raw: _Node, kind: Kind) -> Node:
    name = raw.name if raw.version is None else f"{raw.name}.v{raw.version}"
    return Node(
        unique_id=raw.unique_id,
        kind=kind,
        name=name,
        fqn=tuple(raw.fqn),
        database=raw.database or "",
        schema=raw.schema or "",
        identifier=raw.alias or raw.name,
        depends_on=tuple(dict.fromkeys(raw.depends_on.nodes)),
        tags=_tags(raw),
        severity="warn" if (raw.config.severity or "").lower() == "warn" else "error",
        path=raw.original_file_path,
        package=raw.package_name,
        materialized=raw.config.materialized or kind,
        is_microbatch=raw.config.incremental_strategy == "microbatch",
        attached=raw.attached_node,
    )


def _tags(raw: _Node) -> tuple[str, ...]:
    configured = raw.config.tags or []
    configured = [configured] if isinstance(configured, str) else configured
    return tuple(dict.fromkeys([*raw.tags, *configured]))


def _source(raw: _Source) -> Source:
    return Source(
        unique_id=raw.unique_id,
        name=f"{raw.source_name}.{raw.name}",
        database=raw.database or "",
        schema=raw.schema,
        identifier=raw.identifier,
    )


def _exposure(raw: _Exposure) -> Exposure:
    return Exposure(
        unique_id=raw.unique_id,
        name=raw.name,
        type=raw.type,
        label=raw.label or "",
        url=raw.url or "",
        depends_on=tuple(raw.depends_on.nodes),
    )


def _distinctly_named(nodes: Iterable[Node]) -> list[Node]:
    """Put the package before names that two packages share."""
    nodes = list(nodes)
    uses = Counter((node.kind, node.name) for node in nodes)
    return [
        node
        if uses[node.kind, node.name] == 1
        else replace(node, name=f"{node.package}.{node.name}")
        for node in nodes
    ]


def _by_id(values: Iterable[Value]) -> dict[str, Value]:
    return {value.unique_id: value for value in values}
