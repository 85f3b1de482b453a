"""What the methods of selections match: `tag:`, `source:`, `path:`, `state:` ...

Everything is decided from the graph and from what is handed in of the past.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import translate
from typing import get_args

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean, nearest
from elt.runner.graph import Asset, Graph, Kind
from elt.runner.words import Word

Names = Callable[[Asset], Iterable[str]]
Matches = Callable[[str], object]

RESOURCE_TYPES: tuple[str, ...] = (*get_args(Kind), "unit_test")
STATES = ("modified", "new", "unmodified")
# Our own words for how an asset ended, then dbt's.
RESULTS: Mapping[str, str] = {
    "done": "done",
    "warned": "warned",
    "failed": "failed",
    "stopped": "stopped",
    "skipped": "skipped",
    "planned": "planned",
    "interrupted": "interrupted",
    "success": "done",
    "pass": "done",
    "warn": "warned",
    "error": "failed",
    "fail": "stopped",
}
SOURCE_STATUSES = ("fresher",)
_FILE_ENDINGS = (".sql", ".py", ".csv", ".yml", ".yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the methods may ask beside the graph; keys are asset ids.

    A fingerprint sums up what an asset is made of: `fingerprints` now, and
    `last_fingerprints` when it last ended well. `last_rows` is when a stream's load
    last brought rows.
    """

    fingerprints: Mapping[str, str] = field(default_factory=dict)
    last_fingerprints: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, str] = field(default_factory=dict)
    last_success: Mapping[str, datetime] = field(default_factory=dict)
    last_rows: Mapping[str, datetime] = field(default_factory=dict)


def _of_kind(kind: Kind) -> Names:
    return lambda asset: (asset.name,) if asset.kind == kind else ()


def _tap(asset: Asset) -> Iterable[str]:
    return (asset.detail["tap"],) if asset.kind == "stream" else ()


def _owners(asset: Asset) -> Iterable[str]:
    # Several owners are one text, and a group of dbt's has a name and an address.
    together = (asset.owner, *asset.owner.split(", "))
    return filter(None, (*together, asset.detail.get("owner_email")))


def _resource_type(asset: Asset) -> Iterable[str]:
    return ("unit_test",) if asset.detail.get("unit_test") else (asset.kind,)


def _loaded_sources(asset: Asset) -> Iterable[str]:
    return _source_names(asset.detail.get("sources", ()))


def _outside_sources(asset: Asset) -> Iterable[str]:
    return _source_names(asset.detail.get("reads", ()))


def _source_names(tables: Iterable[str]) -> Iterator[str]:
    for table in tables:  # `source.table`, and `source` for all of its tables
        yield table
        yield table.partition(".")[0]


_BY_NAME: Mapping[str, Names] = {
    "tap": _tap,
    "stream": _of_kind("stream"),
    "model": _of_kind("model"),
    "seed": _of_kind("seed"),
    "snapshot": _of_kind("snapshot"),
    "function": _of_kind("function"),
    "test": _of_kind("test"),
    "sync": _of_kind("sync"),
    "tag": lambda asset: asset.tags,
    "owner": _owners,
    "source": _loaded_sources,
    "resource_type": _resource_type,
}
# What these match is a matter of the day: none is no mistake.
BY_FACTS: Mapping[str, Iterable[str]] = {
    "state": STATES,
    "result": tuple(RESULTS),
    "source_status": SOURCE_STATUSES,
}
SELECTOR = "selector"
METHODS = (*_BY_NAME, "path", *BY_FACTS, SELECTOR)


@dataclass(frozen=True, slots=True)
class Matched:
    """The assets that a pattern means, and those that read a table from outside.

    What elt does not load is no asset: only what reads it can be chosen.
    """

    assets: frozenset[str]
    readers: frozenset[str] = frozenset()


def matched(graph: Graph, word: Word, past: Past) -> Matched:
    """Find what a word means, without its operators; `selector:` is not known here.

    Raises ConfigError for a pattern that matches nothing, with the nearest name.
    """
    readers: set[str] = set()
    match word.method:
        case None:
            found = _called(graph, word)
        case "path":
            found = _in_path(graph, word.pattern)
        case "state":
            found = _in_state(graph, _value(word), past)
        case "result":
            status = RESULTS[_value(word)]
            found = {a.id for a in graph if past.results.get(a.id) == status}
        case "source_status":
            _value(word)
            found = {a.id for a in graph if _is_fresher(graph, a, past)}
        case "source":
            readers = _named(graph, _outside_sources, word)
            found = _named(graph, _loaded_sources, word)
        case _:
            found = _named(graph, _names_of(word), word)
    if not found and not readers and word.method not in BY_FACTS:
        raise _nothing(graph, word)
    return Matched(frozenset(found), frozenset(readers))


def check_method(word: Word) -> None:
    """Raise ConfigError for a word that means nothing in any graph."""
    if word.method in BY_FACTS:
        _value(word)
    elif word.method not in {None, "path", SELECTOR}:
        _names_of(word)


def _names_of(word: Word) -> Names:
    method = word.method or ""
    if method not in _BY_NAME:
        hint = did_you_mean(f"{method}:", [f"{name}:" for name in METHODS])
        raise ConfigError(f"`{word.text}` is not a selection", hint=hint)
    return _BY_NAME[method]


def _named(graph: Graph, names: Names, word: Word) -> set[str]:
    fits = _matcher(word)
    return {asset.id for asset in graph if any(fits(name) for name in names(asset))}


def _matcher(word: Word) -> Matches:
    if not word.is_glob:
        return word.pattern.__eq__
    return re.compile(translate(word.pattern)).match


def _called(graph: Graph, word: Word) -> set[str]:
    """Find assets by name; where none has it, by folder or file, as dbt does."""
    named = _named(graph, _bare_names, word)
    if named or not any(asset.detail.get("fqn") for asset in graph):
        return named
    if "/" in word.pattern:
        return _in_path(graph, word.pattern)
    if word.pattern.endswith(_FILE_ENDINGS):
        return _in_path(graph, f"**/{word.pattern}")
    return _in_folder(graph, word)


def _bare_names(asset: Asset) -> tuple[str, ...]:
    # A model and its sync often have one name: what sends is only meant when said so.
    return (asset.id,) if asset.kind == "sync" else (asset.name, asset.id)


def _in_folder(graph: Graph, word: Word) -> set[str]:
    """Find dbt nodes by folders with dots between them, with or without the package."""
    fits = [re.compile(translate(part)).match for part in word.pattern.split(".")]

    def begins(names: tuple[str, ...]) -> bool:
        together = zip(fits, names, strict=False)
        return len(names) >= len(fits) and all(fit(name) for fit, name in together)

    return {
        asset.id
        for asset in graph
        for fqn in [asset.detail.get("fqn", ())]
        if begins(fqn) or begins(fqn[1:])
    }


def _in_path(graph: Graph, pattern: str) -> set[str]:
    fits = _path_matcher(pattern)
    return {a.id for a in graph if any(fits(path) for path in _paths(a))}


def _paths(asset: Asset) -> tuple[str, ...]:
    """Give a node's file as seen from the dbt project, and from elt.toml."""
    path, folder = asset.detail.get("path"), asset.detail.get("project_dir")
    return (path, posixpath.normpath(f"{folder}/{path}")) if path else ()


def _path_matcher(pattern: str) -> Matches:
    """Match a file, or all in a folder; `*` stays inside a folder, `**` does not."""
    path = posixpath.normpath(pattern)
    if path == ".":
        return lambda _: True
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", path)
    text = "".join(signs.get(piece) or re.escape(piece) for piece in pieces)
    return re.compile(f"{text}(?:/.*)?").fullmatch


def _value(word: Word) -> str:
    """Give the pattern of a method that takes one of a few words only."""
    known = list(BY_FACTS[word.method or ""])
    if word.pattern not in known:
        raise ConfigError(
            f"`{word.plain}` is not a selection",
            hint=did_you_mean(word.plain, [f"{word.method}:{each}" for each in known]),
        )
    return word.pattern


def _in_state(graph: Graph, state: str, past: Past) -> set[str]:
    new = {asset.id for asset in graph if asset.id not in past.last_success}
    if state == "new":
        return new
    modified = new | {asset.id for asset in graph if _is_other(asset.id, past)}
    return modified if state == "modified" else set(graph.order) - modified


def _is_other(asset: str, past: Past) -> bool:
    # A tap that does not answer leaves unknown what its streams are made of now.
    now = past.fingerprints.get(asset)
    return now is not None and now != past.last_fingerprints.get(asset)


def _is_fresher(graph: Graph, asset: Asset, past: Past) -> bool:
    """Whether a stream has rows that something behind it has not seen."""
    brought = past.last_rows.get(asset.id)
    if asset.kind != "stream" or brought is None:
        return False
    below = (need for need in graph.needed_by(asset.id) if graph[need].kind != "test")
    seen = (past.last_success.get(each) for each in below)
    return any(success is None or success < brought for success in seen)


_NOTHING: Mapping[str | None, str] = {
    "tag": "nothing has the tag `{0.pattern}`",
    "owner": "nothing has the owner `{0.pattern}`",
    "path": "nothing of the dbt project is in `{0.pattern}`",
    "source": "there is no source `{0.pattern}`",
    "resource_type": "nothing here is of the type `{0.pattern}`",
}


def _nothing(graph: Graph, word: Word) -> ConfigError:
    what = _NOTHING.get(word.method, "nothing is called `{0.plain}`").format(word)
    known = _known(graph, word)
    prefix = f"{word.method}:" if word.method else ""
    close = nearest(word.pattern, known) or next(
        (name for name in known if word.pattern.lower() in name.lower()), None
    )
    hint = f"Did you mean `{prefix}{close}`?" if close else _listed(word, known)
    return ConfigError(what, hint=hint)


def _known(graph: Graph, word: Word) -> list[str]:
    """Give the names among which the one that was meant may be."""
    match word.method:
        case None if f"sync:{word.pattern}" in graph:
            return [f"sync:{word.pattern}"]
        case None:
            names: Names = _bare_names
        case "path":
            names = _folders_and_file
        case "source":
            names = lambda a: (*_loaded_sources(a), *_outside_sources(a))  # noqa: E731
        case method:
            names = _BY_NAME[method]
    return list(dict.fromkeys(name for asset in graph for name in names(asset)))


def _folders_and_file(asset: Asset) -> Iterator[str]:
    for path in _paths(asset):
        parts = path.split("/")
        yield from ("/".join(parts[: n + 1]) for n in range(len(parts)))


def _listed(word: Word, known: list[str]) -> str:
    if word.method in {"tag", "owner", "source", "resource_type"}:
        return did_you_mean(word.pattern, known) or f"There is no {word.method} here"
    return "`elt plan` lists them all"
