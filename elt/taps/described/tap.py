"""The rest tap: streams of any JSON API, as they are described in elt.toml.

    python -m elt.taps.described --config config.json --discover

Columns are found in the first records, and become more and wider while it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from elt.errors import ConfigError
from elt.remote.pace import Pace
from elt.taps.described.auth import credentials_of
from elt.taps.described.behind import Behind
from elt.taps.described.declared import CONFIG
from elt.taps.described.learning import Learner
from elt.taps.described.lists import Lists
from elt.taps.described.sample import columns_of, columns_of_all
from elt.taps.described.sense import further_flaws
from elt.taps.described.settings import (
    StreamSettings,
    is_in_order,
    lagging_field,
    settings_of,
)
from elt.taps.described.spans import KINDS, bookmark_of, spans
from elt.taps.described.templates import plain
from elt.taps.rest.api import Api
from elt.taps.rest.marks import Cursor
from elt.taps.rest.reading import Chunk, Reading, Shape
from elt.taps.rest.rows import Record
from elt.taps.rest.settings import reach_of
from elt.taps.rest.stream import RestStream
from elt.taps.rest.tap import RestTap
from elt.taps.rest.vendor import NOT_FOR_US, Vendor

_NOT_FOUND = 404


class DescribedStream(RestStream):
    """A stream whose columns become wider while it is read."""

    def widen(self, columns: Mapping[str, Any]) -> None:
        """Describe the stream again before its next records."""
        for schema in (self.effective_schema, self.stream_maps[0].transformed_schema):
            known = schema["properties"]
            for name, column in columns.items():
                # Where patterns choose among new columns, the loader adds them.
                if name in known or not self.column_patterns:
                    known[name] = self._keyed(name, column)
        self._is_described = False

    def _keyed(self, name: str, column: Mapping[str, Any]) -> dict[str, Any]:
        is_key = name in (self.primary_keys or ())
        types = [one for one in column["type"] if not (is_key and one == "null")]
        return {**column, "type": types}


class DescribedTap(RestTap):
    """Any JSON API, described in elt.toml."""

    name = "tap-rest"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG
    asks_for_the_time: ClassVar[bool] = False  # nobody knows what else it would do

    @classmethod
    def further_flaws(cls, config: Mapping[str, Any]) -> Iterable[ConfigError]:
        return further_flaws(config)

    def make_api(self) -> Api:
        credentials, params = credentials_of(self.config, logger=self.logger)
        always = {n: plain(v) for n, v in (self.config.get("params") or {}).items()}
        reach = reach_of(self.config, "", headers=self.config.get("headers"))
        return Api(
            vendor_of(reach.base_url),
            replace(reach, params={**always, **params}),
            credentials,
            pace=Pace(self.config.get("requests_per_second")),
            logger=self.logger,
        )

    def rest_streams(self) -> Sequence[RestStream]:
        columns = self._columns()
        return [
            DescribedStream(
                self,
                self._shape(settings, columns[name]),
                partial(self._read, settings),
                self.run,
            )
            for name, settings in self._settings.items()
        ]

    @cached_property
    def _settings(self) -> Mapping[str, StreamSettings]:
        return settings_of(self.config)

    @cached_property
    def _lists(self) -> Lists:
        return Lists(
            api=self.api,
            streams=self._settings,
            start=self.run.start,
            until=self.run.end or self.run.began_at,
            now=self.now,
        )

    def _columns(self) -> Mapping[str, dict[str, Any]]:
        """Take the columns from a catalog that was given, else look into the API."""
        catalog = self.input_catalog
        if catalog is None:
            names = list(self._settings)
            return columns_of_all(self._lists, names, logger=self.logger)
        found: dict[str, dict[str, Any]] = {}
        for name, settings in self._settings.items():
            entry = catalog.get_stream(name)
            known = entry.schema.to_dict().get("properties", {}) if entry else None
            found[name] = columns_of(settings, ()) if known is None else known
        return found

    def _read(self, stream: StreamSettings, reading: Reading) -> Iterator[Chunk]:
        lists = replace(
            self._lists,
            until=reading.until,
            marks=reading.marks,
            leave_out=reading.leave_out,
            note=reading.note,
        )
        in_order = is_in_order(stream, self._settings)
        learn = self._learner(stream)
        field = lagging_field(stream, self._settings)
        behind = Behind(stream, field, reading.marks) if field else None
        for span in spans(
            stream,
            since=reading.since(),
            until=reading.until,
            has_end=reading.has_end,
        ):
            for records in lists.read(stream, span, goes_on=reading.marks.is_kept):
                learn(records)
                yield Chunk(records=records, in_order=in_order)
                if behind:
                    behind.see(records)
            if stream.cursor and span.until and span.until < reading.until:
                # No further than its begin: what shows up late may be in this range.
                reading.marks.see([bookmark_of(stream.cursor, span.since)])
            # What is behind a span's end comes in the next: the bookmark may move.
            yield Chunk(in_order=True, reached=behind.reached() if behind else None)

    def _shape(self, stream: StreamSettings, properties: Mapping[str, Any]) -> Shape:
        cursor = stream.cursor
        return Shape(
            name=stream.name,
            key=stream.key,
            properties=properties,
            cursor=Cursor(cursor.field, KINDS[cursor.kind]) if cursor else None,
            tells_reached=bool(lagging_field(stream, self._settings)),
        )

    def _learner(self, settings: StreamSettings) -> Callable[[Sequence[Record]], None]:
        stream = self.streams.get(settings.name)
        if not isinstance(stream, DescribedStream):
            return lambda _: None
        known = stream.effective_schema["properties"]
        learner = Learner(known, settings.columns)

        def learn(records: Sequence[Record]) -> None:
            wider = learner.learn(records)
            if wider:
                stream.widen(wider)

        return learn


def vendor_of(base_url: str) -> Vendor:
    """Name an API by its host; a path that is not there is a setting to mend."""
    return Vendor(
        name=urlsplit(base_url).hostname or base_url,
        credentials_setting="auth",
        not_for_us=NOT_FOR_US - {_NOT_FOUND},
        names_queries=True,
    )
