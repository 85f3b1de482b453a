"""The assets of a run: by its selection, or what is left of the runs before it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean, which_of
from elt.runner.graph import Graph
from elt.runner.plan import Facts, RunRequest, plan
from elt.runner.selection import chosen_once, select
from elt.singer.state import can_be_taken_apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The assets of a run; `gone` were open and are in the project no more.

    `together` are taps of which all streams are read, because one bookmark serves all.
    """

    assets: set[str]
    gone: tuple[str, ...] = ()
    together: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """Say what a person who asked for a retry should know."""
        told = [
            f"tap `{tap}` keeps one bookmark for its streams: all of them are read"
            for tap in self.together
        ]
        if self.gone:
            names = ", ".join(f"`{each}`" for each in self.gone)
            told.append(f"left out, because the project has them no more: {names}")
        return told


def choose(
    graph: Graph,
    request: RunRequest,
    facts: Facts,
    bookmarks: Mapping[str, str],
    *,
    before: Collection[str] = (),
) -> Chosen:
    """Choose the assets of a run by its selection, or what is left of another run.

    `before` is what that one planned. Raises ConfigError for words that match nothing.
    """
    if request.only:
        left = _Left(graph, request, facts, before)
        return _what_is_left(left, bookmarks)
    chosen = _selected(graph, request, facts)
    if request.from_step and chosen:
        chosen = beginning_with(graph, chosen, facts, request.from_step)
    return Chosen(assets=chosen)


def _selected(graph: Graph, request: RunRequest, facts: Facts) -> set[str]:
    return select(
        graph,
        request.selection,
        exclude=request.exclude,
        named=facts.named,
        past=facts.past,
    )


def beginning_with(
    graph: Graph, chosen: set[str], facts: Facts, start: str
) -> set[str]:
    """Keep a step, or an asset, of the plan of these, and all that lies below it.

    Raises ConfigError when the plan has none of that name.
    """
    steps = plan(graph, chosen, facts)
    planned = {asset for step in steps for asset in step.assets}
    members = {step.id: set(step.assets) for step in steps}
    if start not in members and start not in planned:
        named = sorted(a for a in planned if graph[a].name == start)
        raise ConfigError(
            f"the plan has no step `{start}`",
            hint=which_of(named)
            or did_you_mean(start, planned | members.keys())
            or "`elt plan` lists them",
        )
    begins = members.get(start, {start})
    return (begins | graph.downstream(begins)) & planned


@dataclass(frozen=True, slots=True)
class _Left:
    """What the words of a retry mean in the graph as it is now."""

    graph: Graph
    request: RunRequest
    facts: Facts
    before: Collection[str]

    def meant(self, word: str) -> set[str]:
        """Give the assets that a word stands for; of what is gone, none.

        Below it is what the runs before planned, and not what their words choose today.
        """
        plain = word.removesuffix("+")
        if word in self.graph:
            return {word}
        if plain in self.graph:
            found = {plain}
        elif plain.startswith("tap:"):
            found = self._streams_chosen(plain.removeprefix("tap:"))
        else:
            found = self._unasked(word)
        if plain != word:
            found |= self.graph.downstream(found) & {*self.before}
        return found

    def named(self, word: str) -> tuple[str, ...]:
        """Name what a word stood for that is gone."""
        plain = word.removesuffix("+")
        if _streams_of(self.graph, plain.removeprefix("tap:")):
            return self.request.selection  # none of what it asked of that tap is left
        return (plain,)

    def _streams_chosen(self, tap: str) -> set[str]:
        # Nobody knew the streams of a tap that did not answer: the words have to say.
        return _streams_of(self.graph, tap) & chosen_once(
            self.graph,
            self.request.selection,
            exclude=self.request.exclude,
            named=self.facts.named,
        )

    def _unasked(self, word: str) -> set[str]:
        # Of a tap that does not answer the streams may be unknown, and fail together.
        taps = (tap for tap in self.facts.unasked if word.startswith(f"stream:{tap}."))
        return set().union(*(_streams_of(self.graph, tap) for tap in taps))


def _what_is_left(left: _Left, bookmarks: Mapping[str, str]) -> Chosen:
    graph, chosen = left.graph, set[str]()
    gone: list[str] = []
    for word in left.request.only:
        found = left.meant(word)
        chosen |= found
        if not found:
            gone += left.named(word)
    together = {
        tap: every
        for tap, state in bookmarks.items()
        for every in [_streams_of(graph, tap)]
        if _are_one(graph, every, state) and chosen & every and every - chosen
    }
    return Chosen(
        assets=chosen.union(*together.values()),
        gone=tuple(gone),
        together=tuple(together),
    )


def _streams_of(graph: Graph, tap: str) -> set[str]:
    return {a.id for a in graph if a.kind == "stream" and a.detail["tap"] == tap}


def _are_one(graph: Graph, streams: Iterable[str], state: str) -> bool:
    """Say whether a tap's state is of no use to a run of only some of its streams."""
    names = {graph[a].detail[key] for a in streams for key in ("stream", "name")}
    by_stream = isinstance(json.loads(state).get("bookmarks"), dict)
    return not (by_stream and can_be_taken_apart(state, names))
