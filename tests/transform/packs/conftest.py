from __future__ import annotations

from functools import cache

import pytest
from taps.hubspot.account import account
from transform.packs.rendered import Rendered

from elt.taps.github.tap import GithubTap
from elt.taps.hubspot.tap import HubSpotTap
from elt.taps.recurly.tap import RecurlyTap
from elt.taps.stripe.tap import StripeTap
from elt.testing.apis.serving import served


def _schemas(tap):
    return {
        entry["tap_stream_id"]: entry["schema"] for entry in tap.catalog_dict["streams"]
    }


@pytest.fixture(scope="session")
def schemas():
    """Give the streams' schemas of each tap; HubSpot's are those of an account."""
    with served(account()) as hubspot:
        config = {"base_url": hubspot.origin, "access_token": hubspot.api.token}
        tap = HubSpotTap(config=config, parse_env_config=False)
        found = {"hubspot": _schemas(tap)}
        tap.api.close()
    key = {"api_key": "sk_live_1"}
    found["stripe"] = _schemas(StripeTap(config=key, parse_env_config=False))
    found["recurly"] = _schemas(RecurlyTap(config=key, parse_env_config=False))
    token = {"token": "ghp_1"}
    found["github"] = _schemas(GithubTap(config=token, parse_env_config=False))
    return found


@pytest.fixture(scope="session")
def rendered(schemas):
    """Give a pack over empty tables, which tests only read."""
    return cache(lambda pack: Rendered(pack, schemas[pack]))
