"""HubSpot's CRM: contacts, companies, deals, custom objects, in batches of 100.

`object` of a sync is an object's name or id (`contacts`, `2-1234567`, `p_plan`), `key`
a property with unique values, or `hs_object_id`; all other fields are properties.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import httpx
import msgspec
from msgspec import Meta

from elt.errors import ConfigError
from elt.project.sync_settings import SyncMode
from elt.project.table import Seconds
from elt.reverse.addresses import base_url
from elt.reverse.destination import (
    Change,
    Receipt,
    Removed,
    Route,
    Traits,
    read_config,
)
from elt.reverse.http import Lost, Reach, Remote, Settings, alike
from elt.reverse.hubspot import lookups
from elt.reverse.hubspot.batches import Answer, Batch, Kind, batch_of, receipts_of
from elt.reverse.hubspot.properties import (
    Definitions,
    Property,
    check_fields,
)
from elt.reverse.hubspot.refusals import CONFLICT, message_of, refused
from elt.reverse.loopback import is_loopback

Found = TypeVar("Found")
MOST_INPUTS = 100  # HubSpot, batch endpoints
EXAMPLE = "https://api.hubapi.com"
SETTINGS = Settings(address="`base_url`", credentials="`access_token`")
_KINDS: dict[SyncMode, Kind] = {
    "upsert": "upsert",
    "mirror": "upsert",
    "update": "update",
    "insert": "create",
}


class HubspotConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a HubSpot destination."""

    # Of a private app that may write the objects and read their properties.
    access_token: str
    base_url: str = EXAMPLE
    # `v3`, or one of the dates that HubSpot names its versions by.
    api_version: Annotated[str, Meta(pattern=r"v3|\d{4}-\d{2}(-beta)?")] = "v3"
    batch_size: Annotated[int, Meta(ge=1, le=MOST_INPUTS)] = MOST_INPUTS
    timeout_seconds: Seconds = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The network and the clock, for tests to put others in their place."""

    transport: httpx.BaseTransport | None = None
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class HubspotDestination:
    """Writes a sync's rows into one object of HubSpot's CRM."""

    def __init__(
        self, config: Mapping[str, Any], root: Path, *, edges: Edges | None = None
    ) -> None:
        del root
        self._edges = edges or Edges()
        self._config = read_config(HubspotConfig, config)
        url = base_url(self._config.base_url, setting="base_url", example=EXAMPLE)
        self._remote = Remote(
            "HubSpot",
            url,
            settings=SETTINGS,
            reach=Reach(timeout_seconds=self._config.timeout_seconds),
            transport=self._edges.transport,
            now=self._edges.now,
        )
        self._remote.hide(self._config.access_token)
        self._known: dict[str, dict[str, Property]] = {}
        self.traits = Traits(
            modes=frozenset(_KINDS),
            batch_size=self._config.batch_size,
            is_local=is_loopback(url.host),
            # So it is for e-mail addresses, and taken to be for all unique values.
            ignores_case=True,
            delivery="at least once; a record is written over with the same values, or"
            " found to have them",
        )

    def check(self) -> None:
        """Ask who we are. Raises ConfigError or Unavailable."""
        version = self._config.api_version
        self._read("GET", f"/account-info/{version}/details", dict)

    def check_route(self, route: Route) -> None:
        """See what can be seen without a call: that the key is a field."""
        names = [column.name for column in route.columns]
        if names and route.key not in names:
            raise ConfigError(
                f"`{route.key}` is no field of the sync, and HubSpot's records are"
                " found by it",
                where=f"[syncs.{route.sync}]",
            )

    def send(self, route: Route, changes: Sequence[Change]) -> Iterator[Receipt]:
        known = self._properties(route)
        kind = _KINDS[route.mode]
        batch, rejected = batch_of(kind, changes, known, route.key)
        yield from rejected
        yield from self._remove(route, [c for c in changes if isinstance(c, Removed)])
        if batch.rows:
            yield from self._write(route, batch)

    def find(
        self, route: Route, removed: Sequence[Removed]
    ) -> Iterator[Removed | Receipt]:
        """Find the records of rows whose answers were lost, by their keys."""
        self._properties(route)
        lookup, rejected = lookups.of_removed(removed, route.key)
        yield from rejected
        if lookup.changes:
            yield from lookup.receipts(self._looked_up(route, lookup))

    def _looked_up(self, route: Route, lookup: lookups.Lookup) -> Answer:
        path = f"{self._path('objects', route.object)}/batch/read"
        about = list(lookup.changes.values())
        return self._read("POST", path, Answer, content=lookup.content, about=about)

    def _properties(self, route: Route) -> Mapping[str, Property]:
        """Learn an object's properties once, and see that the sync fits them."""
        known = self._known.get(route.object)
        if known is None:
            path = self._path("properties", route.object)
            listed = self._read("GET", path, Definitions)
            known = {one.name: one for one in listed.results}
            self._known[route.object] = known
        fields = {column.name for column in route.columns} | {route.key}
        check_fields(
            known,
            sorted(fields),
            key=route.key,
            is_upsert=_KINDS[route.mode] != "update",
            where=f"[syncs.{route.sync}], object `{route.object}`",
        )
        return known

    def _write(self, route: Route, batch: Batch) -> Iterator[Receipt]:
        path = f"{self._path('objects', route.object)}/batch/{batch.kind}"
        try:
            response = self._ask("POST", path, batch.content)
        except Lost as lost:
            yield from alike(batch.changes, "unknown", str(lost))
            return
        if response.status_code == CONFLICT and batch.kind == "create":
            yield from self._without_made(route, batch, response)
            return
        if not response.is_success:
            yield from self._refused(response, batch.changes)
            return
        try:
            receipts = list(receipts_of(batch, response.content))
        except msgspec.DecodeError as error:
            said = f"its answer cannot be read: {error}"
            receipts = list(alike(batch.changes, "unknown", said))
        yield from self._or_made(route, batch, receipts)

    def _or_made(
        self, route: Route, batch: Batch, receipts: Sequence[Receipt]
    ) -> Iterator[Receipt]:
        """Accept refused rows that are there as sent: their answer was lost before."""
        refused = {r.key: r for r in receipts if r.status == "rejected"}
        if batch.kind != "create" or not refused:
            yield from receipts
            return
        yield from (r for r in receipts if r.key not in refused)
        standing = self._standing(route, batch.only(refused))
        for key, receipt in refused.items():
            made = standing.get(key)
            yield Receipt(key, "accepted", destination_id=made) if made else receipt

    def _without_made(
        self, route: Route, batch: Batch, response: httpx.Response
    ) -> Iterator[Receipt]:
        """Answer for what is there of a batch that was refused, and send the rest."""
        standing = self._standing(route, batch)
        if not standing:
            yield from self._refused(response, batch.changes)
        for key, made in standing.items():
            if made:
                yield Receipt(key, "accepted", destination_id=made)
            else:
                yield Receipt(key, "rejected", message_of(response))
        rest = batch.only({c.key for c in batch.changes} - standing.keys())
        if rest.rows:
            yield from self._write(route, rest)

    def _standing(self, route: Route, batch: Batch) -> dict[str, str | None]:
        lookup = lookups.of_refused(batch, route.key)
        answer = self._looked_up(route, lookup)
        return lookup.standing(answer, batch, self._properties(route))

    def _remove(self, route: Route, removed: Sequence[Removed]) -> Iterator[Receipt]:
        """Archive records by their ids."""
        there = [change for change in removed if change.destination_id is not None]
        nameless = [change for change in removed if change.destination_id is None]
        for found in self.find(route, nameless) if nameless else ():
            if isinstance(found, Receipt):
                yield found
            else:
                there.append(found)
        if there:
            yield from self._archive(route, there)

    def _archive(self, route: Route, there: Sequence[Removed]) -> Iterator[Receipt]:
        inputs = [{"id": change.destination_id} for change in there]
        path = f"{self._path('objects', route.object)}/batch/archive"
        try:
            response = self._ask("POST", path, msgspec.json.encode({"inputs": inputs}))
        except Lost as lost:
            yield from alike(there, "unknown", str(lost))
            return
        if not response.is_success:
            yield from self._refused(response, there)
            return
        yield from alike(there, "accepted")

    def _read(
        self,
        method: str,
        path: str,
        kind: type[Found],
        *,
        content: bytes | None = None,
        about: Sequence[Change] = (),
    ) -> Found:
        """Ask for what changes nothing.

        Raises ConfigError or Unavailable; Rejected where what is asked for is at fault.
        """
        try:
            response = self._ask(method, path, content)
        except Lost as lost:
            raise self._remote.down(lost) from lost
        if not response.is_success:
            list(self._refused(response, about))
            raise self._remote.down(self._remote.said(response))
        try:
            return msgspec.json.decode(response.content, type=kind)
        except msgspec.DecodeError as error:
            raise self._remote.down(f"its answer cannot be read: {error}") from error

    def _ask(
        self, method: str, path: str, content: bytes | None = None
    ) -> httpx.Response:
        """Make a call. Raises Unavailable, ConfigError or Lost, as Remote.send does."""
        headers = {"Authorization": f"Bearer {self._config.access_token}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        url = self._remote.url.copy_with(path=self._remote.url.path.rstrip("/") + path)
        response = self._remote.send(
            self._remote.request(method, url, headers=headers, content=content)
        )
        self._keep_pace(response)
        return response

    def _keep_pace(self, response: httpx.Response) -> None:
        """Wait where no call is left: the count is of the account, the tap's too."""
        headers = response.headers
        left = headers.get("X-HubSpot-RateLimit-Remaining", "")
        interval = headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
        if response.is_success and left == "0" and interval.isdigit():
            self._edges.sleep(int(interval) / 1000)

    def _refused(
        self, response: httpx.Response, changes: Sequence[Change]
    ) -> Iterator[Receipt]:
        return refused(self._remote, response, changes, now=self._edges.now)

    def _path(self, family: str, name: str) -> str:
        """Write a path of a family, whose version is a number or a date."""
        version = self._config.api_version
        if version == "v3":
            return f"/crm/v3/{family}/{name}"
        return f"/crm/{family}/{version}/{name}"
