"""The events of all files, read once for all streams."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elt.taps.events.found import Bad, Event, Format, Record, StreamShape
from elt.taps.events.position import BAD_EVENTS, Position, Task
from elt.taps.events.reading import LONGEST_BYTES, UNREADABLE, Cut, Lines
from elt.taps.events.registry import read_plan, read_registry
from elt.taps.events.segment import Segment
from elt.taps.events.settings import Settings, event_files
from elt.taps.events.snowplow import Snowplow
from elt.taps.events.snowplow_json import SnowplowJson
from elt.taps.events.snowplow_tsv import SnowplowTsv
from elt.taps.events.writing import BAD_SHAPE, Chosen, Writing
from elt.taps.files.changes import identity_of
from elt.taps.files.settings import File, spread
from elt.taps.records import Out

SAMPLE_FILES = 20
SAMPLE_LINES = 500
# A STATE lists all files, so many files must not mean many STATEs.
_MOST_STATES = 50
_STATE_BYTES = 64 << 20


def format_of(settings: Settings) -> Format:
    """Give the reader of the configured format, with the user's schemas compiled."""
    if settings.format == "segment":
        plan = read_plan(settings.tracking_plan)
        return Segment(plan, split=settings.split, only_planned=settings.only_known)
    events = Snowplow(
        read_registry(settings.schemas),
        tables=settings.tables,
        only_known=settings.only_known,
    )
    if settings.format == "snowplow_tsv":
        return SnowplowTsv(events)
    return SnowplowJson(events)


def shapes(settings: Settings, format_: Format, root: Path) -> dict[str, StreamShape]:
    """Find all streams: fixed and pinned ones, and those of a sample of the files."""
    found = {**format_.fixed(), BAD_EVENTS: BAD_SHAPE}
    names = dict.fromkeys(settings.pinned)
    files = event_files(settings, root)  # also to tell at once when there is none
    if settings.tables or settings.split:
        for file in spread(files, SAMPLE_FILES):
            names |= dict.fromkeys(_sampled(format_, file))
    for name in sorted(names):
        found.setdefault(name, format_.shape_of(name))
    return found


def _sampled(format_: Format, file: File) -> Iterator[str]:
    try:
        for count, (_, found) in enumerate(judged(format_, _all_of(file))):
            if isinstance(found, Event):
                yield from (stream for stream, _ in found.rows)
            if count >= SAMPLE_LINES:
                return
    except UNREADABLE:
        return  # for the load to report


def _all_of(file: File) -> Lines:
    return Lines(file, 0, identity_of(file).size)


def judged(
    format_: Format, lines: Lines
) -> Iterator[tuple[tuple[int, int, bytes], Event | Bad]]:
    """Judge every line; with each event its line's number, its place, and the line."""
    for number, line in lines:
        if not line.strip():
            continue
        if isinstance(line, Cut):
            limit = f"{LONGEST_BYTES >> 20} MB"
            yield (number, 0, line), Bad([f"is longer than {limit}; this is its start"])
            continue
        for item, found in enumerate(format_.read(line)):
            yield (number, item, line), found


class Feed:
    """One run over the files."""

    def __init__(
        self,
        settings: Settings,
        format_: Format,
        out: Out,
        *,
        root: Path,
        logger: logging.Logger,
    ) -> None:
        self._settings = settings
        self._format = format_
        self._out = out
        self._root = root
        self._logger = logger

    def run(
        self,
        state: dict[str, Any],
        chosen: Chosen,
        position: Position,
        *,
        batches: Path | None,
    ) -> None:
        """Write what is new, with a STATE after each file or some of them.

        `batches` is where to put files for a target that takes rows of a file away.
        """
        files = event_files(self._settings, self._root)
        writing = Writing(
            self._out,
            chosen,
            position,
            since=self._settings.since,
            warn=self._logger.warning,
        )
        every = max(1, len(files) // _MOST_STATES)
        waiting, size = 0, 0
        for task in position.tasks(files):
            if task.mend and batches and chosen.streams.get(BAD_EVENTS):
                self._out.message(_taken_away(task.file.name, batches))
            self._read(task, writing, position)
            waiting, size = waiting + 1, size + task.identity.size - task.start
            if waiting >= every or size >= _STATE_BYTES:
                writing.flush()
                self._out.state(state)
                waiting, size = 0, 0
        writing.flush()
        self._tell_of_missing(position.finish(files))
        self._out.state(state)
        self._logger.info("%s", writing.counts.sentence())

    def _read(self, task: Task, writing: Writing, position: Position) -> None:
        whole = task.start == 0
        lines = Lines(
            task.file, task.start, task.identity.size, line=task.line, spread=whole
        )
        bad = 0
        try:
            for (number, item, line), found in judged(self._format, lines):
                if isinstance(found, Event):
                    writing.take(found, task, self._format)
                else:
                    bad += 1
                    writing.take_bad(found, task, line, place=(number, item))
        except UNREADABLE as error:
            self._tell_unreadable(task, lines, writing, error)
            position.note_unreadable(task)
            return
        self._tell_notes(task.file)
        position.note(
            task,
            fingerprint=lines.fingerprint,
            lines=lines.line,
            bad=bad,
            spread=lines.spread,
        )

    def _tell_unreadable(
        self, task: Task, lines: Lines, writing: Writing, error: Exception
    ) -> None:
        kind = type(error).__name__
        reason = (
            f"the file cannot be read on: {kind}: {str(error).partition(chr(10))[0]}"
        )
        self._logger.warning(
            "%s cannot be read behind line %d (%s); read again by the next run",
            task.file.name,
            lines.line,
            kind,
        )
        writing.take_bad(Bad([reason]), task, b"", place=(lines.line + 1, 0))

    def _tell_notes(self, file: File) -> None:
        for note in self._format.notes():
            self._logger.warning("%s: %s", file.name, note)

    def _tell_of_missing(self, gone: list[str]) -> None:
        if gone:
            self._logger.info("%d files are gone; their rows stay: %s", len(gone), gone)


def rows_of(
    settings: Settings, format_: Format, stream: str, *, root: Path
) -> Iterator[Record]:
    """Give a stream's rows of all files, for whoever only wants to look at some."""
    for file in event_files(settings, root):
        yield from _rows_of_file(format_, file, stream)


def _rows_of_file(format_: Format, file: File, stream: str) -> Iterator[Record]:
    kept = _Kept()
    task = Task(
        file=file,
        identity=identity_of(file),
        streams=None,
        first_read_at="1970-01-01T00:00:00Z",
    )
    chosen = Chosen(streams={stream: True}, left_out={}, strangers=False)
    writing = Writing(kept, chosen, Position({}, {}, layout=""))
    for (number, item, line), found in judged(format_, _all_of(file)):
        if isinstance(found, Event):
            writing.take(found, task, format_)
        else:
            writing.take_bad(found, task, line, place=(number, item))
        writing.flush()
        yield from kept.taken()


class _Kept(Out):
    """Keeps records instead of writing them."""

    def __init__(self) -> None:
        super().__init__(lambda _: None)
        self._records: list[Record] = []

    def records(self, stream: str, page: Any) -> None:  # noqa: ARG002
        self._records.extend(page)

    def taken(self) -> list[Record]:
        taken, self._records = self._records, []
        return taken


def _taken_away(name: str, folder: Path) -> dict[str, Any]:
    """Tell a target that reads files to take the bad events of a file away.

    An empty file takes the place of what was loaded of that file before.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name_of_empty = tempfile.mkstemp(".jsonl", "none-", folder)
    os.close(descriptor)
    path = Path(name_of_empty)
    seen = path.stat()
    about = {
        "size": seen.st_size,
        "mtime_ns": seen.st_mtime_ns,
        "constants": {"_file": name},
        "replace": True,
    }
    return {
        "type": "BATCH",
        "stream": BAD_EVENTS,
        "encoding": {"format": "jsonl", "compression": "none"},
        "manifest": [path.absolute().as_uri()],
        "elt": {"temporary": True, "files": [about]},
    }
