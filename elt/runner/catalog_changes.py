"""What a fresh discovery would change: two catalogs of one tap, compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from elt.singer.catalog import Stream, selected_streams
from elt.targets.columns import column_type, widened


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """One difference, and what comes of it at the next run."""

    kind: Literal["added", "removed", "changed"]
    stream: str
    column: str | None
    what: str
    follows: str


def catalog_changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[CatalogChange]:
    """Compare two catalogs, each with the project's selection in it, by stream."""
    old, new = _by_id(before), _by_id(after)
    return [
        *(_removed(stream) for stream in old if stream not in new),
        *(_added(stream, new[stream]) for stream in new if stream not in old),
        *(
            change
            for stream in new
            if stream in old
            for change in _changed(stream, old[stream], new[stream])
        ),
    ]


@dataclass(frozen=True, slots=True)
class _Known:
    properties: Mapping[str, Any]
    selected: Stream | None
    key: tuple[str, ...]
    replication: tuple[str | None, str | None]


def _by_id(catalog: Mapping[str, Any]) -> dict[str, _Known]:
    selected = {stream.id: stream for stream in selected_streams(catalog)}
    return {
        entry["tap_stream_id"]: _known(entry, selected.get(entry["tap_stream_id"]))
        for entry in catalog.get("streams") or []
    }


def _known(entry: Mapping[str, Any], stream: Stream | None) -> _Known:
    properties = (entry.get("schema") or {}).get("properties") or {}
    if stream is None:
        return _Known(properties, None, (), (None, None))
    replication = (stream.replication_method, stream.replication_key)
    return _Known(properties, stream, stream.key_properties, replication)


def _removed(stream: str) -> CatalogChange:
    return CatalogChange(
        "removed", stream, None, "the tap has it no more", "its table stays as it is"
    )


def _added(stream: str, known: _Known) -> CatalogChange:
    follows = "loaded from its start" if known.selected else "not selected"
    columns = len(known.properties)
    what = f"new, with {columns} column{'' if columns == 1 else 's'}"
    return CatalogChange("added", stream, None, what, follows)


def _changed(stream: str, old: _Known, new: _Known) -> Iterator[CatalogChange]:
    for name in old.properties:
        if name not in new.properties:
            yield CatalogChange(
                "removed",
                stream,
                name,
                "the tap has it no more",
                "the column stays; new rows have NULL there",
            )
    for name, declared in new.properties.items():
        if name not in old.properties:
            yield _added_column(stream, name, new)
        else:
            yield from _retyped(stream, name, old.properties[name], declared)
    if old.selected and new.selected:
        yield from _known_otherwise(stream, old, new)


def _added_column(stream: str, name: str, new: _Known) -> CatalogChange:
    chosen = new.selected is not None and name in new.selected.columns
    follows = "becomes a column; old rows have NULL there" if chosen else "not selected"
    type_ = column_type(new.properties[name])
    return CatalogChange("added", stream, name, f"new, {type_}", follows)


def _retyped(stream: str, name: str, old: Any, new: Any) -> Iterator[CatalogChange]:
    before, after = column_type(old), column_type(new)
    if before == after:
        return
    wide = widened(before, after)
    follows = (
        "the column stays as it is"
        if wide == before
        else f"the column becomes {wide}, with all values kept"
    )
    yield CatalogChange("changed", stream, name, f"{before} is now {after}", follows)


def _known_otherwise(stream: str, old: _Known, new: _Known) -> Iterator[CatalogChange]:
    if old.key != new.key:
        yield CatalogChange(
            "changed",
            stream,
            None,
            f"key: {_listed(old.key)} is now {_listed(new.key)}",
            "rows are known by the new key; `--full-refresh` reads them all again",
        )
    if old.replication != new.replication:
        yield CatalogChange(
            "changed",
            stream,
            None,
            f"replication: {_listed(old.replication)} is now"
            f" {_listed(new.replication)}",
            "the old bookmark may not fit; `elt state show` has it",
        )


def _listed(names: tuple[str | None, ...]) -> str:
    return ", ".join(name for name in names if name) or "none"
