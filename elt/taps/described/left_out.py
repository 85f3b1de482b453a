"""Parents whose lists were not for us: asked again in each run, until they are.

A bookmark goes on without their rows, and what it has passed is asked for no more. So
each is remembered beside it: no more of its record than its request and its rows need,
and from where its list was to be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from elt.taps.described.requests import Unaskable, raw_at, request_of
from elt.taps.described.settings import (
    PARENT,
    SINCE,
    UNTIL,
    StreamSettings,
    path_of,
)
from elt.taps.described.spans import Span
from elt.taps.rest.marks import Marks
from elt.taps.rest.rows import Record

_LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class Asked:
    """A parent's record, and what of its list is wanted.

    again: nothing but an earlier run's refusal is why it is asked for.
    """

    record: Record
    span: Span
    again: bool = False


class LeftOut:
    """The parents that a stream was read without; no `marks` remember none.

    The state has them as texts, whose numbers keep their digits, with the bounds.
    """

    def __init__(
        self, stream: StreamSettings, parent: StreamSettings, marks: Marks | None
    ) -> None:
        self._stream = stream
        self._names = _needed(stream, parent)
        self._marks = marks
        self._known: dict[bytes, str] = {}
        self._met: set[bytes] = set()
        for text in list(self._kept):
            identity = self._identity(text.encode())
            if identity is None:
                self._take_out(text)  # the settings are others now
            else:
                self._known[identity] = text

    def asking(
        self, parents: Iterable[Record], span: Span, *, others: bool
    ) -> Iterator[Asked]:
        """Give what is wanted of parents, and of `others` that are not listed.

        Where all are listed each time, one that is not is gone.
        """
        for record in parents:
            text = self._known.get(self._meet(record)) if self._known else None
            yield Asked(record, span if text is None else self._since(text, span))
        for identity, text in list(self._known.items()):
            if identity in self._met:
                continue
            asked = Asked(text.encode(), self._since(text, span), again=True)
            if others:
                yield asked
            else:
                self.forget(asked)

    def keep(self, asked: Asked) -> None:
        """Remember a parent; where it is already, from where it was then."""
        if self._marks is None:
            return
        identity = self._identity(asked.record)
        self.forget(asked)
        if identity is not None:
            since: Any = asked.span.since
            text = msgspec.json.encode(self._shortened(asked.record)).decode()
            self._known[identity] = text
            self._met.add(identity)
            kept = self._marks.memory().setdefault(_LEFT_OUT, {})
            of_stream = kept.setdefault(self._stream.name, {})
            of_stream[text] = (
                since.isoformat() if isinstance(since, datetime) else since
            )

    def forget(self, asked: Asked) -> None:
        if self._known:
            text = self._known.pop(self._identity(asked.record) or b"", None)
            if text is not None:
                self._take_out(text)

    @property
    def _kept(self) -> MutableMapping[str, Any]:
        if self._marks is None:
            return {}
        found: MutableMapping[str, Any] = (
            self._marks.remembered().get(_LEFT_OUT, {}).get(self._stream.name, {})
        )
        return found

    def _take_out(self, text: str) -> None:
        self._kept.pop(text, None)
        if self._marks is not None and not self._kept:
            kept = self._marks.memory().get(_LEFT_OUT, {})
            kept.pop(self._stream.name, None)
            if not kept:
                self._marks.memory().pop(_LEFT_OUT, None)

    def _meet(self, record: Record) -> bytes:
        identity = self._identity(record) or b""
        self._met.add(identity)
        return identity

    def _since(self, text: str, span: Span) -> Span:
        return replace(span, since=_earlier(self._kept[text], span.since))

    def _identity(self, record: Record) -> bytes | None:
        """Tell lists apart by how they are asked for; None for what cannot be."""
        try:
            return request_of(self._stream, Span(), record).identity
        except Unaskable:
            return None

    def _shortened(self, record: Record) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in self._names:
            value = raw_at(record, name)
            *above, last = path_of(name)
            table = found
            for key in above:
                table = table.setdefault(key, {})
            if value is not UNSET:
                table[last] = value
        return found


def _earlier(kept: Any, since: Any) -> Any:
    """Take the earlier of two starts: a stream that begins anew is read in full."""
    try:
        is_moment = isinstance(since, datetime)
        return min(datetime.fromisoformat(kept) if is_moment else kept, since)
    except (TypeError, ValueError):
        return None  # one of them is everything, or the cursor is another now


def _needed(stream: StreamSettings, parent: StreamSettings) -> list[str]:
    """Name a parent's fields that requests and rows need, none inside of another."""
    holes = (name.removeprefix(PARENT) for name in stream.holes - {SINCE, UNTIL})
    names = {*holes, *stream.parent_fields.values(), *parent.key}
    paths = {path_of(name) for name in names}
    return sorted(
        name
        for name in names
        if not any(path_of(name)[:n] in paths for n in range(1, len(path_of(name))))
    )
