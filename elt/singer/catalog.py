r"""A tap's catalog, which is Singer's own dictionary: what is chosen from it, and how.

A pattern names a stream, or `stream.column`; `*` and `?` stand for any text, and `!`
in front takes away. A dot inside a stream's name is written `\.`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean
from elt.project.stream_settings import StreamTable

# Where the column patterns of a stream are kept in its metadata, for taps that learn
# their columns only while they read.
PATTERNS = "elt-select"

# In a catalog that says true: it is another one when the source's people have changed
# their columns, so that each run has to ask for it.
CHANGES = "elt-changes"


@dataclass(frozen=True, slots=True)
class Stream:
    """One selected stream; `schema` has all columns, `columns` the selected ones.

    `replication_method` is None where neither the tap nor the project says it: then
    nobody knows whether a run brings the whole table.
    """

    id: str
    name: str
    schema: dict[str, Any]
    key_properties: tuple[str, ...]
    replication_method: str | None
    replication_key: str | None
    columns: tuple[str, ...]


def select(
    catalog: Mapping[str, Any],
    patterns: Sequence[str],
    streams: Mapping[str, StreamTable],
) -> dict[str, Any]:
    """Give a copy of the catalog with the selection and the overrides written in.

    Without a pattern that adds, the tap's own defaults stand; when it has none, all
    is selected. Raises ConfigError when a pattern or an override names no stream.
    """
    chosen = copy.deepcopy(dict(catalog))
    entries: list[dict[str, Any]] = chosen.get("streams") or []
    rules = [_rule(pattern) for pattern in patterns]
    _check_names(entries, rules, streams)
    by_default = _selected_by_default(entries)
    for entry in entries:
        own = [rule for rule in rules if rule.concerns(entry)]
        adds = any(not rule.excludes for rule in rules)
        start = not adds and entry["tap_stream_id"] in by_default
        _select_stream(entry, own, start=start)
        _override(entry, _table_of(entry, streams))
    return chosen


def selected_streams(catalog: Mapping[str, Any]) -> list[Stream]:
    """Read back which streams and columns a catalog selects, in its order."""
    return [
        _stream(entry)
        for entry in catalog.get("streams") or []
        if _is_selected(_metadata(entry).get((), {}), parent=False)
    ]


def all_streams(catalog: Mapping[str, Any]) -> list[Stream]:
    """Read every stream of a catalog, selected or not, in its order."""
    return [_stream(entry) for entry in catalog.get("streams") or []]


def stream_names(catalog: Mapping[str, Any]) -> set[str]:
    """Give all names and ids by which messages may call a catalog's streams."""
    return {name for entry in catalog["streams"] for name in _names(entry)}


def column_selected(patterns: Sequence[str], column: str) -> bool:
    """Decide about a column that the catalog did not know, by its stream's patterns.

    `patterns` is what `select` left under `PATTERNS`: column patterns without the
    stream, `!` in front of those that take away.
    """
    adds = [pattern for pattern in patterns if not pattern.startswith("!")]
    takes = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    wanted = not adds or any(fnmatchcase(column, pattern) for pattern in adds)
    return wanted and not any(fnmatchcase(column, pattern) for pattern in takes)


def annotated(catalog: Mapping[str, Any]) -> dict[str, Any]:
    """Write the selection into the schemas too, where the oldest taps look for it."""
    old = copy.deepcopy(dict(catalog))
    for entry in old.get("streams") or []:
        metadata = _metadata(entry)
        schema = entry.setdefault("schema", {})
        schema["selected"] = _is_selected(metadata.get((), {}), parent=False)
        for name, declared in (schema.get("properties") or {}).items():
            about = metadata.get(("properties", name), {})
            declared["selected"] = _is_selected(about, parent=schema["selected"])
    return old


@dataclass(frozen=True, slots=True)
class _Rule:
    text: str
    excludes: bool
    stream: str
    column: str

    def concerns(self, entry: Mapping[str, Any]) -> bool:
        return any(fnmatchcase(name, self.stream) for name in _names(entry))

    def includes(self, path: str) -> bool:
        """Match a dotted path: itself, all inside it, and what contains it."""
        parts = path.split(".")
        inside = any(
            fnmatchcase(".".join(parts[:length]), self.column)
            for length in range(1, len(parts) + 1)
        )
        return inside or self.column.startswith(path + ".")


def _rule(pattern: str) -> _Rule:
    text = pattern.removeprefix("!")
    stream, *column = re.split(r"(?<!\\)\.", text, maxsplit=1)
    return _Rule(
        pattern,
        excludes=pattern.startswith("!"),
        stream=stream.replace("\\.", "."),
        column=column[0] if column else "*",
    )


def _names(entry: Mapping[str, Any]) -> set[str]:
    return {entry["tap_stream_id"], entry.get("stream") or entry["tap_stream_id"]}


def _check_names(
    entries: Sequence[Mapping[str, Any]],
    rules: Iterable[_Rule],
    streams: Mapping[str, StreamTable],
) -> None:
    known = {name for entry in entries for name in _names(entry)}
    for rule in rules:
        if not rule.excludes and not any(rule.concerns(entry) for entry in entries):
            raise ConfigError(
                f"`select` has `{rule.text}`, but the tap has no such stream",
                hint=did_you_mean(rule.stream, known),
            )
    for name in streams:
        if name not in known:
            raise ConfigError(
                f"`streams` has `{name}`, but the tap has no such stream",
                hint=did_you_mean(name, known),
            )


def _selected_by_default(entries: Iterable[Mapping[str, Any]]) -> set[str]:
    roots = {entry["tap_stream_id"]: _metadata(entry).get((), {}) for entry in entries}
    chosen = {name for name, root in roots.items() if _is_selected(root, parent=False)}
    return chosen or {
        name for name, root in roots.items() if root.get("inclusion") != "unsupported"
    }


def _select_stream(
    entry: dict[str, Any], rules: Sequence[_Rule], *, start: bool
) -> None:
    adds = [rule for rule in rules if not rule.excludes]
    takes = [rule for rule in rules if rule.excludes]
    whole = any(rule.column == "*" for rule in takes)
    metadata = _metadata(entry)
    root = metadata.setdefault((), {})
    root["selected"] = bool((start or adds) and not whole)
    columns = [f"!{rule.column}" for rule in takes]
    if not any(rule.column == "*" for rule in adds):
        columns += [rule.column for rule in adds]
    root[PATTERNS] = columns
    if not columns:
        del root[PATTERNS]
    for breadcrumb in _breadcrumbs(entry.get("schema") or {}):
        about = metadata.setdefault(breadcrumb, {})
        about["selected"] = _column_is_chosen(breadcrumb, about, adds, takes)
    entry["metadata"] = [
        {"breadcrumb": list(breadcrumb), "metadata": about}
        for breadcrumb, about in metadata.items()
    ]


def _column_is_chosen(
    breadcrumb: Sequence[str],
    about: Mapping[str, Any],
    adds: Sequence[_Rule],
    takes: Sequence[_Rule],
) -> bool:
    if about.get("inclusion") in ("automatic", "unsupported"):
        return bool(about["inclusion"] == "automatic")
    path = ".".join(breadcrumb[1::2])
    if any(fnmatchcase(path, rule.column) for rule in takes):
        return False
    if adds:
        return any(rule.includes(path) for rule in adds)
    return _is_selected(about, parent=True)


def _breadcrumbs(
    schema: Mapping[str, Any], parent: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    for name, declared in (schema.get("properties") or {}).items():
        breadcrumb = (*parent, "properties", name)
        yield breadcrumb
        if isinstance(declared, Mapping):
            yield from _breadcrumbs(declared, breadcrumb)


def _table_of(
    entry: Mapping[str, Any], streams: Mapping[str, StreamTable]
) -> StreamTable:
    found = (streams[name] for name in sorted(_names(entry)) if name in streams)
    return next(found, StreamTable())


def _override(entry: dict[str, Any], table: StreamTable) -> None:
    # The same fact has three places in Singer; taps differ in which they read.
    root: dict[str, Any] = {}
    if table.key is not None:
        entry["key_properties"] = root["table-key-properties"] = list(table.key)
    if table.replication_method is not None:
        entry["replication_method"] = table.replication_method
        root["replication-method"] = table.replication_method
        root["forced-replication-method"] = table.replication_method
    if table.replication_key is not None:
        entry["replication_key"] = root["replication-key"] = table.replication_key
    if table.replication_key and table.replication_method is None:
        entry["replication_method"] = root["replication-method"] = "INCREMENTAL"
    metadata = _metadata(entry)
    metadata.setdefault((), {}).update(root)
    for name in (*(entry.get("key_properties") or ()), table.replication_key):
        if name and ("properties", name) in metadata:
            metadata["properties", name]["selected"] = True
    entry["metadata"] = [
        {"breadcrumb": list(breadcrumb), "metadata": about}
        for breadcrumb, about in metadata.items()
    ]


def _metadata(entry: Mapping[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    return {
        tuple(one.get("breadcrumb") or ()): one.get("metadata") or {}
        for one in entry.get("metadata") or []
    }


def _is_selected(about: Mapping[str, Any], *, parent: bool) -> bool:
    inclusion = about.get("inclusion")
    if inclusion == "unsupported":
        return False
    if inclusion == "automatic" and parent:
        return True
    for word in ("selected", "selected-by-default"):
        if about.get(word) is not None:
            return bool(about[word])
    return parent


def _stream(entry: Mapping[str, Any]) -> Stream:
    metadata = _metadata(entry)
    root = metadata.get((), {})
    schema = dict(entry.get("schema") or {})
    replication_key = entry.get("replication_key") or root.get("replication-key")
    method = (
        entry.get("replication_method")
        or root.get("replication-method")
        or root.get("forced-replication-method")
        or ("INCREMENTAL" if replication_key else None)
    )
    return Stream(
        id=entry["tap_stream_id"],
        name=entry.get("stream") or entry["tap_stream_id"],
        schema=schema,
        key_properties=tuple(
            entry.get("key_properties")
            or root.get("table-key-properties")
            or root.get("view-key-properties")
            or ()
        ),
        replication_method=method,
        replication_key=replication_key,
        columns=tuple(
            name
            for name in schema.get("properties") or {}
            if _is_selected(metadata.get(("properties", name), {}), parent=True)
        ),
    )
