"""What is decided of a tap before it starts: how its streams are read and written."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from elt.project.settings import Project
from elt.runner.discovery import stream_settings
from elt.runner.looking_back import LookBack, begun_earlier, lookbacks
from elt.runner.remembered import Remembered, remembered
from elt.runner.windows import Window
from elt.singer.catalog import Stream, selected_streams
from elt.singer.state import can_be_taken_apart, without_mark
from elt.targets.bookmarks import start_from
from elt.targets.writing.modes import Mode, decide
from elt.warehouse.duckdb import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class TapFacts:
    """What is known of a tap before it starts; keys are the tap's ids of streams."""

    tap: str
    streams: Mapping[str, Stream]
    modes: Mapping[str, Mode]
    start: dict[str, Any] | None  # the state to give to the tap
    full_reads: Mapping[str, str]  # why, in words
    previous_state: str | None
    loaded: frozenset[str] = frozenset()  # streams that have a table already
    window: Window | None = None  # all that is read; no bookmark moves then
    looks_back: Mapping[str, LookBack] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()  # told before the tap starts


def facts_of(
    project: Project,
    tap: str,
    catalog: Mapping[str, Any],
    warehouse: Warehouse,
    *,
    full_refresh: bool,
    window: Window | None = None,
) -> TapFacts:
    """Decide how each stream of a tap is read and written.

    `window` counts for a tap that declares how it takes one.
    """
    streams = {stream.id: stream for stream in selected_streams(catalog)}
    known = _known(project, tap, warehouse)
    if window is not None and project.file.taps[tap].window is not None:
        return _windowed(project, tap, streams, known, window)
    state = known.state
    full_reads = {s: why for s, why in known.broken.items() if s in streams}
    if full_refresh:
        full_reads |= dict.fromkeys(streams, "asked for with --full-refresh")
    taken_out = set() if full_refresh else _taken_out(known, streams)
    start = start_from(state, streams, full_reads.keys() - taken_out)
    if state and start is None:
        why = "another stream begins anew, and the tap's state cannot be taken apart"
        full_reads = {**dict.fromkeys(streams, why), **full_reads}
    start, looks_back, warnings = begun_earlier(
        start,
        [
            one
            for one in lookbacks(project, tap, streams.values())
            if one.stream.id not in full_reads
        ],
        {name for one in streams.values() for name in (one.id, one.name)},
    )
    return TapFacts(
        tap=tap,
        streams=streams,
        modes={
            name: mode_of(
                project, tap, stream, full_reads=full_reads, full_refresh=full_refresh
            )
            for name, stream in streams.items()
        },
        start=start,
        full_reads=full_reads,
        previous_state=state,
        loaded=frozenset(known.loaded),
        looks_back=looks_back,
        warnings=warnings,
    )


def _windowed(
    project: Project,
    tap: str,
    streams: Mapping[str, Stream],
    known: Remembered,
    window: Window,
) -> TapFacts:
    """Read a window and nothing else: without a state, and for none."""
    return TapFacts(
        tap=tap,
        streams=streams,
        modes={name: mode_of(project, tap, stream) for name, stream in streams.items()},
        start=None,
        full_reads={},
        previous_state=known.state,
        loaded=frozenset(known.loaded),
        window=window,
    )


def mode_of(
    project: Project,
    tap: str,
    stream: Stream,
    *,
    full_reads: Collection[str] = (),
    full_refresh: bool = False,
) -> Mode:
    mode = decide(
        key=stream.key_properties,
        replication_method=stream.replication_method,
        table=stream_settings(project, tap, stream),
        full_refresh=full_refresh,
    )
    if mode.name == "append" and stream.id in full_reads:
        # All its rows come again: added to the old ones they would be there twice.
        return Mode("overwrite", "read in full")
    return mode


def _known(project: Project, tap: str, warehouse: Warehouse) -> Remembered:
    if not warehouse.exists():
        return Remembered()
    with warehouse.session() as cursor:
        return remembered(cursor, project.environment, tap)


def _taken_out(known: Remembered, streams: Mapping[str, Stream]) -> set[str]:
    """Find the reset streams whose marks are out of the state already, as most are.

    A state that is not kept by stream may speak of them all the same.
    """
    every = {n for one in streams.values() for n in (one.id, one.name)} | {
        *known.loaded
    }
    if not can_be_taken_apart(known.state, every):
        return set()
    names = {s: {s, streams[s].name} if s in streams else {s} for s in known.reset}
    return {s for s in known.reset if without_mark(known.state, names[s])}
