"""What a run with a window may read, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from elt.errors import ConfigError, ConfigErrors
from elt.project.settings import Project
from elt.runner.graph import Graph
from elt.runner.plan import Facts, RunRequest


@dataclass(frozen=True, slots=True)
class Within:
    """The assets of a run with a window, and those that it leaves out."""

    assets: set[str]
    left_out: tuple[str, ...] = ()


def within_window(
    project: Project,
    request: RunRequest,
    graph: Graph,
    chosen: Collection[str],
    facts: Facts,
) -> Within:
    """Leave out what a window does not reach; without a window all stays.

    Raises ConfigError for what would lose rows or double them, and in a backfill for
    what would read all that is new in place of the window.
    """
    if request.window is None:
        return Within({*chosen})
    if request.full_refresh:
        raise ConfigError(
            "a window and `--full-refresh` exclude each other: the one reads a part,"
            " the other begins anew",
            hint="Take one of them out",
        )
    sent = {a for a in chosen if request.backfill and graph[a].kind == "sync"}
    kept = {*chosen} - sent
    errors = [*_not_upserted(project, graph, kept, facts)]
    if request.backfill:
        errors += _without_window(project, graph, kept)
    if errors:
        raise errors[0] if len(errors) == 1 else ConfigErrors(errors)
    return Within(kept, tuple(sorted(sent)))


def _not_upserted(
    project: Project, graph: Graph, chosen: Collection[str], facts: Facts
) -> Iterator[ConfigError]:
    """Refuse modes in which a window that is read again is not the same again."""
    modes = {
        asset: facts.modes[asset]
        for asset in sorted(chosen & facts.modes.keys())
        if project.file.taps[graph[asset].detail["tap"]].window is not None
    }
    refused = [asset for asset, (mode, _) in modes.items() if mode != "upsert"]
    if refused:
        lines = [f"  {asset}  {': '.join(modes[asset])}" for asset in refused]
        stream = graph[refused[0]].detail
        table = f"[taps.{stream['tap']}.streams.{stream['stream']}]"
        yield ConfigError(
            "a window is read only of streams that are written by `upsert`; others"
            " would have rows twice, or lose the rest\n" + "\n".join(lines),
            hint=f"Leave them out: `--exclude {_words(refused)}`. Or name their keys,"
            f' as in `{table}` with `key = ["id"]`; or give them a tap entry of their'
            " own, without `window`",
        )


def _without_window(
    project: Project, graph: Graph, chosen: Collection[str]
) -> Iterator[ConfigError]:
    taps = {
        graph[asset].detail["tap"]: None
        for asset in graph.order
        if asset in chosen and graph[asset].kind == "stream"
    }
    tables = {tap: project.file.taps[tap] for tap in taps}
    foreign = [tap for tap, table in tables.items() if table.target is not None]
    plain = [t for t, table in tables.items() if not (table.target or table.window)]
    if foreign:
        yield ConfigError(
            "a backfill leaves bookmarks alone, which only the target moves of"
            f" {_listed(foreign)}",
            hint=f"Leave them out: `--exclude {_words(_steps(foreign))}`",
        )
    if plain:
        yield ConfigError(
            f"a backfill cannot tell its window to {_listed(plain)}",
            where=project.where("taps", plain[0]),
            hint="Say which of the tap's own settings take it, as in"
            ' `window = { start = "start_date", end = "end_date" }` in'
            f" `[taps.{plain[0]}]`. Or leave out: `--exclude {_words(_steps(plain))}`",
        )


def _listed(taps: Collection[str]) -> str:
    return ", ".join(f"tap `{tap}`" for tap in taps)


def _steps(taps: Collection[str]) -> list[str]:
    return [f"tap:{tap}" for tap in taps]


def _words(assets: Collection[str]) -> str:
    """Write the value of an option; what is more than one word needs quotes."""
    words = " ".join(assets)
    return words if len(assets) == 1 else f"'{words}'"
