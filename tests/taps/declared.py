"""The streams that our taps declare, without a word from the vendors."""

from __future__ import annotations

from taps.hubspot.account import account

from elt.taps.github.tap import GithubTap
from elt.taps.hubspot.tap import HubSpotTap
from elt.taps.recurly.tap import RecurlyTap
from elt.taps.stripe.tap import StripeTap
from elt.testing.apis.serving import served


def declared_streams():
    """Give each tap's catalog entries by name; HubSpot's are those of an account."""
    key = {"api_key": "sk_live_1"}
    token = {"token": "ghp_1", "organizations": ["acme"]}
    found = {
        "stripe": _entries(StripeTap(config=key, parse_env_config=False)),
        "recurly": _entries(RecurlyTap(config=key, parse_env_config=False)),
        "github": _entries(GithubTap(config=token, parse_env_config=False)),
    }
    with served(account()) as hubspot:
        config = {"base_url": hubspot.origin, "access_token": hubspot.api.token}
        tap = HubSpotTap(config=config, parse_env_config=False)
        found["hubspot"] = _entries(tap)
        tap.api.close()
    return found


def _entries(tap):
    return {entry["tap_stream_id"]: entry for entry in tap.catalog_dict["streams"]}
