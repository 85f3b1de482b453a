"""Choosing assets in dbt's words; how a word is written is told in `elt.runner.words`.

Whatever a word asks beside the graph is handed in: nothing here touches data or disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from elt.errors import ConfigError, ConfigErrors
from elt.project.nearest import did_you_mean
from elt.project.selection_settings import SelectionTable
from elt.runner.graph import Graph
from elt.runner.methods import BY_FACTS, SELECTOR, Matched, Past, check_method, matched
from elt.runner.words import Word, check_given, limit, parts, split

Words = str | Iterable[str]
Where = Callable[[str, str], str]


def select(
    graph: Graph,
    selection: Words = (),
    *,
    exclude: Words = (),
    named: Mapping[str, SelectionTable] | None = None,
    past: Past | None = None,
) -> set[str]:
    """Give the ids of the chosen assets; no words choose all of them.

    The tests of a chosen model, seed or snapshot are chosen with it, and left out with
    one that is excluded, as dbt does. `named` are the selections of the project, free
    of circles. Raises ConfigError for a word that matches nothing, with the nearest
    name, and for an argument without a word. Only words about state, results and news
    may match nothing: then so does all.
    """
    check_given(
        *(words for words in (selection, exclude) if not isinstance(words, str))
    )
    if not len(graph):
        raise ConfigError(
            "there is nothing to run: the project has no taps, models or syncs",
            hint="Add a `[taps.NAME]` table to elt.toml; `elt plugins` lists the taps",
        )
    return _Choosing(graph, named or {}, past or Past()).choose(selection, exclude)


@dataclass(frozen=True, slots=True)
class _Choosing:
    graph: Graph
    named: Mapping[str, SelectionTable]
    past: Past

    def choose(self, selection: Words, exclude: Words) -> set[str]:
        words, left_out = split(selection), split(exclude)
        chosen = self._union(words) if words else set(self.graph.order)
        kept = chosen - self._union(left_out)
        if not kept and not asks_the_past([*words, *left_out], self.named):
            raise ConfigError(
                "nothing is left to run after `--exclude`",
                hint="`elt plan` without it shows what was chosen",
            )
        return kept

    def lenient(self, words: Iterable[str]) -> set[str]:
        """Give what these choose; what the project has no more chooses nothing."""
        found: set[str] = set()
        for word in words:
            with suppress(ConfigError):
                found |= self._intersection(word)
        return found

    def asks(self, word: str) -> bool:
        """Say whether a word asks the past, or names a selection that may have."""
        try:
            return asks_the_past(word, self.named)
        except ConfigError:  # it is in elt.toml no more
            return True

    def _union(self, words: Iterable[str]) -> set[str]:
        return set().union(*(self._intersection(word) for word in words))

    def _intersection(self, word: str) -> set[str]:
        common = set.intersection(*map(self._chosen_by, parts(word)))
        if not common and not asks_the_past(word, self.named):
            raise ConfigError(
                f"no asset is in all of `{word}`",
                hint="A comma keeps what is in both; a space joins",
            )
        return common

    def _chosen_by(self, word: Word) -> set[str]:
        if word.method == SELECTOR:
            # It chose its own tests, and perhaps left some out on purpose.
            own = self._by_name(word)
            found = Matched(frozenset(own))
        else:
            own = set()
            found = matched(self.graph, word, self.past)
        chosen = {*found.assets, *self._neighbours(word, found)}
        if not chosen and found.readers:
            raise _only_read(word)
        return chosen | self._tests_of(chosen - own)

    def _neighbours(self, word: Word, found: Matched) -> set[str]:
        if word.around:
            below = self._below(found, None)
            return below | self.graph.upstream({*below, *found.assets})
        near: set[str] = set()
        if word.up:
            near |= self.graph.upstream(found.assets, depth=limit(word.up))
        if word.down:
            near |= self._below(found, limit(word.down))
        return near

    def _below(self, found: Matched, depth: int | None) -> set[str]:
        """Give what needs these; who reads a table from outside is one step below."""
        further = None if depth is None else depth - 1
        below = self.graph.downstream(found.assets, depth=depth)
        below |= self.graph.downstream(found.readers, depth=further)
        return below | found.readers

    def _by_name(self, word: Word) -> set[str]:
        table = _named_selection(self.named, word)
        try:
            return self.choose(table.select, table.exclude)
        except ConfigError as error:
            error.where = error.where or f"elt.toml  [selections.{word.pattern}]"
            raise

    def _tests_of(self, chosen: set[str]) -> set[str]:
        # Not of streams: loading one tap would start dbt for the tests of its sources.
        kinds = {"model", "seed", "snapshot"}
        built = (i for i in chosen if self.graph[i].kind in kinds)
        below = {test for i in built for test in self.graph.needed_by(i)}
        return {i for i in below if self.graph[i].kind == "test"}


def chosen_once(
    graph: Graph,
    selection: Words,
    *,
    exclude: Words = (),
    named: Mapping[str, SelectionTable] | None = None,
) -> set[str]:
    """Give what the words of an earlier run choose, as far as they mean something now.

    What asks the past has another answer today than it had then: it cuts nothing.
    """
    choosing = _Choosing(graph, named or {}, Past())
    words, left_out = split(selection), split(exclude)
    if not words or any(map(choosing.asks, words)):
        chosen = set(graph.order)
    else:
        chosen = choosing.lenient(words)
    return chosen - choosing.lenient(w for w in left_out if not choosing.asks(w))


def check_words(named: Mapping[str, SelectionTable], where: Where) -> None:
    """Raise ConfigErrors for words of named selections that mean nothing anywhere.

    What no asset is called shows only in the graph. `where` says where a table stands.
    """
    errors: list[ConfigError] = []
    for name, table in named.items():
        if not split(table.select):
            told = ConfigError("a selection is empty", where=where("selections", name))
            errors.append(told)
        for word in (*split(table.select), *split(table.exclude)):
            try:
                for part in parts(word):
                    check_method(part)
            except ConfigError as error:
                error.where = where("selections", name)
                errors.append(error)
    if errors:
        raise ConfigErrors(errors)


def asks_the_past(words: Words, named: Mapping[str, SelectionTable]) -> bool:
    """Say whether any of these words asks for state, results or news."""
    found = [part for word in split(words) for part in parts(word)]
    if any(word.method in BY_FACTS for word in found):
        return True
    selectors = (word for word in found if word.method == SELECTOR)
    tables = [_named_selection(named, word) for word in selectors]
    return any(
        asks_the_past(each, named)
        for table in tables
        for each in (table.select, table.exclude)
    )


def _named_selection(named: Mapping[str, SelectionTable], word: Word) -> SelectionTable:
    """Give the selection that `selector:NAME` means; raises ConfigError for none."""
    if word.pattern not in named:
        raise ConfigError(
            f"there is no selection `{word.pattern}` in elt.toml",
            hint=did_you_mean(word.pattern, named)
            or f"Add `[selections.{word.pattern}]` with its `select`",
        )
    return named[word.pattern]


def _only_read(word: Word) -> ConfigError:
    return ConfigError(
        f"`{word.plain}` is loaded by somebody else: there is nothing to run of it",
        hint=f"`{word.plain}+` chooses what reads it",
    )
