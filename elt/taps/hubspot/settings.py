"""What may stand in the hubspot tap's config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from elt.errors import ConfigError
from elt.taps.rest.settings import common_settings

BASE_URL = "https://api.hubapi.com"
OAUTH = ("client_id", "client_secret", "refresh_token")
_SECRET = {"type": "string", "secret": True, "writeOnly": True}
_NUMBER = {"type": "number", "exclusiveMinimum": 0}
CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "x-elt-window": {"start": "start_date", "end": "end_date"},
    "properties": {
        "access_token": {
            **_SECRET,
            "description": "Of a private app, begins with pat-; or the three of OAuth",
            "x-elt-ask": True,
        },
        "client_id": {"type": "string", "description": "OAuth: of the app"},
        "client_secret": {**_SECRET, "description": "OAuth: of the app"},
        "refresh_token": {**_SECRET, "description": "OAuth: of the account"},
        "associations": {
            "type": "array",
            "items": {"type": "string", "pattern": "^[^:]+:[^:]+$"},
            "description": "Which objects' bonds to read, as in deals:contacts, each a"
            " stream; default: those of contacts, companies, deals, tickets, quotes",
        },
        "history": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
            "description": "Properties whose earlier values to read, by object, as in"
            ' deals = ["dealstage"]; an empty list is all of them',
        },
        "sweep_days": {
            **_NUMBER,
            "description": "Read all objects again so often, to find what was deleted"
            " for good; default never",
        },
        "api_version": {
            "type": "string",
            "pattern": r"^(v3|\d{4}-\d{2}(-beta)?)$",
            "default": "v3",
            "description": "v3, or a date such as 2026-03",
        },
        "index_lag_seconds": {
            "type": "number",
            "minimum": 0,
            "default": 60,
            "description": "How much later search knows of a change",
        },
        "requests_per_ten_seconds": {
            **_NUMBER,
            "description": "Default as many as HubSpot's answers allow; until the"
            " first one 190, and 110 with OAuth",
        },
        "searches_per_second": {
            **_NUMBER,
            "default": 4,
            "description": "Of HubSpot's 5; others may search too",
        },
        "longest_query": {
            "type": "integer",
            "minimum": 100,
            "default": 14_000,
            "description": "Characters of an address; more properties than fit are"
            " asked for by POST",
        },
        **common_settings(BASE_URL),
    },
}

PAIRS = (
    ("contacts", "companies"),
    ("deals", "contacts"),
    ("deals", "companies"),
    ("deals", "line_items"),
    ("tickets", "contacts"),
    ("tickets", "companies"),
    ("quotes", "deals"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings, as values. The limits are HubSpot's (Usage guidelines)."""

    api_version: str
    pairs: tuple[tuple[str, str], ...]
    history: Mapping[str, tuple[str, ...]]
    sweep_every: timedelta | None
    index_lag: timedelta
    requests_per_second: float
    searches_per_second: float
    longest_query: int
    concurrency: int
    most_results: int = 10_000  # of a window of search that is not halved


def uses_oauth(config: Mapping[str, Any]) -> bool:
    """Say which of the two kinds of credentials there are.

    Raises ConfigError where there are none.
    """
    if config.get("access_token"):
        return False
    absent = [name for name in OAUTH if not config.get(name)]
    if absent:
        raise ConfigError(
            "the tap needs an `access_token`, or"
            f" {', '.join(f'`{name}`' for name in OAUTH)}",
            hint="Make a private app in HubSpot (Settings, Integrations) and write"
            ' `access_token = "${env:HUBSPOT_TOKEN}"`',
        )
    return True


def settings_of(config: Mapping[str, Any]) -> Settings:
    pairs, sweep_days = config.get("associations"), config.get("sweep_days")
    usual = 110 if uses_oauth(config) else 190
    # Numbers of a config may be decimals, which do not mix with floats.
    return Settings(
        api_version=config["api_version"],
        pairs=PAIRS if pairs is None else tuple(map(_pair, pairs)),
        history={k: tuple(v) for k, v in (config.get("history") or {}).items()},
        sweep_every=timedelta(days=float(sweep_days)) if sweep_days else None,
        index_lag=timedelta(seconds=float(config["index_lag_seconds"])),
        requests_per_second=float(config.get("requests_per_ten_seconds") or usual) / 10,
        searches_per_second=float(config["searches_per_second"]),
        longest_query=int(config["longest_query"]),
        concurrency=int(config["concurrency"]),
    )


def _pair(text: str) -> tuple[str, str]:
    start, _, end = text.partition(":")
    return start.strip(), end.strip()
