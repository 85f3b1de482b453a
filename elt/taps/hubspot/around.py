"""What stands around the objects: owners, pipelines, lists, forms, events of mails.

None of it is large but the events; all else is read in full each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import msgspec
from msgspec import Raw

from elt.taps.hubspot import shapes
from elt.taps.hubspot.kinds import STANDARD, WITH_PIPELINES
from elt.taps.hubspot.portal import Portal, behind_after, known_type, results
from elt.taps.rest.ahead import pages, read_at
from elt.taps.rest.calls import Call, Params
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.marks import milliseconds
from elt.taps.rest.paging import Page
from elt.taps.rest.problems import NotReadable
from elt.taps.rest.reading import Chunk, Reading, Shape
from elt.taps.rest.rows import Record, with_fields

_EVENT_DAYS = timedelta(days=7)

Read = Callable[[Portal, Reading], Iterator[Chunk]]


@dataclass(frozen=True, slots=True)
class Around:
    """One stream of these."""

    shape: Shape
    read: Read


class _Pipeline(msgspec.Struct, gc=False):
    id: str
    stages: list[Raw] = []


_pipeline = msgspec.json.Decoder(_Pipeline).decode


def _both(path: Callable[[Portal], str], given: Params) -> Read:
    """Make the reading of a list with its archived ones, which come first.

    What was archived and is there again is so as it came last.
    """

    def read(portal: Portal, reading: Reading) -> Iterator[Chunk]:
        del reading
        for archived in ("true", "false"):
            call = Call(path=path(portal), params={**given, "archived": archived})
            for page in pages(portal.api, call, results, behind_after):
                yield Chunk(records=page.records)

    return read


def _pipelines(portal: Portal, reading: Reading) -> Iterator[Chunk]:
    for kind, found in _parts(reading, WITH_PIPELINES, partial(_of_kind, portal)):
        added = with_fields({"object_type": kind})
        yield Chunk(records=[added(record) for record in found])


def _stages(portal: Portal, reading: Reading) -> Iterator[Chunk]:
    for kind, found in _parts(reading, WITH_PIPELINES, partial(_of_kind, portal)):
        rows: list[Record] = []
        for one in map(_pipeline, found):
            added = with_fields({"object_type": kind, "pipeline_id": one.id})
            rows += map(added, one.stages)
        yield Chunk(records=rows)


def _of_kind(portal: Portal, kind: str) -> Sequence[Raw]:
    call = Call(path=portal.paths.pipelines(kind))
    return known_type(lambda: portal.api.ask(call, results)).records


def _properties(portal: Portal, reading: Reading) -> Iterator[Chunk]:
    """Give the definitions of all objects' properties, archived ones too."""
    paths = {kind.name: kind.path for kind in STANDARD}
    try:
        paths |= {kind.name: kind.path for kind in portal.custom_kinds()}
    except NotReadable as error:
        reading.leave_out(f"custom objects: {error.what}")
    defined = partial(_defined, portal, paths)
    for name, found in _parts(reading, tuple(paths), defined):
        added = with_fields({"object_type": name})
        yield Chunk(records=[added(record) for record in found])


def _defined(portal: Portal, paths: dict[str, str], name: str) -> Sequence[Raw]:
    call = Call(path=portal.paths.properties(paths[name]))
    archived = call.with_params(archived="true")
    return [
        record
        for one in (archived, call)
        for record in known_type(partial(portal.api.ask, one, results)).records
    ]


def _parts(
    reading: Reading, names: Sequence[str], read: Callable[[str], Sequence[Raw]]
) -> Iterator[tuple[str, Sequence[Raw]]]:
    """Read part after part, and leave out those that are not for us.

    Raises NotReadable where that is every one.
    """
    refused: list[NotReadable] = []
    for name in names:
        try:
            found = read(name)
        except NotReadable as error:
            refused.append(error)
            reading.leave_out(f"{name}: {error.what}", {"object_type": name})
            continue
        yield name, found
    if len(refused) == len(names):
        raise refused[0]


def _lists(portal: Portal, reading: Reading) -> Iterator[Chunk]:
    del reading
    body = {"offset": 0, "count": 500, "query": "", "additionalProperties": []}
    call = Call(path=portal.paths.lists, method="POST", body=body)
    for page in pages(portal.api, call, read_at("lists"), _next_lists):
        yield Chunk(records=page.records)


def _next_lists(call: Call, page: Page) -> Call | None:
    if not page.records or not value_at(page.answer.body, ("hasMore",)):
        return None
    return call.with_body(offset=value_at(page.answer.body, ("offset",)))


def _schemas(portal: Portal, reading: Reading) -> Iterator[Chunk]:
    del reading
    page = portal.api.ask(Call(path=portal.paths.schemas), results)
    yield Chunk(records=page.records)


def _email_events(portal: Portal, reading: Reading) -> Iterator[Chunk]:
    """Give events by spans of time, as they come newest first within each.

    HubSpot, Email Analytics API v1: milliseconds, 1,000 a page, a short-lived offset.
    """
    since, until = reading.since(), reading.until
    begin = since
    while begin is None or begin < until:
        end = until if begin is None else min(begin + _EVENT_DAYS, until)
        params: dict[str, str | int] = {
            "limit": 1000,
            "endTimestamp": milliseconds(end),
        }
        if begin is not None:
            params["startTimestamp"] = milliseconds(begin)
        call = Call(path=portal.paths.email_events, params=params)
        for page in pages(portal.api, call, read_at("events"), _next_events):
            yield Chunk(records=page.records)
        yield Chunk(ends=True)
        begin = end


def _next_events(call: Call, page: Page) -> Call | None:
    if not value_at(page.answer.body, ("hasMore",)):
        return None
    return call.with_params(offset=str(value_at(page.answer.body, ("offset",))))


AROUND = (
    Around(
        shapes.OWNERS,
        _both(lambda portal: portal.paths.owners, {"limit": 500}),
    ),
    Around(shapes.PIPELINES, _pipelines),
    Around(shapes.STAGES, _stages),
    Around(shapes.LISTS, _lists),
    Around(
        shapes.FORMS,
        _both(lambda portal: portal.paths.forms, {"limit": 100, "formTypes": "all"}),
    ),
    Around(shapes.EMAIL_EVENTS, _email_events),
    Around(shapes.PROPERTIES, _properties),
    Around(shapes.SCHEMAS, _schemas),
)
