"""The settings of the tap, and what is read from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from elt.errors import ConfigError
from elt.taps.rest.settings import common_settings

URL = "https://api.stripe.com"
# What version 16.1 of Stripe's SDK for Python sends; columns.py has its fields.
VERSION = "2026-10-28.endive"
OWN, ALL = "own", "all"
DAY_SECONDS = 86_400

SETTINGS: dict[str, Any] = {
    "type": "object",
    "required": ["api_key"],
    "x-elt-window": {"start": "start_date", "end": "end_date"},
    "properties": {
        "api_key": {
            "type": "string",
            "secret": True,
            "writeOnly": True,
            "description": "A restricted key (rk_...) that may read, or a secret key",
        },
        **common_settings(URL),
        "account_ids": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Connected accounts to read: their ids; `all` for each that"
            " there is, `own` for that of the key. Default: that of the key alone",
        },
        "api_version": {
            "type": "string",
            "description": f"Stripe's version of the API, default {VERSION}",
        },
        "requests_per_second": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "At most so many, default 20; Stripe allows 25 of one kind,"
            " and those of your own programs count too",
        },
        "lookback_seconds": {
            "type": "integer",
            "minimum": 0,
            "description": "How far before the bookmark to begin, for what shows up"
            " late, default 600",
        },
        "event_days": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "For how many days changes are taken from events; a stream"
            " whose bookmark is older is read in full again. Default 29, Stripe keeps"
            " them for 30",
        },
        "event_window_days": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "Days of events between two bookmarks, default 1",
        },
        "rows_per_window": {
            "type": "integer",
            "minimum": 1,
            "description": "About how many rows of a list to read between two points"
            " from which an interrupted first read goes on, default 5000",
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to read."""

    version: str = VERSION
    requests_per_second: float = 20.0
    lookback_seconds: int = 600
    event_seconds: int = 29 * DAY_SECONDS
    event_window_seconds: int = DAY_SECONDS
    rows_per_window: int = 5000
    account_ids: tuple[str, ...] = ()


def options_of(config: Mapping[str, Any]) -> Options:
    # singer-sdk reads a config's fractions as Decimal, so each is made a number here.
    kinds: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "api_version": ("version", str),
        "requests_per_second": ("requests_per_second", float),
        "lookback_seconds": ("lookback_seconds", int),
        "event_days": ("event_seconds", _days),
        "event_window_days": ("event_window_seconds", _days),
        "rows_per_window": ("rows_per_window", int),
        "account_ids": ("account_ids", tuple),
    }
    given = {
        option: kind(config[name])
        for name, (option, kind) in kinds.items()
        if config.get(name) is not None
    }
    return Options(**given)


def _days(number: Any) -> int:
    return max(1, int(number * DAY_SECONDS))


def key_of(config: Mapping[str, Any]) -> str:
    """Give the API key. Raises ConfigError for one that can read nothing."""
    key = str(config.get("api_key") or "").strip()
    if key.startswith("pk_"):
        raise ConfigError(
            "`api_key` is a publishable key (pk_...), which may not read",
            hint="Make a restricted key at dashboard.stripe.com/apikeys that may read"
            " what you want to load; it begins with rk_",
        )
    if not key:
        raise ConfigError(
            "the stripe tap needs an `api_key`",
            hint='Add `api_key = "${env:STRIPE_API_KEY}"`, or run `elt add tap stripe`',
        )
    return key
