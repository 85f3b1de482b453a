"""How old each asset may be, as elt.toml and the dbt project say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from elt.errors import ConfigError
from elt.project.durations import seconds_of
from elt.project.settings import Project
from elt.project.stream_settings import StreamTable
from elt.project.sync_settings import SyncTable
from elt.project.tap_settings import TapTable
from elt.runner.graph import Asset
from elt.transform.manifest import Node, Source
from elt.transform.sources import is_written_by_elt


def max_age_of(table: TapTable | StreamTable | SyncTable) -> float | None:
    return seconds_of(table.max_age) if table.max_age else None


def max_age_of_stream(project: Project, tap: str, names: Iterable[str]) -> float | None:
    """Give the seconds for a stream, by its id and name: its own word, else its tap's.

    None where elt.toml does not say.
    """
    table = project.file.taps[tap]
    own = [table.streams[name] for name in names if name in table.streams]
    return next((max_age_of(each) for each in own if each.max_age), max_age_of(table))


def max_age_of_node(node: Node, project: str, folder: str) -> float | None:
    """Give the seconds that a node's meta says; `project` and `folder` are dbt's.

    Raises ConfigError for a text that is no duration.
    """
    if not node.max_age:
        return None
    try:
        return seconds_of(node.max_age)
    except ConfigError as error:
        # A package may mean something else by the word.
        if node.package != project:
            return None
        error.what = f"`max_age` in the meta of {node.kind} `{node.name}`: {error.what}"
        error.where = f"{folder}/{node.path}"
        raise


def as_dbt_says(stream: Asset, sources: Sequence[Source]) -> Asset:
    """Take dbt's freshness of a table, where elt.toml has nothing to say about it."""
    if stream.max_age_seconds is not None or not sources:
        return stream
    # What elt wrote into the dbt project is what elt.toml said then.
    told = [source for source in sources if not is_written_by_elt(source.path)]
    warn = [s.warn_after_seconds for s in told if s.warn_after_seconds is not None]
    error = [s.error_after_seconds for s in told if s.error_after_seconds is not None]
    return replace(
        stream,
        warn_age_seconds=min(warn, default=None),
        max_age_seconds=min(error, default=None),
    )
