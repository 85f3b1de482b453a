"""Choosing assets in dbt's words.

A word is a method and a pattern, `tag:finance`, `model:stg_*`, or a bare name; a `+`
before it takes what it needs too, a `+` behind it what needs it, and a number beside
the `+` says how far. A space joins, a comma cuts: `tap:stripe+,tag:finance`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from elt.errors import ConfigError
from elt.project.nearest import nearest
from elt.runner.graph import Asset, Graph

_WORD = re.compile(
    r"(?:(?P<up>\d*)\+)?"
    r"(?:(?P<method>[a-z_]+):)?(?P<pattern>[^+]+?)"
    r"(?:\+(?P<down>\d*))?"
)
_EVERYTHING = -1

METHODS: Mapping[str, Callable[[Asset], Iterable[str]]] = {
    "tap": lambda asset: _if(asset.kind == "stream", asset.detail.get("tap")),
    "stream": lambda asset: _if(asset.kind == "stream", asset.name),
    "model": lambda asset: _if(asset.kind == "model", asset.name),
    "seed": lambda asset: _if(asset.kind == "seed", asset.name),
    "snapshot": lambda asset: _if(asset.kind == "snapshot", asset.name),
    "function": lambda asset: _if(asset.kind == "function", asset.name),
    "test": lambda asset: _if(asset.kind == "test", asset.name),
    "sync": lambda asset: _if(asset.kind == "sync", asset.name),
    "tag": lambda asset: asset.tags,
}


@dataclass(frozen=True, slots=True)
class Word:
    """One word, read: `up` and `down` are depths, 0 for none, -1 for no limit."""

    text: str
    method: str | None
    pattern: str
    up: int = 0
    down: int = 0


def select(
    graph: Graph, selection: Iterable[str] = (), *, exclude: Iterable[str] = ()
) -> set[str]:
    """Give the ids of the chosen assets; no words choose all of them.

    The tests of a chosen model, seed or snapshot are chosen with it, as dbt does.
    Raises ConfigError for a word that matches nothing, with the nearest name.
    """
    if not len(graph):
        raise ConfigError(
            "there is nothing to run: the project has no taps, models or syncs",
            hint="Add a `[taps.NAME]` table to elt.toml; `elt plugins` lists the taps",
        )
    words = _split(selection)
    chosen = _union(graph, words) if words else set(graph.order)
    chosen |= _tests_of(graph, chosen)
    left_out = _union(graph, _split(exclude))
    if chosen and not chosen - left_out:
        raise ConfigError(
            "nothing is left to run after `--exclude`",
            hint="`elt plan` without it shows what was chosen",
        )
    return chosen - left_out


def read_word(text: str) -> Word:
    """Read one word; raises ConfigError for one that is none."""
    found = _WORD.fullmatch(text)
    method = found["method"] if found else None
    if found is None or (method and method not in METHODS):
        raise ConfigError(
            f"`{text}` is not a selection",
            hint="Write a name, `+name`, `name+`, or one of "
            + ", ".join(f"`{name}:`" for name in METHODS),
        )
    return Word(
        text, method, found["pattern"], _depth(found["up"]), _depth(found["down"])
    )


def _if(fits: bool, name: str | None) -> tuple[str, ...]:
    return (name,) if fits and name is not None else ()


def _depth(digits: str | None) -> int:
    if digits is None:
        return 0
    return int(digits) if digits else _EVERYTHING


def _split(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in text.split()]


def _union(graph: Graph, words: Iterable[str]) -> set[str]:
    return set().union(*(_intersection(graph, word) for word in words))


def _intersection(graph: Graph, word: str) -> set[str]:
    parts = [_with_neighbours(graph, read_word(part)) for part in word.split(",")]
    common = set.intersection(*parts)
    if not common:
        raise ConfigError(
            f"no asset is in all of `{word}`",
            hint="A comma keeps what is in both; a space joins",
        )
    return common


def _with_neighbours(graph: Graph, word: Word) -> set[str]:
    matched = _matched(graph, word)
    chosen = set(matched)
    if word.up:
        chosen |= graph.upstream(matched, depth=_limit(word.up))
    if word.down:
        chosen |= graph.downstream(matched, depth=_limit(word.down))
    return chosen


def _limit(depth: int) -> int | None:
    return None if depth == _EVERYTHING else depth


def _matched(graph: Graph, word: Word) -> set[str]:
    names = METHODS[word.method] if word.method else _bare_names
    matched = {
        asset.id
        for asset in graph
        if any(fnmatchcase(name, word.pattern) for name in names(asset))
    }
    if not matched:
        raise _nothing(graph, word)
    return matched


def _bare_names(asset: Asset) -> tuple[str, ...]:
    # A model and its sync often have one name: what sends is only meant when said so.
    return (asset.id,) if asset.kind == "sync" else (asset.name, asset.id)


def _nothing(graph: Graph, word: Word) -> ConfigError:
    names = METHODS[word.method] if word.method else _bare_names
    known = {name: None for asset in graph for name in names(asset)}
    prefix = f"{word.method}:" if word.method else ""
    if not prefix and f"sync:{word.pattern}" in known:
        known = {f"sync:{word.pattern}": None}
    close = nearest(word.pattern, known) or next(
        (name for name in known if word.pattern.lower() in name.lower()), None
    )
    hint = f"Did you mean `{prefix}{close}`?" if close else "`elt plan` lists them all"
    return ConfigError(f"nothing is called `{prefix}{word.pattern}`", hint=hint)


def _tests_of(graph: Graph, chosen: set[str]) -> set[str]:
    # Not of streams: loading one tap would start dbt for the tests of its sources.
    built = (i for i in chosen if graph[i].kind in {"model", "seed", "snapshot"})
    below = {test for i in built for test in graph.needed_by(i)}
    return {i for i in below if graph[i].kind == "test"}
