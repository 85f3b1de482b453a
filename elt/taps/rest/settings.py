"""The settings that all taps of APIs have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from elt.errors import ConfigError, ConfigErrors
from elt.taps.rest.checking import Schema, flaws
from elt.taps.rest.vendor import Reach

_USUAL = {one.name: one.default for one in fields(Reach)}


def common_settings(base_url: str | None) -> dict[str, Any]:
    """Declare them as properties of a JSON Schema; `base_url` is the usual one."""
    usual = f", default {base_url}" if base_url else ""
    return {
        "start_date": {
            "type": "string",
            "description": "Read what is from then on; default: everything",
            "x-elt-ask": True,
        },
        "end_date": {
            "type": "string",
            "description": "Read what is before it; for windows",
        },
        "base_url": {
            "type": "string",
            "description": f"Where the API is{usual}",
        },
        "timeout_seconds": {
            "type": "number",
            "exclusiveMinimum": 0,
            "default": _USUAL["timeout_seconds"],
            "description": "For each part of an answer; connecting has 5 at most",
        },
        "tries": {
            "type": "integer",
            "minimum": 1,
            "default": _USUAL["tries"],
            "description": "How often to ask when an answer fails",
        },
        "longest_wait_seconds": {
            "type": "number",
            "minimum": 0,
            "default": _USUAL["longest_wait_seconds"],
            "description": "Longer waits that the API asks for, of one request in all,"
            " end the tap, and its step waits for up to an hour",
        },
        "concurrency": {
            "type": "integer",
            "minimum": 1,
            "maximum": 50,
            "default": _USUAL["concurrency"],
            "description": "Requests side by side",
        },
        "user_agent": {
            "type": "string",
            "description": "How we call ourselves",
        },
    }


def check(
    config: Mapping[str, Any],
    declared: Schema,
    further: Callable[[Mapping[str, Any]], Iterable[ConfigError]] = lambda _: (),
) -> None:
    """Compare a config with its declaration, and look at addresses and dates.

    `further` looks at a config that fits its declaration. Raises ConfigErrors with all
    that is wrong, or ConfigError where it is one.
    """
    found = list(flaws(config, declared))
    found = found or [*_of_usual(config), *further(config)]
    if len(found) == 1:
        raise found[0]
    if found:
        raise ConfigErrors(found)


def raised_by(*looks: Callable[[], object]) -> Iterator[ConfigError]:
    """Give what each look raises."""
    for look in looks:
        try:
            look()
        except ConfigError as error:
            yield error


def _of_usual(config: Mapping[str, Any]) -> Iterator[ConfigError]:
    return raised_by(
        lambda: reach_of(config, "https://"),
        lambda: moment_setting(config, "start_date"),
        lambda: _end_behind_start(config),
    )


def _end_behind_start(config: Mapping[str, Any]) -> None:
    end = moment_setting(config, "end_date")
    try:
        start = moment_setting(config, "start_date")
    except ConfigError:
        return  # which is told by itself
    if start and end and end < start:
        raise ConfigError(
            f"`end_date` is before the start: {config['end_date']}",
            hint="Nothing is between them, so nothing would ever be read",
        )


def reach_of(
    config: Mapping[str, Any],
    base_url: str,
    *,
    headers: Mapping[str, str] | None = None,
) -> Reach:
    """Read how to get to the API. Raises ConfigError for an address that is none."""
    url = str(config.get("base_url") or base_url)
    if not url.startswith(("http://", "https://")):
        raise ConfigError(
            f"`base_url` is not an address: {url}",
            hint="Write it with https://, as in https://api.example.com/v1",
        )
    # Fractions in a config are decimals, and a socket takes no decimals.
    kinds: dict[str, Callable[[Any], Any]] = {
        "timeout_seconds": float,
        "tries": int,
        "longest_wait_seconds": float,
        "concurrency": int,
        "user_agent": str,
    }
    given = {
        name: kind(config[name])
        for name, kind in kinds.items()
        if config.get(name) is not None
    }
    return Reach(base_url=url, headers=dict(headers or {}), **given)


def moment_setting(config: Mapping[str, Any], name: str) -> datetime | None:
    """Read a date or moment, in UTC where it has no zone. Raises ConfigError."""
    text = config.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise ConfigError(
            f"`{name}` is not a date: {text}",
            hint=f'Write `{name} = "2025-01-31"` or `"2025-01-31T08:00:00Z"`',
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)
