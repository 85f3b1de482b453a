"""The events tap: Segment's and Snowplow's events as they lie on disk.

    python -m elt.taps.events --config config.json --discover

Every event is judged by a schema; a bad one is a row of `bad_events`, with the
reasons, and stops nothing. Events have keys, so that a target that upserts has each
once. Files are known by their content, as in the files tap; what the collector's clock
said last is shown in the state, and decides nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlparse

from singer_sdk import Stream, Tap
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.helpers.conform import TypeConformanceLevel

from elt.taps.events.feed import Feed, format_of, rows_of, shapes
from elt.taps.events.found import Format, StreamShape
from elt.taps.events.position import Position
from elt.taps.events.settings import CONFIG_SCHEMA, Settings, check, settings_of
from elt.taps.events.writing import BAD_SHAPE, Chosen, schema_of_shape
from elt.taps.records import Out
from elt.taps.stdout import write


class EventStream(Stream):
    """One of the streams that come out of the same files."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: EventsTap, name: str, shape: StreamShape) -> None:
        super().__init__(tap, schema=schema_of_shape(shape), name=name)
        self._events_tap = tap
        self._is_described = False
        self.primary_keys = shape.key
        self.forced_replication_method = "INCREMENTAL"

    def get_records(self, context: Any) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        """Give the rows of all files, for a test of some records."""
        return self._events_tap.rows_of(self.name)

    def describe(self) -> None:
        """Write the SCHEMA, unless it was written already."""
        self._write_schema_message()

    def _write_schema_message(self) -> None:
        if not self._is_described:
            super()._write_schema_message()
        self._is_described = True

    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        """Give none: events are judged one by one, and are records."""

    @property
    def columns_left_out(self) -> set[str]:
        properties = self.effective_schema["properties"]
        return {name for name in properties if not self.mask["properties", name]}

    def _sync_records(
        self, context: Any = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        """Read the files once for all streams, as the first of them is asked for."""
        if self.ABORT_AT_RECORD_COUNT is not None or not write_messages:
            yield from super()._sync_records(context, write_messages=write_messages)
            return
        self._events_tap.read_once()

    def _increment_stream_state(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: files are the bookmark, not the rows in them."""

    def _write_starting_replication_value(self, context: Any) -> None:
        """Do nothing, for the same reason."""


class EventsTap(Tap):
    """Segment and Snowplow events in files; every event judged, none dropped."""

    name = "tap-events"
    package_name = "elt-toolkit"
    dynamic_catalog = True
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_SCHEMA
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    _was_read = False

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Append none: records do not pass through the SDK, nor its stream maps."""

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        if raise_errors:
            check(self.config)
        return super()._validate_config(raise_errors=raise_errors)

    def discover_streams(self) -> list[EventStream]:
        """Make the streams; a catalog that is given saves looking into the files."""
        if self.input_catalog is not None:
            fixed = {**self._format.fixed(), "bad_events": BAD_SHAPE}
            names = [entry.tap_stream_id for entry in self.input_catalog.streams]
            found = {n: fixed.get(n) or self._format.shape_of(n) for n in names}
        else:
            found = shapes(self._settings, self._format, Path.cwd())
        return [EventStream(self, name, shape) for name, shape in found.items()]

    def rows_of(self, stream: str) -> Iterable[dict[str, Any]]:
        return rows_of(self._settings, self._format, stream, root=Path.cwd())

    def read_once(self) -> None:
        """Read what is new, for all streams that are selected."""
        if self._was_read:
            return
        self._was_read = True
        streams = [one for one in self.streams.values() if isinstance(one, EventStream)]
        selected = {one.name: one.selected for one in streams}
        chosen = Chosen(
            streams=selected,
            left_out={one.name: one.columns_left_out for one in streams},
            strangers=self._takes_strangers(selected),
        )
        state: dict[str, Any] = self.state  # type: ignore[assignment]
        position = Position(
            state.setdefault("bookmarks", {}),
            selected,
            layout=self._settings.layout,
            full={o.name for o in streams if o.replication_method == "FULL_TABLE"},
            strangers=chosen.strangers,
        )
        for one in streams:
            if one.selected:
                one.describe()
        feed = Feed(
            self._settings,
            self._format,
            Out(write),
            root=Path.cwd(),
            logger=self.logger,
        )
        feed.run(state, chosen, position, batches=_folder(self.config))

    @cached_property
    def _settings(self) -> Settings:
        return settings_of(self.config, Path.cwd())

    @cached_property
    def _format(self) -> Format:
        return format_of(self._settings)

    def _takes_strangers(self, selected: Mapping[str, bool]) -> bool:
        """Whoever leaves out some tables of entities or events wants no new ones."""
        fixed = {*self._format.fixed(), "bad_events"}
        return all(chosen for name, chosen in selected.items() if name not in fixed)


def _folder(config: Mapping[str, Any]) -> Path | None:
    """Find where the target wants files of batches; None where it takes none."""
    batch_config = config.get("batch_config")
    if not batch_config:
        return None
    root = (batch_config.get("storage") or {}).get("root")
    if not root:
        return Path(tempfile.mkdtemp(prefix="elt-"))
    parsed = urlparse(root)
    return Path(unquote(parsed.path) if parsed.scheme == "file" else root)
