"""What was passed on from a tap to a foreign target, and what the target confirmed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import msgspec

from elt.errors import EltError, Unavailable
from elt.events import (
    SKIPPED,
    BookmarkCommitted,
    Listener,
    LogLine,
    RowsLoaded,
    RowsRead,
)
from elt.runner.attempt import AssetResult
from elt.runner.graph import Asset
from elt.runner.store.state import is_empty
from elt.runner.stream_results import (
    all_in_one,
    failed,
    is_of_no_stream,
    told_error,
)
from elt.runner.tap_facts import TapFacts
from elt.singer.catalog import stream_names
from elt.singer.endings import Ending, ending_of
from elt.singer.messages import Message, decode, raw_json
from elt.targets.bookmarks import carry_over

_GARBAGE_SHOWN = 10


class PassedOn:
    """Counts the rows on their way, and keeps the bookmark as the target has it.

    `sift` is for the thread that writes, `hear` for the one that listens.
    """

    def __init__(
        self,
        facts: TapFacts,
        catalog: Mapping[str, Any],
        wanted: Iterable[str],
        *,
        target: str,
        listen: Listener,
    ) -> None:
        self.wanted = facts.streams.keys() & set(wanted)
        self.unread = facts.streams.keys() - self.wanted
        self._facts = facts
        self._step = f"tap:{facts.tap}"
        self._target = target
        self._listen = listen
        names = {facts.streams[stream].name for stream in self.wanted}
        self._left_out = stream_names(catalog) - names - self.wanted
        self._rows: Counter[str] = Counter()
        self._in_files: set[str] = set()
        self.endings: dict[str, Ending] = {}
        self._saved = facts.previous_state
        self._speaks_of = set(json.loads(self._saved or "{}"))
        self._offered: Any = None  # the tap's last STATE
        self._confirmed: Any = None  # the target's
        self._garbage = 0

    def sift(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Give the messages as they are, without streams that are not wanted.

        Raises EltError for a line that is no message, after what came before it.
        """
        rows: Counter[str] = Counter()
        kept: list[bytes] = []
        try:
            for line in lines:
                message = decode(line)
                if message.stream in self._left_out or not message.type:
                    continue
                if message.type == "SCHEMA" and not self._is_of_rows(message):
                    continue
                kept.append(line + b"\n")
                self._note(message, rows)
        finally:
            self._rows += rows
            for stream, count in rows.items():
                self._listen(RowsRead(step=self._step, stream=stream, rows=count))
            yield b"".join(kept)

    def _is_of_rows(self, message: Message) -> bool:
        """Say whether a target should see a SCHEMA, which makes a table of it."""
        ending = ending_of(message)
        if ending is not None:
            self.endings[message.stream] = ending
        return ending is None or ending.has_rows

    def _note(self, message: Message, rows: Counter[str]) -> None:
        if message.type == "RECORD":
            rows[message.stream] += 1
        elif message.type == "STATE":
            self._offer(message.value)
        elif message.type == "BATCH":
            self._in_files.add(message.stream)

    def hear(self, lines: Iterable[bytes]) -> None:
        """Take what the target wrote: the last STATE of it becomes the bookmark.

        Raises EltError where a run of some streams would lose the others' bookmarks.
        """
        newest = None
        for line in lines:
            found = _json_in(line)
            if isinstance(found, dict) and found.keys() <= self._speaks_of:
                newest = (line, found) if found else newest
            elif line.strip() and found is not _NOTHING:
                self._hear_garbage(line)
        if newest is not None:
            self._keep(*newest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Say at the end what was too much to say at once."""
        if self._garbage > _GARBAGE_SHOWN:
            more = self._garbage - _GARBAGE_SHOWN
            self._warn(f"… {more:,} more lines on stdout that are no STATE")

    def results(
        self, assets: Sequence[Asset], tap_error: EltError | None = None
    ) -> Iterator[AssetResult]:
        """Answer for each stream, when the target has ended well.

        `tap_error` is how the tap ended, which counts for streams of which it has told
        nothing. Raises Unavailable at the end, for those that are worth another try.
        """
        for stream, count in self._rows.items():
            self._listen(RowsLoaded(step=self._step, stream=stream, rows=count))
        told = {asset.detail["stream"]: self._told(asset) for asset in assets}
        ends = {stream: end for stream, end in told.items() if end is not None}
        if tap_error is not None and is_of_no_stream(assets, ends):
            text = f"all its streams came to their end; {tap_error.what}"
            step = self._step
            self._listen(LogLine(step=step, source="elt", level="warning", text=text))
        left = {}
        for asset in assets:
            stream = asset.detail["stream"]
            error = told_error(stream, told[stream], tap_error)
            if isinstance(error, Unavailable):
                left[stream] = error
            else:
                yield self._result(asset, told[stream], error)
        if left:
            raise all_in_one(left)

    def _told(self, asset: Asset) -> Ending | None:
        names = {asset.detail["stream"], asset.detail["name"]}
        return next((self.endings[n] for n in names & self.endings.keys()), None)

    def _result(
        self, asset: Asset, told: Ending | None, error: EltError | None
    ) -> AssetResult:
        names = {asset.detail["stream"], asset.detail["name"]}
        rows = None if names & self._in_files else sum(self._rows[n] for n in names)
        if error is not None:
            return failed(asset, error, rows=rows)
        if told is not None and (told.why or told.end != "complete"):
            skipped = SKIPPED if told.end == "skipped" else ""
            why = f"{skipped}{told.why}"
            return AssetResult(asset=asset.id, status="warned", rows=rows, message=why)
        unconfirmed = self._offered and self._confirmed != self._offered
        return AssetResult(
            asset=asset.id,
            status="warned" if unconfirmed else "done",
            rows=rows,
            message=f"target `{self._target}` did not write the tap's last STATE back:"
            " the next run reads again what came before it"
            if unconfirmed
            else "",
        )

    def _offer(self, value: msgspec.Raw) -> None:
        state = raw_json(value)
        if isinstance(state, dict) and not is_empty(bytes(value).decode()):
            self._speaks_of |= state.keys()
            self._offered = state

    def _keep(self, line: bytes, state: dict[str, Any]) -> None:
        if is_empty(json.dumps(state)):
            return
        self._confirmed = state
        plain = json.loads(line) == state  # then its numbers stay as they were written
        merged = carry_over(
            line.strip() if plain else json.dumps(state).encode(),
            self._saved,
            read=self.wanted - self._unspoken(state),
            unread=self.unread,
        ).decode()
        if merged != self._saved:
            self._saved = merged
            tap = self._facts.tap
            self._listen(BookmarkCommitted(step=self._step, tap=tap, state=merged))

    def _unspoken(self, state: Mapping[str, Any]) -> set[str]:
        """Give the streams of which the tap spoke and the target does not.

        Some targets confirm each stream by itself; the others have what they had.
        """
        return _marks(self._offered) - _marks(state)

    def _hear_garbage(self, line: bytes) -> None:
        self._garbage += 1
        if self._garbage <= _GARBAGE_SHOWN:
            text = line[:500].decode("utf-8", "replace")
            self._warn(f"on stdout, where only STATE belongs: {text}")

    def _warn(self, text: str) -> None:
        self._listen(
            LogLine(step=self._step, source=self._target, level="warning", text=text)
        )


_NOTHING = object()


def _json_in(line: bytes) -> Any:
    """Read a line; what was wrapped into a message is its value, null says nothing."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if isinstance(found, dict) and found.get("type") == "STATE":
        found = found.get("value")
    return _NOTHING if found is None else found


def _marks(state: Any) -> set[str]:
    marks = state.get("bookmarks") if isinstance(state, dict) else None
    return set(marks) if isinstance(marks, dict) else set()
