"""The made-up company's life in HubSpot, as it goes on.

A life is a list of happenings, each with its time; those that are over have been done.
Which there are is a function of the seed alone, so a day more changes none before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from elt.testing.apis.hubspot.happening import Happening, made, record
from elt.testing.apis.hubspot.people import forms, lists, owners
from elt.testing.apis.hubspot.portal import Portal
from elt.testing.apis.hubspot.story import story
from elt.testing.lives import FOUNDED, PLANS, accounts

_AHEAD = timedelta(days=40)  # as much is made at once
_NEVER = datetime.min.replace(tzinfo=UTC)


class Life:
    """Lets the company's life happen to a portal."""

    def __init__(self, portal: Portal, seed: int) -> None:
        portal.add_site()
        portal.around.owners += owners()
        portal.around.lists += lists()
        portal.around.forms += forms()
        self._portal = portal
        self._seed = seed
        self._known_until = _NEVER
        self._lived_until = _NEVER
        self._coming: list[Happening] = []

    def live_until(self, now: datetime) -> None:
        if now >= self._known_until:
            self._look_ahead(now)
        while self._coming and self._coming[-1].at <= now:
            happening = self._coming.pop()
            happening.act(happening.at)
        self._lived_until = now

    def _look_ahead(self, now: datetime) -> None:
        """Make what happens until some weeks from now; the next one is the last."""
        until = (now + _AHEAD).date()
        found = list(self._products())
        for account in accounts(self._seed, until):
            found += story(self._portal, self._seed, account, until)
        found.sort(key=lambda happening: happening.at)
        start = bisect_right(found, self._lived_until, key=lambda h: h.at)
        self._coming = found[start:][::-1]
        self._known_until = datetime.combine(until, time(0), UTC)

    def _products(self) -> Iterator[Happening]:
        at = datetime.combine(FOUNDED, time(8), UTC)
        for number, (plan, (price, _)) in enumerate(PLANS.items(), start=1):
            values = {
                "name": plan.capitalize(),
                "hs_sku": f"plan-{plan}",
                "price": price,
                "recurringbillingfrequency": "monthly",
            }
            yield made(self._portal, record("products", number), at, values)
