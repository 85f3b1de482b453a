"""Any JSON API over HTTP, by configuration alone: see docs/guides/syncs-to-apis.md.

Calls are declared for rows that are added, changed and removed; what an API answers is
read where settings say. Nothing that an API has not said makes a row accepted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from elt.errors import ConfigError, Rejected
from elt.project.sync_settings import SyncMode
from elt.remote.pace import Pace
from elt.remote.waits import retry_after
from elt.reverse.addresses import base_url, origin
from elt.reverse.destination import (
    Change,
    ChangeName,
    Receipt,
    Route,
    Traits,
    change_name,
    read_config,
)
from elt.reverse.http import (
    CREDENTIALS,
    NOT_TAKEN,
    WRONG_ADDRESS,
    Lost,
    Reach,
    Remote,
    Settings,
    alike,
)
from elt.reverse.loopback import is_loopback
from elt.reverse.rest.answers import receipts
from elt.reverse.rest.auth import read_auth
from elt.reverse.rest.calls import Call, Draft, drafts, read_call
from elt.reverse.rest.concurrent_calls import side_by_side
from elt.reverse.rest.session import Session
from elt.reverse.rest.settings import WHERE, CallName, Meaning, RestConfig, call_tables

GONE = frozenset((404, 410))
MULTI_STATUS = 207
OF_US = CREDENTIALS | WRONG_ADDRESS | NOT_TAKEN
SETTINGS = Settings(
    address="`url`, the call's `path`, and `object` of the sync",
    credentials="`auth` and `headers`",
)
KINDS: tuple[ChangeName, ...] = ("added", "changed", "removed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The network and the clock, for tests to put others in their place."""

    transport: httpx.BaseTransport | None = None
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class RestDestination:
    """Makes the calls that its config declares."""

    def __init__(
        self, config: Mapping[str, Any], root: Path, *, edges: Edges | None = None
    ) -> None:
        self._edges = edges or Edges()
        self._config = read_config(RestConfig, config)
        tables = call_tables(self._config)
        self._calls = {name: read_call(name, table) for name, table in tables.items()}
        self._remote = self._new_remote(root)
        self._session = self._new_session()
        self.traits = Traits(
            modes=_modes(self._calls),
            batch_size=self._config.batch_size,
            is_local=is_loopback(self._remote.url.host),
            repeatable=_is_repeatable(self._config, self._calls),
            delivery="at least once; a call whose answer was lost may be made again",
        )

    def check(self) -> None:
        """Ask for `check_path`, where there is one; else only see that it answers."""
        path = self._config.check_path
        try:
            response = self._session.ask("GET" if path else "OPTIONS", path or "")
        except Lost as lost:
            raise self._remote.down(lost) from lost
        if path is None or response.is_success:
            return
        self._remote.stop_where_refused(response)
        raise self._remote.down(self._remote.said(response))

    def check_route(self, route: Route) -> None:
        """Find names in templates that are no fields of this sync."""
        columns = [column.name for column in route.columns]
        names = {_call_name(kind, route.mode, self._calls) for kind in KINDS}
        for name in names & set(self._calls) if columns else ():
            self._calls[name].check_names(columns, route.sync)

    def send(self, route: Route, changes: Sequence[Change]) -> Iterator[Receipt]:
        self.check_route(route)
        units: list[Draft] = []
        for call, mine in self._by_call(route, changes):
            for written in drafts(call, route, mine):
                if isinstance(written, Draft):
                    units.append(written)
                else:
                    yield written
        yield from self._deliver(units)

    def _by_call(
        self, route: Route, changes: Sequence[Change]
    ) -> Iterator[tuple[Call, list[Change]]]:
        grouped: dict[CallName, list[Change]] = {}
        for change in changes:
            name = _call_name(change_name(change), route.mode, self._calls)
            if name not in self._calls:
                raise _undeclared(name, route.mode)
            grouped.setdefault(name, []).append(change)
        for name, mine in grouped.items():
            yield self._calls[name], mine

    def _deliver(self, units: Sequence[Draft]) -> Iterator[Receipt]:
        """Make the calls. One that is refused as a whole holds back no other."""
        self._remote.open()
        refusals: list[Rejected] = []
        do = partial(self._answers, refusals)
        for answers in side_by_side(units, do, workers=self._config.concurrency):
            yield from answers
        if refusals:
            raise refusals[0]

    def _answers(self, refusals: list[Rejected], draft: Draft) -> list[Receipt]:
        try:
            return list(self._receipts(draft, self._session.send(draft)))
        except Lost as lost:
            return list(alike(draft.changes, "unknown", str(lost)))
        except Rejected as refusal:
            refusals.append(refusal)
            return []

    def _receipts(self, draft: Draft, response: httpx.Response) -> Iterator[Receipt]:
        said, place = self._remote.said(response), origin(self._remote.url)
        match self._meaning(draft.call, response):
            case "accepted":
                answers = receipts(draft.call.reading, response.content, draft.changes)
                yield from map(self._shown, answers)
            case "unknown" | "pending" as status:
                yield from alike(draft.changes, status, said)
            case "rejected" if draft.call.shape == "row":
                yield from alike(draft.changes, "rejected", said)
            case "rejected":
                raise Rejected(said, where=place)
            case "retryable":
                asked = retry_after(response.headers, self._edges.now)
                raise self._remote.down(said, asked)
            case "stop":
                raise ConfigError(f"the API refused the call: {said}", where=place)

    def _meaning(self, call: Call, response: httpx.Response) -> Meaning:
        """Say what a status means for the rows. Raises where it is about ourselves."""
        status = response.status_code
        given = call.statuses.get(status)
        if given is not None:
            return given
        if status == MULTI_STATUS and not call.reading.is_there:
            return "unknown"  # some rows were taken and others not
        if response.is_success:
            return "accepted"
        if status in GONE and call.names_a_row:
            return "accepted" if call.name == "removed" else "rejected"
        if status in OF_US:
            self._remote.stop_where_refused(response)
        # A server that failed may have done so before or after it kept the rows.
        return "unknown" if response.is_server_error else "rejected"

    def _shown(self, receipt: Receipt) -> Receipt:
        message = self._remote.excerpt(receipt.message)
        return Receipt(receipt.key, receipt.status, message, receipt.destination_id)

    def _new_remote(self, root: Path) -> Remote:
        config = self._config
        return Remote(
            "the API",
            _base(config.url),
            settings=SETTINGS,
            reach=Reach(
                timeout_seconds=config.timeout_seconds,
                verify=config.verify,
                ca_file=root / config.ca_file if config.ca_file else None,
            ),
            transport=self._edges.transport,
            now=self._edges.now,
        )

    def _new_session(self) -> Session:
        config, edges = self._config, self._edges
        pace = Pace(config.requests_per_second, clock=edges.clock, sleep=edges.sleep)
        auth = read_auth(config.auth, f"{WHERE}, `auth`", clock=edges.clock)
        return Session(self._remote, auth, pace=pace, headers=config.headers)


def _call_name(
    kind: ChangeName, mode: SyncMode, declared: Collection[CallName]
) -> CallName:
    """Choose the call for a change: what the mode means, whatever is new to us."""
    if kind == "removed":
        return "removed"
    match mode:
        case "update":
            return "changed"
        case "insert" | "append":
            return "added"
        case "upsert" | "mirror":
            return "upsert" if "upsert" in declared else kind


def _modes(declared: Collection[CallName]) -> frozenset[SyncMode]:
    """List the modes for which every call is there."""
    known: set[SyncMode] = set()
    if "upsert" in declared or {"added", "changed"} <= set(declared):
        known |= {"upsert", "mirror"} if "removed" in declared else {"upsert"}
    if "changed" in declared:
        known |= {"update"}
    if "added" in declared:
        known |= {"insert", "append"}
    if not known:
        raise _undeclared("upsert", "upsert")
    return frozenset(known)


def _undeclared(name: CallName, mode: SyncMode) -> ConfigError:
    return ConfigError(
        f"mode `{mode}` needs the call `{name}`",
        where=WHERE,
        hint=f"Declare a table `{name}` with `method` and `path`",
    )


def _is_repeatable(config: RestConfig, calls: Mapping[CallName, Call]) -> bool:
    """Take an upsert and a removal for repeatable, and a bare POST of a row for not."""
    if config.repeatable is not None:
        return config.repeatable
    makes = (call for name, call in calls.items() if name in {"added", "changed"})
    return all(call.is_repeatable for call in makes)


def _base(text: str) -> httpx.URL:
    url = base_url(text, setting="url", example="https://api.example.com/v2")
    if url.userinfo or url.query or url.fragment:
        raise ConfigError(
            "`url` holds more than an address",
            where=WHERE,
            hint="Write credentials as `auth`, and a query as `query` of each call",
        )
    return url
