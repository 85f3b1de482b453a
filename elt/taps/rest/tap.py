"""A tap of an API: its streams one after the other, whatever becomes of one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import FrameType
from typing import Any, ClassVar

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)

from elt.errors import ConfigError, EltError, Unavailable
from elt.singer.catalog import PATTERNS
from elt.taps.rest.api import Api
from elt.taps.rest.reading import Run, Shape, Source
from elt.taps.rest.settings import check, moment_setting
from elt.taps.rest.stream import RestStream
from elt.taps.rest.vendor import Vendor

_APART = timedelta(minutes=1)  # of two clocks that both go well


class RestTap(Tap):
    """What a vendor's tap adds: its settings, `make_api`, and `rest_streams`."""

    package_name = "elt-toolkit"
    dynamic_catalog = True
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    # Whether the API may be asked for something beside its lists.
    asks_for_the_time: ClassVar[bool] = True

    def __init__(self, *, catalog: Any = None, **given: Any) -> None:
        self.column_patterns = _patterns(catalog)
        super().__init__(catalog=catalog, **given)

    @classmethod
    def check(cls, config: Mapping[str, Any]) -> None:
        """Raise ConfigErrors with all that is wrong, or ConfigError where it is one."""
        declared = {**cls.config_jsonschema, "additionalProperties": False}
        check(config, declared, cls.further_flaws)

    @classmethod
    def further_flaws(cls, config: Mapping[str, Any]) -> Iterable[ConfigError]:
        """Say what is wrong with a config that fits its declaration, if anything is.

        Settings that have a default may be absent.
        """
        del config
        return ()

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        if raise_errors:
            self.check(self.config)
        return super()._validate_config(raise_errors=raise_errors)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Append none: records do not pass through the SDK, nor its stream maps."""

    def make_api(self) -> Api:
        """Make what asks, from the config. Raises ConfigError."""
        raise NotImplementedError

    def rest_streams(self) -> Sequence[RestStream]:
        """Make all streams; a catalog that was given saves asking for schemas."""
        raise NotImplementedError

    def discover_streams(self) -> Sequence[RestStream]:
        try:
            return self.rest_streams()
        except EltError:
            if "api" in self.__dict__:
                self.api.close()
            raise

    @cached_property
    def api(self) -> Api:
        return self.make_api()

    @cached_property
    def run(self) -> Run:
        """What all streams of this run go by; the clock starts at the first look."""
        run = Run(
            began_at=self.now(),
            start=moment_setting(self.config, "start_date"),
            end=moment_setting(self.config, "end_date"),
        )
        if not self.asks_for_the_time:
            run.behind = lambda: self.api.behind
        return run

    def now(self) -> datetime:
        return datetime.now(UTC)

    def stream(self, shape: Shape, source: Source) -> RestStream:
        return RestStream(self, shape, source, self.run)

    def sync_all(self) -> None:  # type: ignore[misc]
        """Read the selected streams; raise, when all were tried, for those that failed.

        The SDK's own stops at the first failure. Streams with a bookmark come first:
        what they commit waits for no stream that is read in full.
        """
        chosen = [stream for stream in self.streams.values() if stream.selected]
        chosen.sort(key=lambda s: (s.replication_method == "FULL_TABLE", s.name))
        try:
            self._heed_their_clock()
            for stream in chosen:
                stream.sync()
        finally:
            self.api.close()
        if self.run.failures:
            raise _all_of(self.run.failures)
        if chosen and len(self.run.skipped) == len(chosen) > 1:
            raise _nothing_is_for_us(self.api.vendor, self.run.skipped[0][1])

    def begin_at(self, moment: datetime) -> None:
        """Let the run begin then: bookmarks are compared with the API's own times."""
        self.run.began_at = moment

    def _heed_their_clock(self) -> None:
        there = self.api.their_time() if self.asks_for_the_time else None
        if there is None:
            return
        apart = self.now() - there
        if abs(apart) > _APART:
            self.logger.warning(
                "this machine's clock is %s %s that of %s, which counts",
                timedelta(seconds=round(abs(apart).total_seconds())),
                "ahead of" if apart > timedelta(0) else "behind",
                self.api.vendor.name,
            )
        self.begin_at(there)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """End at once, and not well: the SDK's own would say that all was read.

        It would also wait for threads that wait for an answer, or for a limit's end.
        What a STATE holds was written with it.
        """
        del frame
        self.logger.warning("stopped by signal %d", signum)
        os._exit(128 + signum)


def _patterns(catalog: Any) -> dict[str, list[str]]:
    """Read the patterns for columns that a catalog has, by stream."""
    entries = catalog.get("streams", ()) if type(catalog) is dict else ()
    return {
        entry["tap_stream_id"]: about["metadata"][PATTERNS]
        for entry in entries
        for about in entry.get("metadata") or ()
        if not about["breadcrumb"] and about["metadata"].get(PATTERNS)
    }


def _nothing_is_for_us(vendor: Vendor, error: EltError) -> ConfigError:
    return ConfigError(
        f"{vendor.name} gives us none of the streams: {error.what}",
        where=error.where,
        hint=f"Look at `base_url`, and at what the `{vendor.credentials_setting}` may"
        " read",
    )


def _all_of(failures: Sequence[tuple[str, EltError]]) -> EltError:
    """Make one error of many; it is temporary where all of them are."""
    temporary = all(isinstance(error, Unavailable) for _, error in failures)
    kind = Unavailable if temporary else EltError
    if len(failures) == 1:
        ((stream, error),) = failures
        what = f"stream `{stream}`: {error.what}"
        return kind(what, where=error.where, hint=error.hint)
    lines = [f"`{stream}`: {error.what}" for stream, error in failures]
    return kind(f"{len(failures)} streams failed: {'; '.join(lines)}")
