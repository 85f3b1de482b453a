"""Read the records of one type: all of them, those that changed, those deleted.

- At first, and to find what was deleted for good, by the list: all live records.
- Else by search: what changed in a window whose end is fixed before the first request.
  HubSpot gives no more than 10,000 results for one query, and records leave a window
  when they are changed again. So each page is a query of its own, which begins behind
  the last id: HubSpot's own offsets would skip records, and going on from the last
  timestamp would never end where an import gave more than 10,000 of them the same
  (airbytehq/airbyte#43317).
- Archived records are in neither: a list of their own has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any
from urllib.parse import quote

from msgspec import Raw

from elt.taps.hubspot.kinds import Kind
from elt.taps.hubspot.portal import PAGE, Portal, behind_after, id_of, results
from elt.taps.hubspot.rows import MERGED, archived_at, column, merged_away, row_maker
from elt.taps.hubspot.searching import searched
from elt.taps.hubspot.sweeps import begin_sweep, end_sweep
from elt.taps.rest.ahead import pages, side_by_side
from elt.taps.rest.calls import Call
from elt.taps.rest.marks import milliseconds, moment_of
from elt.taps.rest.paging import Page
from elt.taps.rest.problems import NotReadable, Refused
from elt.taps.rest.reading import Chunk, Reading

_URI_TOO_LONG = 414
_ARCHIVE = "archived_at"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of which type, and which properties."""

    kind: Kind
    names: tuple[str, ...]

    @property
    def has_merged(self) -> bool:
        return not set(self.names).isdisjoint(MERGED)


def read_objects(portal: Portal, kind: Kind, reading: Reading) -> Iterator[Chunk]:
    """Give live records first, and those that are gone after them."""
    wanted = wanted_of(portal, kind, reading)
    seen = _archive_memory(reading)
    sweeps = begin_sweep(portal.settings.sweep_every, reading)
    for page in changed_pages(portal, wanted, reading, whole=sweeps):
        yield Chunk(ends=True) if page is None else _chunk(wanted, page)
    yield from _archived(portal, wanted, reading, seen)
    if sweeps:
        end_sweep(reading)


def wanted_of(portal: Portal, kind: Kind, reading: Reading) -> Wanted:
    """Ask which properties there are now; those deselected are not asked for."""
    there = portal.property_names(kind)
    needed = {kind.cursor, "hs_object_id", *(set(MERGED) & set(there))}
    chosen = {name for name in there if reading.wants(column(name))}
    return Wanted(kind, tuple(sorted(chosen | needed)))


def changed_pages(
    portal: Portal, wanted: Wanted, reading: Reading, *, whole: bool = False
) -> Iterator[Page | None]:
    """Give pages of live records, and None where a window of them is at its end."""
    since = reading.since()
    if whole or (since is None and not reading.has_end):
        yield from listed(portal, wanted)
        return
    window = (milliseconds(since) if since else 0, milliseconds(reading.until))
    yield from searched(portal, wanted.kind, wanted.names, window)


def listed(portal: Portal, wanted: Wanted, *, archived: bool = False) -> Iterator[Page]:
    """Give all records by the list, which is ordered by id.

    Where an address cannot hold all properties, it has the ids, and each page is read
    by POST. 16,200 characters were too many in PostHog/posthog#31617.
    """
    names = ",".join(wanted.names)
    if len(quote(names, safe="")) > portal.settings.longest_query:
        yield from _listed_apart(portal, wanted, archived=archived)
        return
    try:
        call = _list_call(portal, wanted.kind, names, archived=archived)
        yield from pages(portal.api, call, results, behind_after)
    except Refused as error:
        if error.status != _URI_TOO_LONG:
            raise
        yield from _listed_apart(portal, wanted, archived=archived)


def read_batch(
    portal: Portal, wanted: Wanted, ids: Sequence[str], *, archived: bool = False
) -> Page:
    """Read records by their ids, at most 100; those gone meanwhile are left out."""
    call = Call(
        path=portal.paths.objects(wanted.kind.path, "batch", "read"),
        method="POST",
        params={"archived": "true"} if archived else {},
        body={"inputs": [{"id": one} for one in ids], "properties": wanted.names},
    )
    return portal.api.ask(call, results)


def ids_of(page: Page) -> list[str]:
    return [id_of(record) for record in page.records]


def _listed_apart(portal: Portal, wanted: Wanted, *, archived: bool) -> Iterator[Page]:
    call = _list_call(portal, wanted.kind, "hs_object_id", archived=archived)
    groups = map(ids_of, pages(portal.api, call, results, behind_after))
    read = partial(read_batch, portal, wanted, archived=archived)
    most = portal.settings.concurrency
    for _, page in side_by_side(read, filter(None, groups), most=most):
        yield page


def _list_call(portal: Portal, kind: Kind, names: str, *, archived: bool) -> Call:
    params: dict[str, str | int] = {"limit": PAGE, "properties": names}
    if archived:
        params["archived"] = "true"
    return Call(path=portal.paths.objects(kind.path), params=params)


def _chunk(wanted: Wanted, page: Page) -> Chunk:
    row = row_maker(wanted.names)
    found = page.records
    return Chunk(records=[*map(row, found), *_merged(wanted, found)])


def _merged(wanted: Wanted, records: Sequence[Raw]) -> Iterable[bytes]:
    if not wanted.has_merged:
        return ()
    return chain.from_iterable(map(merged_away, records))


def _archive_memory(reading: Reading) -> dict[str, Any]:
    """Remember up to when archived records were seen, before the mark moves.

    They come last. A mark moves with each window of a search, and says nothing of
    them: who went on from it would never see those that were archived before it.
    """
    memory = reading.marks.memory() if reading.marks.is_kept else {}
    memory.setdefault(_ARCHIVE, (reading.since() or _EPOCH).isoformat())
    return memory


def _archived(
    portal: Portal, wanted: Wanted, reading: Reading, memory: dict[str, Any]
) -> Iterator[Chunk]:
    """Give what was archived since the newest that was seen, and that one again.

    What had been merged into one of them is gone too. The memory moves only when all
    was read.
    """
    since = newest = moment_of(memory[_ARCHIVE]) or _EPOCH
    row = row_maker(wanted.names, archived=True)
    try:
        for page in listed(portal, wanted, archived=True):
            dated = [(one, moment_of(archived_at(one))) for one in page.records]
            newest = max([newest, *(at for _, at in dated if at is not None)])
            fresh = [one for one, at in dated if _is_between(at, since, reading)]
            yield Chunk(records=[*map(row, fresh), *_merged(wanted, fresh)])
    except (NotReadable, Refused) as error:
        # What is archived until they may be read is not forgotten.
        reading.leave_out(f"archived records: {error.what}", {"archived": "true"})
        return
    memory[_ARCHIVE] = min(newest, reading.until).isoformat()


def _is_between(at: datetime | None, since: datetime, reading: Reading) -> bool:
    if at is None:
        return True
    return at >= since and not (reading.has_end and at >= reading.until)
