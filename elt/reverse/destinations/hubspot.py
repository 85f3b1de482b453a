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

from elt.errors import ConfigError, Rejected, Unavailable
from elt.project.sync_settings import SyncMode
from elt.project.table import Seconds
from elt.remote.waits import retry_after
from elt.reverse.addresses import base_url, origin
from elt.reverse.destination import (
    Change,
    Receipt,
    Removed,
    Route,
    Traits,
    read_config,
)
from elt.reverse.http import Lost, Reach, Remote, Settings, alike
from elt.reverse.hubspot.batches import Answer, Batch, Kind, batch_of, receipts_of
from elt.reverse.hubspot.properties import (
    RECORD_ID,
    Definitions,
    Property,
    check_fields,
    key_text,
)
from elt.reverse.loopback import is_loopback

Found = TypeVar("Found")
MOST_INPUTS = 100  # HubSpot, batch endpoints
MULTI_STATUS, BAD_REQUEST, CONFLICT = 207, 400, 409
TOO_MANY, FORBIDDEN, NOT_FOUND = 429, 403, 404
DAY_SECONDS = 86_400.0
# Nginx's and Cloudflare's ways of saying that HubSpot was not reached.
BUSY = frozenset((423, 477, 502, 503, 504, 521, 523, 524))
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
            delivery="at least once; a record is written over with the same values",
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
        removed = [change for change in changes if isinstance(change, Removed)]
        if removed:
            yield from self._archive(route, removed)
        if batch.rows:
            yield from self._write(route, batch)

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
            return alike(batch.changes, "unknown", str(lost))
        if not response.is_success:
            return self._refused(response, batch.changes)
        try:
            return iter(list(receipts_of(batch, response.content)))
        except msgspec.DecodeError as error:
            said = f"its answer cannot be read: {error}"
            return alike(batch.changes, "unknown", said)

    def _archive(self, route: Route, removed: Sequence[Removed]) -> Iterator[Receipt]:
        """Archive records by their ids; one that is not there is gone already."""
        ids = self._ids(route, removed)
        yield from (
            Receipt(change.key, "accepted")
            for change in removed
            if ids.get(change.key) is None
        )
        there = [change for change in removed if ids.get(change.key) is not None]
        if not there:
            return
        inputs = [{"id": ids[change.key]} for change in there]
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

    def _ids(self, route: Route, removed: Sequence[Removed]) -> dict[str, str | None]:
        """Find the records' ids: those that we were told, else by the key."""
        ids: dict[str, str | None] = {c.key: c.destination_id for c in removed}
        unknown = {
            _name_of(change, route.key).lower(): change.key
            for change in removed
            if change.destination_id is None
        }
        if route.key == RECORD_ID:
            return ids | {key: name for name, key in unknown.items()}
        if unknown:
            ids |= self._found(route, unknown)
        return ids

    def _found(self, route: Route, names: Mapping[str, str]) -> dict[str, str]:
        path = f"{self._path('objects', route.object)}/batch/read"
        asked = {
            "idProperty": route.key,
            "properties": [route.key],
            "inputs": [{"id": name} for name in names],
        }
        found = self._read("POST", path, Answer, msgspec.json.encode(asked))
        return {
            names[name]: one.id
            for one in found.results
            if (name := str(one.properties.get(route.key)).lower()) in names
        }

    def _read(
        self, method: str, path: str, kind: type[Found], content: bytes | None = None
    ) -> Found:
        """Ask for what changes nothing. Raises ConfigError or Unavailable."""
        try:
            response = self._ask(method, path, content)
        except Lost as lost:
            raise self._remote.down(lost) from lost
        if not response.is_success:
            list(self._refused(response, ()))
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
        """Say what a refusal means for the rows, or raise what it means for us."""
        status, said = response.status_code, self._remote.said(response)
        place = origin(self._remote.url)
        if status == TOO_MANY:
            raise self._too_many(response, said)
        if status in BUSY:
            raise self._remote.down(
                said, retry_after(response.headers, self._edges.now)
            )
        if status == FORBIDDEN:
            raise ConfigError(
                f"HubSpot does not let the token do this: {said}",
                where=place,
                hint=f"Give the private app {_scopes(response)}",
            )
        if status == NOT_FOUND or (status == BAD_REQUEST and not changes):
            raise ConfigError(
                f"HubSpot knows no such object: {said}",
                where=place,
                hint="Look at `object` of the sync: `contacts`, `companies`, `deals`,"
                " or the id of a custom object, as `2-1234567`",
            )
        if status in {BAD_REQUEST, CONFLICT} and changes:
            raise Rejected(_message(response) or said, where=place)
        self._remote.stop_where_refused(response)
        # A server that failed may have done so before or after it kept the rows.
        return alike(
            changes, "unknown" if response.is_server_error else "rejected", said
        )

    def _too_many(self, response: httpx.Response, said: str) -> Unavailable:
        """Tell a limit of seconds, which is waited for, from that of a day."""
        if _field(response, "policyName") == "DAILY":
            error = self._remote.down(f"the account's calls of today are spent: {said}")
            error.retry_after_seconds = DAY_SECONDS
            return error
        asked = retry_after(response.headers, self._edges.now)
        interval = response.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
        if asked is None and interval.isdigit():
            asked = int(interval) / 1000
        return self._remote.down(said, 1.0 if asked is None else asked)

    def _path(self, family: str, name: str) -> str:
        """Write a path of a family, whose version is a number or a date."""
        version = self._config.api_version
        if version == "v3":
            return f"/crm/v3/{family}/{name}"
        return f"/crm/{family}/{version}/{name}"


def _name_of(change: Removed, key: str) -> str:
    """Give the key's value; of a row that was never accepted there is no payload."""
    return change.key if change.old_text is None else key_text(change.old_text, key)


def _field(response: httpx.Response, name: str) -> Any:
    try:
        body = response.json()
    except ValueError:
        return None
    return body.get(name) if isinstance(body, dict) else None


def _message(response: httpx.Response) -> str:
    return str(_field(response, "message") or "")[:500]


def _scopes(response: httpx.Response) -> str:
    errors = _field(response, "errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    told = first.get("context", {}) if isinstance(first, dict) else {}
    needed = told.get("requiredGranularScopes") or _field(response, "context") or []
    if isinstance(needed, dict):
        needed = needed.get("requiredGranularScopes") or []
    return f"the scopes {', '.join(needed)}" if needed else "the scope that it names"
