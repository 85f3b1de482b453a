"""One account of HubSpot, which calls them portals: what all streams ask of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import unquote

import msgspec

from elt.remote.pace import Pace
from elt.taps.hubspot.kinds import STANDARD, Kind, custom_name
from elt.taps.hubspot.paths import Paths
from elt.taps.hubspot.settings import Settings
from elt.taps.rest.ahead import pages, read_at
from elt.taps.rest.api import Api
from elt.taps.rest.calls import Call
from elt.taps.rest.envelopes import value_at
from elt.taps.rest.paging import Page
from elt.taps.rest.problems import NotReadable, Refused
from elt.taps.rest.rows import Record

PAGE = 100
results = read_at("results")
Found = TypeVar("Found")
_NO_SUCH_TYPE = "infer object type"  # recorded in amp-labs/connectors, with HTTP 400


class _Identified(msgspec.Struct, gc=False):
    id: str | int


class _Named(msgspec.Struct):
    name: str


class _Schema(msgspec.Struct):
    name: str
    objectTypeId: str  # noqa: N815  HubSpot's name


_identified = msgspec.json.Decoder(_Identified).decode
_named = msgspec.json.Decoder(_Named).decode
_schema = msgspec.json.Decoder(_Schema).decode


def id_of(record: Record) -> str:
    return str(_identified(record).id)


def behind_after(call: Call, page: Page) -> Call | None:
    """Ask for what is behind the cursor in the answer.

    Some cursors come as they stand in an address, `MQ%3D%3D`; in HubSpot's own link to
    the next page they are not encoded once more (recorded in amp-labs/connectors).
    """
    after = value_at(page.answer.body, ("paging", "next", "after"))
    return call.with_params(after=unquote(str(after))) if after else None


@dataclass(slots=True)
class Portal:
    """What it has, asked for once a run; threads may share it."""

    api: Api
    paths: Paths
    settings: Settings
    searches: Pace
    _ids: dict[str, Sequence[str]] = field(default_factory=dict)
    _customs: tuple[Kind, ...] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def property_names(self, kind: Kind) -> list[str]:
        """Ask for the names of an object's properties, which people add at any time."""
        call = Call(path=self.paths.properties(kind.path))
        page = known_type(lambda: self.api.ask(call, results))
        return [_named(record).name for record in page.records]

    def custom_kinds(self) -> tuple[Kind, ...]:
        """Ask for the types of objects that the account has defined itself."""
        with self._lock:
            if self._customs is None:
                page = self.api.ask(Call(path=self.paths.schemas), results)
                found = map(_schema, page.records)
                self._customs = tuple(
                    Kind(custom_name(one.name), one.objectTypeId) for one in found
                )
            return self._customs

    def kind(self, name: str) -> Kind:
        """Find a type by its stream's name, if need be among those of the account.

        Raises NotReadable where there is none of that name.
        """
        for one in STANDARD:
            if one.name == name:
                return one
        for one in self.custom_kinds():
            if name in {one.name, one.path}:
                return one
        raise NotReadable(
            f"HubSpot has no type of objects named `{name}`",
            status=404,
            where=f"GET {self.paths.schemas}",
            hint="If it was renamed, discover the tap's streams again",
        )

    def ids(self, kind: Kind) -> Sequence[str]:
        """List the ids of all records of a type; of one type only once."""
        if kind.path not in self._ids:
            path = self.paths.objects(kind.path)
            call = Call(path=path, params={"limit": PAGE, "properties": "hs_object_id"})
            self._ids[kind.path] = [
                id_of(record)
                for page in pages(self.api, call, results, behind_after)
                for record in page.records
            ]
        return self._ids[kind.path]


def known_type(ask: Callable[[], Found]) -> Found:
    """Take a refusal of a type of objects for one of a stream that is not there."""
    try:
        return ask()
    except Refused as error:
        if _NO_SUCH_TYPE not in error.what:
            raise
        raise NotReadable(
            error.what,
            status=error.status,
            where=error.where,
            hint="The account has no such objects (any more); discover the tap's"
            " streams again, or deselect this one",
        ) from error
