"""Stream maps that cannot be meant: what a stream's table says of one column twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from elt.project.check import Problem, named
from elt.project.locate import KeyPath
from elt.project.stream_settings import StreamTable

# How the names of columns begin that elt, or a Singer target, adds by itself.
OUR_NAMES = ("_elt_", "_sdc_")
_OF_A_HISTORY = ("valid_from", "valid_to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a stream beside its settings; the file alone knows little."""

    key: Sequence[str] = ()
    replication_key: str | None = None
    properties: Collection[str] = ()


def map_problems(path: KeyPath, stream: StreamTable, known: Known) -> Iterator[Problem]:
    """Find what is wrong with the maps of the stream at a place of the file."""
    yield from _twice(path, stream)
    yield from _needed(path, stream, known)
    yield from _names(path, stream, known)
    yield from _tables(path, stream)
    if stream.filter is not None and not stream.filter.strip():
        yield Problem(
            path,
            (*path, "filter"),
            f"{named(path)} has an empty `filter`",
            "Write a condition, `status <> 'test'`, or take the key out",
        )


def _tables(path: KeyPath, stream: StreamTable) -> Iterator[Problem]:
    """Rows of child tables are known by the key of the row that they are in."""
    if stream.nested != "tables":
        return
    if stream.key == [] or stream.mode in ("append", "history"):
        wrong = "key" if stream.key == [] else "mode"
        yield Problem(
            path,
            (*path, wrong),
            f'{named(path)} cannot have `nested = "tables"` with this `{wrong}`',
            "It takes a `key`, and mode `upsert` or `overwrite`;"
            ' `nested = "struct"` does without',
        )


def _twice(path: KeyPath, stream: StreamTable) -> Iterator[Problem]:
    others = {"hash": stream.hash, "rename": stream.rename, "types": stream.types}
    for word, told in others.items():
        for name in sorted({*told} & {*stream.drop}):
            yield Problem(
                path,
                (*path, word),
                f"{named(path)} has `{name}` in `drop` and in `{word}`",
                "Take it out of one of them",
            )
    for name in sorted({*stream.types} & {*stream.hash}):
        yield Problem(
            path,
            (*path, "types"),
            f"{named(path)} has `{name}` in `hash` and in `types`",
            "A digest is a text; take the column out of one of them",
        )


def _needed(path: KeyPath, stream: StreamTable, known: Known) -> Iterator[Problem]:
    keys = stream.key if stream.key is not None else known.key
    for name in sorted({*keys} & {*stream.drop}):
        yield Problem(
            path,
            (*path, "drop"),
            f"{named(path)} cannot drop `{name}`: it is a key",
            "Use `hash`: rows are told apart by the digest then",
        )
    order = stream.replication_key or known.replication_key
    for word, told in (("drop", stream.drop), ("hash", stream.hash)):
        if order in told:
            yield Problem(
                path,
                (*path, word),
                f"{named(path)} cannot {word} `{order}`: it is the replication key,"
                " by which rows are put in order",
                "Leave it as it is, or order by another column with `replication_key`",
            )


def _names(path: KeyPath, stream: StreamTable, known: Known) -> Iterator[Problem]:
    kept = {*known.properties} - {*stream.drop} - stream.rename.keys()
    taken = {name.lower(): name for name in kept}
    ours = _OF_A_HISTORY if stream.mode == "history" else ()
    for name, wish in stream.rename.items():
        at = (*path, "rename", name)
        if wish.lower().startswith(OUR_NAMES) or wish.lower() in ours:
            yield Problem(
                path,
                at,
                f"{named(path)} cannot call a column `{wish}`: elt has such names for"
                " columns of its own",
                "Choose another name",
            )
        other = taken.setdefault(wish.lower(), name)
        if other != name:
            yield Problem(
                path,
                at,
                f"{named(path)} would have two columns `{wish}`: `{other}` and"
                f" `{name}`",
                "Choose another name; upper and lower case are the same to DuckDB",
            )


def misspelt(stream: StreamTable, properties: Collection[str]) -> list[tuple[str, str]]:
    """Find names that differ from a property in case only, and that property.

    Such a `drop` would drop nothing.
    """
    told = [*stream.drop, *stream.hash, *stream.rename, *stream.types]
    by_lower = {name.lower(): name for name in properties}
    return [
        (name, by_lower[name.lower()])
        for name in dict.fromkeys(told)
        if name not in properties and name.lower() in by_lower
    ]
