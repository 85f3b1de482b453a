"""The rest tap's config as values, once it was checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from elt.taps.described.templates import holes

Path = tuple[str, ...]
SINCE, UNTIL = "since", "until"
PARENT = "parent."  # in front of a parent's field that has the name of another


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How the next page is asked for; which settings count depends on `type`."""

    type: str = "none"
    path: Path = ()
    param: str = ""
    into: Literal["params", "body"] = "params"
    size_param: str = ""
    size: int | None = None
    first: int = 1
    field: str = ""
    more: Path = ()
    end: Path = ()
    pages: Path = ()
    total: Path = ()
    short_page_ends: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorSettings:
    """What orders change; `format` is how requests write it."""

    field: str
    kind: str = "iso"
    param: str = ""
    format: str = ""
    inclusive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """One stream, checked. `params` hold those of the cursor and the window too."""

    name: str
    path: str
    method: str = "GET"
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    records: Path | None = None
    key: tuple[str, ...] = ()
    cursor: CursorSettings | None = None
    days: float | None = None
    paging: Paging = field(default_factory=Paging)
    sorted: bool = False
    parent: str = ""
    parent_fields: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()

    @property
    def holes(self) -> set[str]:
        return set(holes([self.path, self.params, self.body or {}]))


def settings_of(config: Mapping[str, Any]) -> dict[str, StreamSettings]:
    """Read the streams of a config that was checked, by name."""
    return {name: _stream(name, table) for name, table in config["streams"].items()}


def path_of(text: str) -> Path:
    """Read a path of keys: `data.items`; the empty text is the top."""
    return tuple(text.removeprefix("$").removeprefix(".").split(".")) if text else ()


def follows_parent(child: StreamSettings, parent: StreamSettings | None) -> bool:
    """Tell whether a child is read for those of its parents that have changed.

    So it is when its cursor is the column that has the parent's cursor.
    """
    if parent is None or child.cursor is None or parent.cursor is None:
        return False
    return child.parent_fields.get(child.cursor.field) == parent.cursor.field


def is_in_order(stream: StreamSettings, streams: Mapping[str, StreamSettings]) -> bool:
    """Tell whether rows come in the order of the cursor, over all requests."""
    parent = streams.get(stream.parent)
    if parent is None:
        return stream.sorted
    return follows_parent(stream, parent) and is_in_order(parent, streams)


def lagging_field(
    stream: StreamSettings, streams: Mapping[str, StreamSettings]
) -> str | None:
    """Name the cursor whose values alone do not say how far a list was read."""
    cursor = stream.cursor
    if cursor is None or cursor.kind != "plain" or is_in_order(stream, streams):
        return None
    return cursor.field


def _stream(name: str, table: Mapping[str, Any]) -> StreamSettings:
    cursor = _cursor(table.get("cursor"))
    window = table.get("window") or {}
    params = dict(table.get("params") or {})
    if cursor and cursor.param:
        params[cursor.param] = "{since}"
    if window.get("until"):
        params[window["until"]] = "{until}"
    same = ("path", "method", "body", "headers", "sorted", "parent", "parent_fields")
    return StreamSettings(
        name=name,
        params=params,
        records=path_of(table["records"]) if "records" in table else None,
        key=_names(table.get("key")),
        cursor=cursor,
        days=float(window["days"]) if "days" in window else None,
        paging=_paging(table.get("paging") or {}),
        columns=table.get("columns") or {},
        drop=frozenset(_names(table.get("drop"))),
        **{key: table[key] for key in same if key in table},
    )


def _cursor(given: Any) -> CursorSettings | None:
    if not given:
        return None
    table = {"field": given} if isinstance(given, str) else given
    return CursorSettings(**table)


def _paging(table: dict[str, Any]) -> Paging:
    paths = ("path", "more", "end", "pages", "total")
    found: dict[str, Any] = {
        name: path_of(value) if name in paths else value
        for name, value in table.items()
    }
    return Paging(**found)


def _names(given: Any) -> tuple[str, ...]:
    if not given:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)
