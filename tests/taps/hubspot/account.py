"""A simulated account, and the tap run against it at the account's own time."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from taps.told import Told

from elt.remote.pace import Pace
from elt.singer.catalog import select, selected_streams
from elt.taps.hubspot.tap import HubSpotTap
from elt.testing.apis.clock import Clock
from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.hubspot.portal import Limits

START = datetime(2025, 6, 1, 12, tzinfo=UTC)
FAST = {"requests_per_ten_seconds": 1e6, "searches_per_second": 1e6}


def account(**given):
    """Make an empty account whose clock stands and whose limits do not count."""
    limits = Limits(
        per_ten_seconds=10**9, searches_per_second=10**9, oauth_per_ten_seconds=10**9
    )
    settings = {"company": False, "limits": limits, "clock": Clock(START), **given}
    return HubSpot(**settings)


class ContactsTold(Told):
    usual = "contacts"

    def __init__(self, text, error, slept, portal):
        super().__init__(text, error)
        self.slept = slept
        self.portal = portal

    def deleted(self, stream=None):
        return {row["id"] for row in self.rows(stream) if row.get("_sdc_deleted_at")}

    def live(self, stream=None):
        """Give the last row of each id, those that are deleted left out."""
        last = {row["id"]: row for row in self.rows(stream)}
        return {i: r for i, r in last.items() if not r.get("_sdc_deleted_at")}


def make_tap(
    hubspot,
    *,
    only=(),
    state=None,
    oauth=False,
    full_table=(),
    most_results=10_000,
    **config,
):
    """Make the tap, its clock the account's; `slept` is what it would have slept.

    `most_results` is from how many on a window of search is halved.
    """
    clock = hubspot.api.clock
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        clock.advance(timedelta(seconds=seconds))

    class Tap(HubSpotTap):
        def now(self):
            return clock.now()

        def make_api(self):
            api = super().make_api()
            api._sleep = sleep
            api.pace = Pace(None, clock=clock.seconds, sleep=sleep)
            return api

    given = {"base_url": hubspot.origin, **FAST, **config}
    given = {name: value for name, value in given.items() if value is not None}
    if not oauth:
        given.setdefault("access_token", hubspot.api.token)
    catalog = None
    if only:
        catalog = _catalog(hubspot.api, Tap, given, only)
    for entry in catalog["streams"] if catalog else ():
        if entry["tap_stream_id"] in full_table:
            entry["replication_method"] = "FULL_TABLE"
            entry["metadata"][-1]["metadata"]["replication-method"] = "FULL_TABLE"
    given_state = deepcopy(state)  # the tap writes into it
    tap = Tap(config=given, catalog=catalog, state=given_state, parse_env_config=False)
    tap.slept = slept
    tap.portal.settings = replace(tap.settings, most_results=most_results)
    return tap


def _catalog(api, tap, config, only):
    """Discover once, as elt does: what is defined later is in no catalog."""
    found = api.__dict__.setdefault("catalogs", {})
    key = json.dumps(config, sort_keys=True)
    if key not in found:
        asking = tap(config=config, parse_env_config=False)
        found[key] = asking.catalog_dict
        asking.api.close()
    chosen = select(found[key], list(only), {})
    selected = {stream.id for stream in selected_streams(chosen)}
    # Making each stream of a catalog takes its time, also of those that are not read.
    streams = [s for s in chosen["streams"] if s["tap_stream_id"] in selected]
    return {**chosen, "streams": streams}
