"""What dbt found in its project, read from `manifest.json` without importing dbt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from msgspec import DecodeError, Raw, Struct, ValidationError, json

from elt.errors import EltError
from elt.transform.digest import DependsOn, Macro, Macros, digest_of
from elt.transform.freshness import Threshold

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
    owner: str = ""  # from its meta, else of its group
    owner_email: str = ""  # of its group
    max_age: str = ""  # from its meta, as it is written there
    digest: str = ""  # of what it is made of, as `elt.transform.digest` says

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
    path: str = ""  # of the file, inside the dbt project
    warn_after_seconds: float | None = None  # its `freshness`
    error_after_seconds: float | None = None

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
    project: str = ""  # whose nodes lie outside of `dbt_packages/`

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
        return _manifest(json.decode(path.read_bytes(), type=_File))
    except (OSError, DecodeError, ValidationError) as error:
        raise EltError(
            f"dbt's manifest cannot be read: {error}",
            where=str(path),
            hint="Delete it; it is written again by the next run",
        ) from error


def _manifest(raw: _File) -> Manifest:
    return Manifest(
        nodes=_by_id(_distinctly_named(_nodes(raw))),
        sources=_by_id(_source(source) for source in raw.sources.values()),
        exposures=_by_id(_exposure(each) for each in raw.exposures.values()),
        project=raw.metadata.project_name or "",
    )


class _Metadata(Struct, frozen=True):
    project_name: str | None = None


class _Config(Struct, frozen=True):
    enabled: bool = True
    materialized: str | None = None
    severity: str | None = None
    tags: list[str] | str | None = None
    incremental_strategy: Any = None
    group: str | None = None
    meta: Any = None


class _Owner(Struct, frozen=True):
    name: str | None = None
    email: str | list[str] | None = None


class _Group(Struct, frozen=True):
    name: str
    owner: _Owner = _Owner()


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
    meta: Any = None
    depends_on: DependsOn = DependsOn()
    attached_node: str | None = None
    config: Raw = Raw(b"{}")
    checksum: Raw = Raw()
    raw_code: Raw = Raw()
    test_metadata: Raw = Raw()
    contract: Raw = Raw()
    arguments: Raw = Raw()  # of a function
    returns: Raw = Raw()


class _Source(Struct):
    unique_id: str
    source_name: str
    name: str
    schema: str
    identifier: str
    database: str | None = None
    original_file_path: str = ""
    freshness: Threshold | None = None


class _Exposure(Struct):
    unique_id: str
    name: str
    type: str = ""
    label: str | None = None
    url: str | None = None
    depends_on: DependsOn = DependsOn()


class _File(Struct):
    nodes: dict[str, _Node]
    metadata: _Metadata = _Metadata()
    macros: dict[str, Macro] = {}
    groups: dict[str, _Group] = {}
    sources: dict[str, _Source] = {}
    exposures: dict[str, _Exposure] = {}
    unit_tests: dict[str, _Node] = {}
    functions: dict[str, _Node] = {}


def _nodes(raw: _File) -> Iterable[Node]:
    macros = Macros(raw.macros)
    groups = {group.name: group.owner for group in raw.groups.values()}
    for node in [*raw.nodes.values(), *raw.functions.values()]:
        match node.resource_type:
            case "model" | "test" | "seed" | "snapshot" | "function" as kind:
                yield _node(node, kind, macros, groups)
            case _:  # analyses and hooks are not built by themselves
                pass
    for node in raw.unit_tests.values():
        found = _node(node, "test", macros, groups)
        if _config(bytes(node.config)).enabled:
            yield replace(found, is_unit_test=True)


# Most nodes of a project have one of a few configs.
@lru_cache(maxsize=1024)
def _config(config: bytes) -> _Config:
    return json.decode(config, type=_Config)


def _node(raw: _Node, kind: Kind, macros: Macros, groups: Mapping[str, _Owner]) -> Node:
    config = _config(bytes(raw.config))
    name = raw.name if raw.version is None else f"{raw.name}.v{raw.version}"
    owner, owner_email = _owner(raw, kind, config, groups)
    return Node(
        unique_id=raw.unique_id,
        kind=kind,
        name=name,
        fqn=tuple(raw.fqn),
        database=raw.database or "",
        schema=raw.schema or "",
        identifier=raw.alias or raw.name,
        depends_on=tuple(dict.fromkeys(raw.depends_on.nodes)),
        tags=_tags(raw, config),
        severity="warn" if (config.severity or "").lower() == "warn" else "error",
        path=raw.original_file_path,
        package=raw.package_name,
        materialized=config.materialized or kind,
        is_microbatch=config.incremental_strategy == "microbatch",
        attached=raw.attached_node,
        owner=owner,
        owner_email=owner_email,
        max_age=_max_age_in(config.meta) or _max_age_in(raw.meta),
        digest=_digest(raw, macros),
    )


def _digest(raw: _Node, macros: Macros) -> str:
    place = f"{raw.database}.{raw.schema}.{raw.alias or raw.name}"
    written = (
        raw.checksum,
        raw.raw_code,
        raw.test_metadata,
        raw.contract,
        raw.arguments,
        raw.returns,
    )
    behind = macros.behind(raw.depends_on.macros)
    pieces = (place.encode(), *map(bytes, written))
    return digest_of(pieces, bytes(raw.config), behind)


def _tags(raw: _Node, config: _Config) -> tuple[str, ...]:
    configured = config.tags or []
    configured = [configured] if isinstance(configured, str) else configured
    return tuple(dict.fromkeys([*raw.tags, *configured]))


def _owner(
    raw: _Node, kind: Kind, config: _Config, groups: Mapping[str, _Owner]
) -> tuple[str, str]:
    """Give the owner and, where a group of dbt's has one, the group's address.

    dbt puts a generic test into its model's group; a test inherits no owner here.
    """
    own = _owner_in(config.meta) or _owner_in(raw.meta)
    if own or kind == "test":
        return own, ""
    group = groups.get(config.group or "", _Owner())
    address = group.email or ""
    email = address if isinstance(address, str) else ", ".join(address)
    return group.name or email, email


def _owner_in(meta: object) -> str:
    match meta:
        case {"owner": str(owner)}:
            return owner
        case {"owner": [*owners]}:
            return ", ".join(str(owner) for owner in owners)
        case _:
            return ""


def _max_age_in(meta: object) -> str:
    return str(meta.get("max_age") or "") if isinstance(meta, dict) else ""


def _source(raw: _Source) -> Source:
    freshness = raw.freshness or Threshold()
    return Source(
        unique_id=raw.unique_id,
        name=f"{raw.source_name}.{raw.name}",
        database=raw.database or "",
        schema=raw.schema,
        identifier=raw.identifier,
        path=raw.original_file_path,
        warn_after_seconds=freshness.warn_seconds,
        error_after_seconds=freshness.error_seconds,
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
