"""The hubspot tap.

python -m elt.taps.hubspot --config config.json --discover
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any, ClassVar

from elt.errors import ConfigError
from elt.remote.pace import Pace
from elt.singer.catalog import CHANGES
from elt.taps.hubspot import associations, history
from elt.taps.hubspot.access import busy, credentials_of, told_per_second, vendor
from elt.taps.hubspot.around import AROUND
from elt.taps.hubspot.kinds import STANDARD, Kind
from elt.taps.hubspot.objects import read_objects
from elt.taps.hubspot.paths import Paths
from elt.taps.hubspot.portal import Portal
from elt.taps.hubspot.rows import properties_of
from elt.taps.hubspot.settings import (
    BASE_URL,
    CONFIG_SCHEMA,
    Settings,
    settings_of,
    uses_oauth,
)
from elt.taps.rest.ahead import side_by_side
from elt.taps.rest.api import Api
from elt.taps.rest.calls import Answer
from elt.taps.rest.marks import Cursor
from elt.taps.rest.problems import NotReadable
from elt.taps.rest.reading import Chunk, Reading, Run, Shape
from elt.taps.rest.settings import moment_setting, raised_by, reach_of
from elt.taps.rest.stream import RestStream
from elt.taps.rest.tap import RestTap


class HubSpotTap(RestTap):
    """HubSpot's objects, custom ones too, and what stands around them."""

    name = "tap-hubspot"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_SCHEMA

    @classmethod
    def further_flaws(cls, config: Mapping[str, Any]) -> Iterable[ConfigError]:
        return raised_by(lambda: uses_oauth(config))

    @cached_property
    def settings(self) -> Settings:
        return settings_of(self.config)

    @cached_property
    def portal(self) -> Portal:
        settings = self.settings
        searches = Pace(settings.searches_per_second)
        return Portal(self.api, Paths(settings.api_version), settings, searches)

    @cached_property
    def run(self) -> Run:
        """Let the run begin as long ago as search may be late.

        So no bookmark passes what search knows, nor the end of a window.
        """
        run = super().run
        return replace(run, **self._bounds(run.began_at))

    def begin_at(self, moment: datetime) -> None:
        bounds = self._bounds(moment)
        self.run.began_at, self.run.end = bounds["began_at"], bounds["end"]

    def _bounds(self, moment: datetime) -> dict[str, Any]:
        known_until = moment - self.settings.index_lag
        asked = moment_setting(self.config, "end_date")
        end = min(asked, known_until) if asked else None
        return {"began_at": end or known_until, "end": end}

    def make_api(self) -> Api:
        reach, version = reach_of(self.config, BASE_URL), self.settings.api_version
        return Api(
            vendor(
                "refresh_token" if uses_oauth(self.config) else "access_token",
                self._note_limits,
            ),
            reach,
            credentials_of(self.config, reach, version, self.logger),
            pace=Pace(self.settings.requests_per_second),
            logger=self.logger,
        )

    def _note_limits(self, answer: Answer) -> float | None:
        """Ask as often as the answers allow, where the config does not say it."""
        told = told_per_second(answer)
        if told and not self.config.get("requests_per_ten_seconds"):
            self.api.pace.go_at(told)
        return busy(answer)

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """Tell that properties and custom objects come and go in the account."""
        return {CHANGES: True, **super().catalog_dict}

    def rest_streams(self) -> list[RestStream]:
        streams = [
            *self._objects(),
            *self._histories(),
            *self._associations(),
            *(self.stream(a.shape, partial(a.read, self.portal)) for a in AROUND),
        ]
        if self.input_catalog is None:
            return streams
        return [one for one in streams if one.tap_stream_id in self.input_catalog]

    def _objects(self) -> Iterator[RestStream]:
        for name, (kind, properties) in self._declared().items():
            shape = Shape(
                name=name,
                key=("id",),
                properties=properties,
                cursor=Cursor(kind.cursor if kind else "hs_lastmodifieddate"),
            )
            yield self.stream(shape, partial(self._read_object, name))

    def _read_object(self, name: str, reading: Reading) -> Iterator[Chunk]:
        kind = self.portal.kind(name)
        yield from read_objects(self.portal, kind, reading)

    def _declared(self) -> Mapping[str, tuple[Kind | None, Mapping[str, Any]]]:
        """Give the streams of objects with their columns, asked for or given.

        A catalog does not tell which of its streams are custom objects: that they
        are none of the others' names does.
        """
        known = {kind.name: kind for kind in STANDARD}
        if self.input_catalog is not None:
            return {
                name: (known.get(name), entry.schema.to_dict()["properties"])
                for name, entry in self.input_catalog.items()
                if name not in self._other_names
            }
        kinds = (*STANDARD, *self._customs())
        found = side_by_side(self._columns, kinds, most=self.settings.concurrency)
        return {kind.name: (kind, columns) for kind, columns in found}

    def _customs(self) -> tuple[Kind, ...]:
        try:
            return self.portal.custom_kinds()
        except NotReadable as error:
            self.logger.warning("custom objects are left out: %s", error)
            return ()

    def _columns(self, kind: Kind) -> Mapping[str, Any]:
        """Ask for an object's columns; of one that is not for us there are few."""
        try:
            names = self.portal.property_names(kind)
        except NotReadable:
            names = []
        return properties_of([*names, kind.cursor])

    @property
    def _other_names(self) -> set[str]:
        return {
            *(around.shape.name for around in AROUND),
            *(_history_name(name) for name in self.settings.history),
            *(_pair_name(*pair) for pair in self.settings.pairs),
        }

    def _histories(self) -> Iterator[RestStream]:
        for name, properties in self.settings.history.items():
            shape = Shape(
                name=_history_name(name),
                key=history.KEY,
                properties=history.PROPERTIES,
                cursor=Cursor(history.CURSOR),
            )
            yield self.stream(shape, partial(self._read_history, name, properties))

    def _read_history(
        self, name: str, properties: tuple[str, ...], reading: Reading
    ) -> Iterator[Chunk]:
        kind = self.portal.kind(name)
        yield from history.read_history(self.portal, kind, properties, reading)

    def _associations(self) -> Iterator[RestStream]:
        for pair in self.settings.pairs:
            shape = Shape(
                name=_pair_name(*pair),
                key=associations.KEY,
                properties=associations.PROPERTIES,
            )
            yield self.stream(shape, partial(self._read_associations, pair))

    def _read_associations(
        self, pair: tuple[str, str], reading: Reading
    ) -> Iterator[Chunk]:
        start, end = (self.portal.kind(name) for name in pair)
        yield from associations.read_associations(self.portal, start, end, reading)


def _history_name(name: str) -> str:
    return f"{name}_history"


def _pair_name(start: str, end: str) -> str:
    return f"associations_{start}_{end}"
