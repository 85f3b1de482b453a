"""One account of HubSpot: what is in it, and how people and programs change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from elt.testing.apis.clock import Clock
from elt.testing.apis.hubspot.around import Around
from elt.testing.apis.hubspot.definitions import Definition
from elt.testing.apis.hubspot.kinds import KINDS, Kind, custom_kind
from elt.testing.apis.hubspot.links import Links
from elt.testing.apis.hubspot.records import Records, Results, Version
from elt.testing.apis.hubspot.refusals import Refused
from elt.testing.apis.hubspot.stock import OWN, SITE, of_kind
from elt.testing.apis.hubspot.values import as_text

FIRST_ID = 50_000_000_001  # of records that are written; larger than 32 bits
BY_API, BY_PEOPLE = "INTEGRATION", "CRM_UI"
_CLOSED = ("closedwon", "closedlost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much HubSpot gives at once, and how often one may ask.

    HubSpot, Usage guidelines (Professional); Search the CRM; the changelogs "Expanded
    Filtering Capabilities" and "Increasing our API limits". The character limit is
    what PostHog/posthog#31617 found.
    """

    per_ten_seconds: int = 190
    oauth_per_ten_seconds: int = 110
    searches_per_second: int = 5
    per_day: int = 625_000
    has_retry_after: bool = False  # not always there
    page: int = 100
    history_page: int = 50
    batch: int = 100
    search_page: int = 200
    search_results: int = 10_000
    filter_groups: int = 5
    filters_in_group: int = 10
    filters: int = 25
    association_inputs: int = 1000
    associations_of_one: int = 500
    associations_of_one_v3: int = 100
    query_characters: int = 16_000


NO_LIMITS = Limits(
    per_ten_seconds=1_000_000,
    oauth_per_ten_seconds=1_000_000,
    searches_per_second=1_000_000,
)


@dataclass(slots=True)
class Portal:
    """The account. `between_pages` is called when a page of records was given."""

    clock: Clock
    limits: Limits = field(default_factory=Limits)
    index_lag: timedelta = timedelta(seconds=10)
    between_pages: Callable[[], object] | None = None
    around: Around = field(default_factory=Around)
    links: Links = field(default_factory=Links)
    results: Results = field(default_factory=Results)
    kinds: list[Kind] = field(default_factory=list)
    records: dict[str, Records] = field(default_factory=dict)
    definitions: dict[str, dict[str, Definition]] = field(default_factory=dict)
    _names: dict[str, Kind] = field(default_factory=dict)
    _ids: count[int] = field(default_factory=lambda: count(FIRST_ID))

    def __post_init__(self) -> None:
        for kind in KINDS:
            self.add_kind(kind, OWN.get(kind.name, ()))

    def add_site(self) -> None:
        """Add the company's own type of object."""
        self.add_kind(custom_kind("site", "sites", 1001), SITE)

    def add_kind(self, kind: Kind, own: tuple[Definition, ...]) -> None:
        lag = int(self.index_lag.total_seconds() * 1000)
        self.kinds.append(kind)
        self._names |= dict.fromkeys(kind.called(), kind)
        self.records[kind.name] = Records(kind, lag_milliseconds=lag)
        self.definitions[kind.name] = {}
        for definition in of_kind(kind, own):
            self.define(kind, definition)

    def define(self, kind: Kind, definition: Definition) -> None:
        self.definitions[kind.name][definition.name] = definition
        if definition.is_unique:
            self.records[kind.name].make_unique([definition.name])

    def kind(self, called: str) -> Kind:
        """Find a type by any of its names.

        Raises Refused for another, as recorded in amp-labs/connectors.
        """
        found = self._names.get(called.lower())
        if found is None:
            raise Refused(400, f"Unable to infer object type from: {called}", None)
        return found

    def definition(self, kind: Kind, name: str) -> Definition | None:
        """Give a property that is not archived."""
        found = self.definitions[kind.name].get(name)
        return None if found is None or found.archived_at else found

    def now(self) -> datetime:
        """Give the time as HubSpot keeps it: in whole milliseconds."""
        at = self.clock.now()
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def create(
        self,
        kind: Kind,
        values: Mapping[str, object],
        *,
        at: datetime | None = None,
        record_id: int | None = None,
        source: str = BY_API,
    ) -> Version:
        texts = {name: as_text(value) for name, value in values.items()}
        return self.records[kind.name].create(
            record_id or next(self._ids),
            self._derived(kind, texts),
            at or self.now(),
            source,
        )

    def update(
        self,
        kind: Kind,
        record_id: int,
        values: Mapping[str, object],
        *,
        at: datetime | None = None,
        source: str = BY_API,
    ) -> Version:
        texts = {name: as_text(value) for name, value in values.items()}
        return self.records[kind.name].update(
            record_id, self._derived(kind, texts), at or self.now(), source
        )

    def archive(
        self, kind: Kind, record_id: int, *, at: datetime | None = None
    ) -> None:
        self.links.forget(kind, record_id, self.kinds)
        self.records[kind.name].archive(record_id, at or self.now())

    def erase(self, kind: Kind, record_id: int) -> None:
        """GDPR delete: nothing of the record is left."""
        self.links.forget(kind, record_id, self.kinds)
        self.records[kind.name].erase(record_id, self.now())

    def merge(
        self, kind: Kind, winner: int, loser: int, *, at: datetime | None = None
    ) -> Version:
        """Merge two records: the loser vanishes from every list.

        HubSpot, Merge records: the winner's values stay, what it lacks comes from the
        other, and `hs_merged_object_ids` names who was merged into it. That the loser's
        id is then 404 is in no public source.
        """
        records = self.records[kind.name]
        kept, lost = records.live.by_id[winner].properties, records.live.by_id[loser]
        own = {kind.created, kind.modified, "hs_object_id", "hs_object_source"}
        new = {k: v for k, v in lost.properties.items() if k not in own | kept.keys()}
        gone = ";".join(
            ids
            for ids in (
                kept.get("hs_merged_object_ids"),
                lost.properties.get("hs_merged_object_ids"),
                str(loser),
            )
            if ids
        )
        self.links.move(kind, loser, winner, self.kinds)
        records.erase(loser, at or self.now())
        records.merged[loser] = winner
        return self.update(kind, winner, {**new, "hs_merged_object_ids": gone}, at=at)

    def turn_page(self) -> None:
        if self.between_pages:
            self.between_pages()

    @staticmethod
    def _derived(kind: Kind, values: dict[str, str]) -> dict[str, str]:
        """Add what HubSpot calculates from the values."""
        if kind.name == "deals" and "dealstage" in values:
            stage = values["dealstage"]
            is_won = "true" if stage == "closedwon" else "false"
            closed = "true" if stage in _CLOSED else "false"
            return {**values, "hs_is_closed": closed, "hs_is_closed_won": is_won}
        if kind.name == "contacts" and values.get("email"):
            domain = values["email"].partition("@")[2]
            return {**values, "hs_email_domain": domain, "hs_is_contact": "true"}
        return values
