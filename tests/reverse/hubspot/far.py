"""A simulated HubSpot as the other side of a sync."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal
from functools import partial

from elt.reverse.destinations.hubspot import Edges, HubspotDestination
from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.serving import served
from elt.testing.apis.troubles import HangsUp, Says, Waits
from elt.testing.destination_rules import FarSide


@contextmanager
def hubspot(**knobs):
    """Give an empty account whose companies have an id, a name and a score."""
    api = HubSpot(company=False, **knobs)
    api.define("companies", "id", type="string", is_unique=True)
    api.define("companies", "score", type="number")
    with served(api) as far:
        yield far


def destination(far, folder, *, slept=None, **config):
    given = {
        "access_token": far.api.token,
        "base_url": far.origin,
        **config,
    }
    waits = [] if slept is None else slept
    return HubspotDestination(given, folder, edges=Edges(sleep=waits.append))


def rows_of(api, kind="companies"):
    found = {}
    for properties in api.records(kind).values():
        score = properties.get("score")
        found[properties["id"]] = {
            "id": properties["id"],
            "name": properties.get("name") or None,
            "score": Decimal(score) if score else None,
        }
    return found


def far_side(far):
    front = far.api.front

    @contextmanager
    def trouble(kind):
        front.troubles.add(kind, method="POST", times=99)
        try:
            yield
        finally:
            front.troubles.clear()

    @contextmanager
    def refused():
        far.api.access.revoke(far.api.token)
        yield

    return FarSide(
        rows=partial(rows_of, far.api),
        secrets=[far.api.token],
        troubles={
            "refuses us": refused,
            "is down": partial(trouble, Says(503, "busy")),
            "loses the answer": partial(trouble, HangsUp(acts=True)),
            "is slow": partial(trouble, Waits(1.0)),
        },
    )
