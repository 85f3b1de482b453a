"""How far the tap's streams have read its files.

All streams come out of the same files, so the files are kept once, under `_files`,
each with the number of the run that read it last. Every stream keeps such a number
too: a stream that was deselected, dropped or reset for a while has a lower one than
the files that it has missed, and only those are read for it again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from elt.taps.events.moments import moment, text_of
from elt.taps.files.changes import (
    Content,
    Identity,
    Touched,
    changes,
    entry_of,
    identity_of,
    missing,
)
from elt.taps.files.settings import File

FILES = "_files"
BAD_EVENTS = "bad_events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A file to read from `start` on, for some streams.

    `line` is how many lines lie before. `mend`: bad events of it may have been written,
    and what is read now takes their place.
    """

    file: File
    identity: Identity
    streams: frozenset[str] | None  # None: all of them
    first_read_at: str
    start: int = 0
    line: int = 0
    bad: int = 0  # among the lines before
    mend: bool = False


class Position:
    """The bookmarks of the tap, changed in place.

    `selected` says of each stream of the catalog whether it is read, `full` which are
    read from the beginning, `strangers` whether streams that the catalog does not know
    are written; `layout` names the way in which events are spread over streams.
    """

    def __init__(
        self,
        bookmarks: dict[str, Any],
        selected: Mapping[str, bool],
        *,
        layout: str,
        full: Collection[str] = (),
        strangers: bool = True,
        now: datetime | None = None,
    ) -> None:
        own = bookmarks.setdefault(FILES, {})
        self._bookmarks = bookmarks
        self._own: dict[str, Any] = own
        self._files: dict[str, dict[str, Any]] = own.setdefault("files", {})
        self._now = text_of(now or datetime.now(UTC))
        self._number: int = own.get("run", 0)
        self._selected = {name for name, chosen in selected.items() if chosen}
        anew = own.get("layout") not in (None, layout)
        read = self._selected
        if strangers:
            read = read | (bookmarks.keys() - selected.keys() - {FILES})
        self._at = {
            name: -1 if anew or name in full else self._start_of(name) for name in read
        }
        self._caught_up = {name for name in read if self._at[name] == self._number}
        self._layout = layout
        self._begun = False
        self.know(selected)

    def know(self, streams: Iterable[str]) -> None:
        """Remember that streams exist, so that one left out is read later."""
        known = {*self._own.get("streams", ()), *streams}
        self._own["streams"] = sorted(known)

    def meet(self, stream: str) -> None:
        """Note a stream that the catalog does not know; all rows of it are written."""
        self._bookmarks.setdefault(stream, {})["run"] = self._number

    def tasks(self, files: Sequence[File]) -> Iterator[Task]:
        """Find what is to be read; `note` each before the next is asked for."""
        for file in files:
            try:
                task = self._task(file)
            except FileNotFoundError:
                continue
            if task is not None:
                self._begin()
                yield task

    def note(
        self, task: Task, *, fingerprint: str, lines: int, bad: int, spread: bool
    ) -> None:
        """Remember a file as read up to the size that it had."""
        self._files[task.file.name] = {
            **entry_of(task.identity, Content(fingerprint, whole_rows=False)),
            "run": self._number,
            "lines": lines,
            "bad": task.bad + bad,
            "first_read_at": task.first_read_at,
            **({"spread": True} if spread else {}),
        }

    def note_unreadable(self, task: Task) -> None:
        """Remember that a file could not be read to its end, and is read again."""
        self._files[task.file.name] = {
            "unreadable": True,
            "first_read_at": task.first_read_at,
        }

    def reached(self, stream: str, collected: datetime) -> None:
        """Show the newest time of the collector in a stream's bookmark.

        It decides nothing: events that come late are new content of some file.
        """
        mark = self._bookmarks.setdefault(stream, {})
        before = moment(mark.get("watermark"))
        if before is None or collected > before:
            mark["watermark"] = text_of(collected)

    def finish(self, files: Sequence[File]) -> list[str]:
        """Note that all streams have what the files have; name files that are gone."""
        gone = missing(files, self._files)
        for name in gone:
            self._files[name]["missing"] = True
        for name in self._at:
            self._bookmarks.setdefault(name, {})["run"] = self._number
        self._own["layout"] = self._layout
        return gone

    def _start_of(self, stream: str) -> int:
        mark = self._bookmarks.get(stream)
        if isinstance(mark, dict) and "run" in mark:
            return int(mark["run"])
        return -1 if stream in self._own.get("streams", ()) else self._number

    def _begin(self) -> None:
        """Count the run once there is something to read.

        Streams that lag behind move only at the end: until then they lack files.
        """
        if self._begun:
            return
        self._begun = True
        self._number += 1
        self._own["run"] = self._number
        self._own.setdefault("layout", self._layout)
        for name in self._caught_up:
            self._bookmarks.setdefault(name, {})["run"] = self._number

    def _task(self, file: File) -> Task | None:
        entry = self._files.get(file.name)
        readable = entry is not None and not entry.get("unreadable")
        known = {file.name: entry} if entry is not None and readable else {}
        change = next(changes([file], known), None)
        lagging = self._lagging(entry) if entry is not None and readable else None
        if isinstance(change, Touched):
            assert entry is not None  # noqa: S101  it was known
            entry |= entry_of(change.identity, change.content)
            change = None
        if change is None:
            return self._task_for_some(file, entry, lagging)
        first = str(entry["first_read_at"]) if entry and not readable else self._now
        if change.what == "grown" and entry and not lagging and not entry.get("spread"):
            return Task(
                file=file,
                identity=change.identity,
                streams=None,
                first_read_at=self._now,
                start=change.start,
                line=entry["lines"],
                bad=entry["bad"],
            )
        return Task(
            file=file,
            identity=change.identity,
            streams=None,
            first_read_at=first,
            mend=_has_bad(entry),
        )

    def _task_for_some(
        self,
        file: File,
        entry: Mapping[str, Any] | None,
        lagging: frozenset[str] | None,
    ) -> Task | None:
        if entry is None or not lagging:
            return None
        return Task(
            file=file,
            identity=identity_of(file),
            # Bad events are asked for again to see which of them are good by now.
            streams=None if BAD_EVENTS in lagging else lagging,
            first_read_at=str(entry["first_read_at"]),
            mend=BAD_EVENTS in lagging,
        )

    def _lagging(self, entry: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(
            name
            for name in self._selected
            if self._at[name] < entry["run"] and (name != BAD_EVENTS or entry["bad"])
        )


def _has_bad(entry: Mapping[str, Any] | None) -> bool:
    return entry is not None and bool(entry.get("bad") or entry.get("unreadable"))
