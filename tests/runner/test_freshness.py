"""How old things are and may be, on a clock of its own: one table, for two readers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.errors import ConfigError, EltError
from elt.events import AssetFinished, Status
from elt.project.load import load_project
from elt.project.settings import Project
from elt.reverse.guard import Finding
from elt.runner.ages import ages_of, known_now, remembered
from elt.runner.freshness import age_of, span, told, way_out
from elt.runner.lock import this_process
from elt.runner.stale import notes_of_stale, stale_above
from elt.runner.standing import Asked, Standing, standings
from elt.runner.store import asset_log, history, marks
from elt.runner.store.database import Store, open_store
from elt.runner.store.recorder import Recorder

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
TOML = """
[project]
name = "acme"

[taps.crm]
plugin = "files"
owner = "ann"
max_age = "26h"
[taps.crm.streams.notes]
max_age = "30d"

[taps.shop]
plugin = "files"

[transform]

[destinations.out]
plugin = "file"

[syncs.health]
model = "customers"
destination = "out"
object = "health.csv"
key = "id"
on_stale = "stop"
"""
DAY = {"count": 1, "period": "day"}
HALF_A_DAY = {"count": 12, "period": "hour"}


def node(kind: str, name: str, *needs: str, **more: Any) -> dict[str, Any]:
    unique_id = f"{kind}.acme.{name}"
    return {
        unique_id: {
            "unique_id": unique_id,
            "resource_type": kind,
            "name": name,
            "package_name": "acme",
            "schema": "main",
            "alias": name,
            "original_file_path": f"models/{name}.sql",
            "depends_on": {"nodes": list(needs)},
            **more,
        }
    }


def source(schema: str, name: str, **more: Any) -> dict[str, Any]:
    unique_id = f"source.acme.{schema}.{name}"
    return {
        unique_id: {
            "unique_id": unique_id,
            "source_name": schema,
            "name": name,
            "schema": schema,
            "identifier": name,
            "original_file_path": "models/sources.yml",
            **more,
        }
    }


def freshness(**limits: Any) -> dict[str, Any]:
    return {"freshness": {"warn_after": None, "error_after": None, **limits}}


@dataclass
class Shop:
    """A project whose taps and dbt were asked once, and its run log."""

    project: Project
    store: Store

    def ended(self, asset: str, ago: timedelta, status: Status = "done") -> None:
        recorder = Recorder(
            self.store, "r1", environment="default", now=lambda: NOW - ago
        )
        recorder(AssetFinished(step="s", asset=asset, status=status))

    def catalog(self, tap: str, *streams: str) -> None:
        entries = [
            {
                "tap_stream_id": name,
                "stream": name,
                "schema": {"properties": {"id": {"type": "integer"}}},
                "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
            }
            for name in streams
        ]
        told = {"identity": "then", "catalog": {"streams": entries}}
        self.write(f".elt/catalogs/default.{tap}.json", told)

    def manifest(self, *parts: dict[str, Any]) -> None:
        known: dict[str, Any] = {"nodes": {}, "sources": {}}
        for part in parts:
            for unique_id, about in part.items():
                kind = "sources" if unique_id.startswith("source.") else "nodes"
                known[kind][unique_id] = about
        metadata = {"metadata": {"project_name": "acme"}}
        self.write(".elt/dbt/default/manifest.json", known | metadata)

    def looked(self, environment: str = "default", **ages: timedelta | None) -> None:
        """Let dbt have looked at sources of `web`; None for a table without rows."""
        results = [
            {
                "unique_id": f"source.acme.web.{name}",
                "status": "pass",
                "max_loaded_at": "0001-01-01T00:00:00+00:00"
                if ago is None
                else (NOW - ago).isoformat(),
                "snapshotted_at": NOW.isoformat(),
            }
            for name, ago in ages.items()
        ]
        metadata = {"env": {"ELT_ENVIRONMENT": environment}}
        told = {"metadata": metadata, "results": results}
        self.write("transform/target/sources.json", told)

    def write(self, name: str, content: object) -> None:
        path = self.project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))

    def toml(self, text: str) -> None:
        (self.project.root / "elt.toml").write_text(text)
        self.project = load_project(self.project.root)

    def status(self, *words: str, **asked: Any) -> dict[str, Standing]:
        asking = Asked(selection=words, **asked)
        found = standings(self.project, self.store, asking, now=lambda: NOW)
        return {each.asset: each for each in found}

    def freshness(self, *words: str, **asked: Any) -> dict[str, str | None]:
        found = self.status(*words, **asked)
        return {
            n: each.age.freshness if each.age else None for n, each in found.items()
        }

    def above_the_sync(self) -> list[Finding]:
        known = remembered(
            self.project, asset_log.asset_ids(self.store, self.project.environment)
        )
        return stale_above(self.project, "health", known, self.store, now=lambda: NOW)

    def note(self, *chosen: str) -> str | None:
        known = remembered(self.project, ())
        chosen = (*chosen, "sync:health")
        notes = notes_of_stale(self.project, chosen, known, self.store, now=lambda: NOW)
        return notes.get("sync:health")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Give a project of which a run did everything an hour ago."""
    (tmp_path / "elt.toml").write_text(TOML)
    (tmp_path / "transform").mkdir()
    (tmp_path / "transform" / "dbt_project.yml").write_text("name: acme\n")
    with open_store(tmp_path / ".elt") as store:
        history.start_run(store, this_process("r1"), environment="default", request={})
        made = Shop(load_project(tmp_path), store)
        made.catalog("crm", "contacts", "notes")
        made.catalog("shop", "orders")
        made.manifest(
            source("raw_crm", "contacts"),
            source("raw_shop", "orders"),
            source(
                "web", "visits", **freshness(warn_after=HALF_A_DAY, error_after=DAY)
            ),
            source("web", "views"),
            node("model", "customers", "source.acme.raw_crm.contacts", VISITS),
            node("model", "other", "source.acme.raw_shop.orders"),
        )
        made.looked(visits=HOUR)
        for asset in (CONTACTS, NOTES, ORDERS, "model:customers", "model:other"):
            made.ended(asset, HOUR)
        made.ended("sync:health", HOUR)
        yield made


HOUR = timedelta(hours=1)
CONTACTS, NOTES = "stream:crm.contacts", "stream:crm.notes"
ORDERS = "stream:shop.orders"
VISITS = "source.acme.web.visits"
THE_SOURCE = "source:web.visits"


def is_an_hour_old(_: Shop) -> str:
    return CONTACTS


def is_as_old_as_it_may_be(shop: Shop) -> str:
    shop.ended(CONTACTS, timedelta(hours=26))
    return CONTACTS


def is_older_than_it_may_be(shop: Shop) -> str:
    shop.ended(CONTACTS, timedelta(hours=26, seconds=1))
    return CONTACTS


def was_never_loaded(shop: Shop) -> str:
    shop.store.rows("DELETE FROM assets WHERE asset = ?", (CONTACTS,))
    return CONTACTS


def always_failed(shop: Shop) -> str:
    was_never_loaded(shop)
    shop.ended(CONTACTS, HOUR, "failed")
    return CONTACTS


def ended_tomorrow(shop: Shop) -> str:
    shop.ended(CONTACTS, timedelta(days=-1))
    return CONTACTS


def ended_a_moment_ahead_of_this_clock(shop: Shop) -> str:
    shop.ended(CONTACTS, timedelta(seconds=-30))
    return CONTACTS


def has_no_limit(shop: Shop) -> str:
    shop.ended("model:customers", timedelta(days=900))
    return "model:customers"


def source_that_is_an_hour_old(_: Shop) -> str:
    return THE_SOURCE


def source_past_its_warning(shop: Shop) -> str:
    shop.looked(visits=timedelta(hours=12, seconds=1))
    return THE_SOURCE


def source_past_its_limit(shop: Shop) -> str:
    shop.looked(visits=timedelta(hours=24, seconds=1))
    return THE_SOURCE


def source_without_rows(shop: Shop) -> str:
    shop.looked(visits=None)
    return THE_SOURCE


def source_at_which_nobody_looked(shop: Shop) -> str:
    (shop.project.root / "transform/target/sources.json").unlink()
    return THE_SOURCE


def source_seen_in_another_environment(shop: Shop) -> str:
    shop.looked("prod", visits=HOUR)
    return THE_SOURCE


TABLE = [
    # what                                status     the sync is
    (is_an_hour_old, "fresh", "sent"),
    (is_as_old_as_it_may_be, "fresh", "sent"),
    (is_older_than_it_may_be, "stale", "stopped"),
    (was_never_loaded, "stale", "stopped"),
    (always_failed, "stale", "stopped"),
    (ended_tomorrow, "unknown", "stopped"),
    (ended_a_moment_ahead_of_this_clock, "fresh", "sent"),
    (has_no_limit, None, "sent"),
    (source_that_is_an_hour_old, "fresh", "sent"),
    (source_past_its_warning, "aging", "sent"),
    (source_past_its_limit, "stale", "stopped"),
    (source_without_rows, "stale", "stopped"),
    (source_at_which_nobody_looked, "unknown", "stopped"),
    (source_seen_in_another_environment, "unknown", "stopped"),
]
IDS = [what.__name__ for what, *_ in TABLE]


@pytest.mark.parametrize(("what", "freshness", "_"), TABLE, ids=IDS)
def test_the_status_of_what(shop, what, freshness, _):
    asset = what(shop)

    assert shop.freshness()[asset] == freshness
    old = [name for name, each in shop.status().items() if each.is_too_old]
    assert old == ([asset] if freshness in {"stale", "unknown"} else [])


@pytest.mark.parametrize(("what", "_", "ending"), TABLE, ids=IDS)
def test_the_sync_below_what(shop, what, _, ending):
    asset = what(shop)

    found = shop.above_the_sync()

    assert [finding.guard for finding in found] == (
        ["stale"] if ending == "stopped" else []
    )
    assert all(f"`{asset}`" in finding.what for finding in found)


@pytest.mark.parametrize("what", [is_older_than_it_may_be, source_past_its_limit])
def test_a_sync_that_does_not_mind_is_sent(shop, what):
    shop.toml(TOML.replace('on_stale = "stop"', ""))
    what(shop)

    assert shop.above_the_sync() == []
    assert shop.note() is None


def test_what_stops_a_sync_is_told_with_its_age_its_limit_and_the_way_out(shop):
    shop.ended(CONTACTS, timedelta(hours=30))

    [finding] = shop.above_the_sync()

    assert finding.what == "`stream:crm.contacts` is 30 h old, and may be 26 h old"
    assert finding.hint == (
        "`elt run tap:crm` loads it; `--accept stale` lets it pass, this once"
    )


def test_a_plan_says_before_what_would_stop_the_sync(shop):
    shop.ended(CONTACTS, timedelta(hours=30))

    assert shop.note() == (
        "would stop: `stream:crm.contacts` is 30 h old, and may be 26 h old"
    )


def test_a_plan_that_loads_what_is_old_has_nothing_to_say(shop):
    shop.ended(CONTACTS, timedelta(hours=30))

    assert shop.note(CONTACTS, "model:customers") is None


def test_a_plan_says_that_a_sync_minds_nothing(shop):
    shop.toml(TOML.replace('max_age = "26h"\n', ""))
    shop.manifest(node("model", "customers", "source.acme.raw_crm.contacts"))

    assert shop.note() == (
        '`on_stale = "stop"` minds nothing: nothing above has a `max_age`'
    )


def test_what_is_old_beside_a_sync_does_not_hold_it(shop):
    shop.toml(TOML + '\n[taps.shop.streams.orders]\nmax_age = "1m"\n')
    shop.ended(ORDERS, timedelta(days=9))

    assert shop.freshness()[ORDERS] == "stale"
    assert shop.above_the_sync() == []


def test_of_many_old_things_the_first_three_are_named(shop):
    extra = [f"more_{n}" for n in range(4)]
    limits = freshness(error_after=DAY)
    shop.manifest(
        *(source("web", name, **limits) for name in extra),
        node("model", "customers", *(f"source.acme.web.{name}" for name in extra)),
    )

    [finding] = shop.above_the_sync()

    assert finding.what.count("`source:web.more_") == 3
    assert finding.what.endswith("; and 1 more")


def test_a_stream_has_its_own_limit_before_its_taps(shop):
    shop.ended(NOTES, timedelta(days=29))
    shop.ended(CONTACTS, timedelta(days=29))

    assert shop.freshness()[NOTES] == "fresh"
    assert shop.freshness()[CONTACTS] == "stale"


def test_a_models_meta_limits_it(shop):
    shop.manifest(
        node("model", "customers", config={"meta": {"max_age": "2h"}}),
        node("seed", "colours", meta={"max_age": "90d"}),
    )
    shop.ended("model:customers", timedelta(hours=3))
    shop.ended("seed:colours", timedelta(days=89))

    found = shop.freshness()

    assert found["model:customers"] == "stale"
    assert found["seed:colours"] == "fresh"
    assert "`model:customers` is 3 h old" in shop.above_the_sync()[0].what


def test_a_meta_that_is_no_duration_is_told_with_its_file(shop):
    shop.manifest(node("model", "customers", config={"meta": {"max_age": "soon"}}))

    with pytest.raises(ConfigError) as raised:
        shop.status()

    assert "meta of model `customers`: `soon` is no duration" in raised.value.what
    assert raised.value.where == "transform/models/customers.sql"


def test_a_manifest_that_cannot_be_read_is_no_reason_to_be_silent(shop):
    (shop.project.root / ".elt/dbt/default/manifest.json").write_text("{")

    with pytest.raises(EltError, match="dbt's manifest cannot be read"):
        shop.status()


def test_what_a_package_means_by_max_age_is_its_own_matter(shop):
    meta = {"package_name": "other", "config": {"meta": {"max_age": 26}}}
    shop.manifest(node("model", "customers", **meta))

    assert shop.freshness()["model:customers"] is None


def test_dbts_freshness_of_a_loaded_table_limits_the_stream(shop):
    limits = freshness(warn_after=HALF_A_DAY, error_after=DAY)
    shop.manifest(source("raw_shop", "orders", **limits))

    shop.ended(ORDERS, timedelta(hours=13))
    assert shop.freshness()[ORDERS] == "aging"
    shop.ended(ORDERS, timedelta(hours=25))
    assert shop.freshness()[ORDERS] == "stale"


def test_a_warning_of_dbt_alone_makes_nothing_stale(shop):
    shop.manifest(source("raw_shop", "orders", **freshness(warn_after=HALF_A_DAY)))
    shop.ended(ORDERS, timedelta(days=300))

    assert shop.freshness()[ORDERS] == "aging"


def test_a_warning_of_dbt_alone_holds_nothing_back_that_nobody_knows(shop):
    (shop.project.root / "transform/target/sources.json").unlink()
    shop.manifest(
        source("web", "visits", **freshness(warn_after=HALF_A_DAY)),
        node("model", "customers", VISITS),
    )

    assert shop.freshness()[THE_SOURCE] == "aging"
    assert shop.above_the_sync() == []


def test_elt_toml_counts_before_dbt(shop):
    shop.manifest(source("raw_crm", "contacts", **freshness(error_after=DAY)))
    shop.ended(CONTACTS, timedelta(hours=25))

    assert shop.freshness()[CONTACTS] == "fresh"


def test_what_elt_wrote_for_dbt_does_not_outlive_elt_toml(shop):
    written = {"original_file_path": "models/_elt_sources/shop.yml"}
    limits = freshness(error_after=DAY)
    shop.manifest(source("raw_shop", "orders", **limits, **written))
    shop.ended(ORDERS, timedelta(days=300))

    assert shop.freshness()[ORDERS] is None


def test_a_limit_for_the_rest_is_for_what_declares_none(shop):
    shop.ended("model:other", timedelta(hours=3))
    shop.ended(CONTACTS, timedelta(hours=3))

    found = shop.freshness(else_seconds=7200.0)

    assert found["model:other"] == "stale"
    assert found[CONTACTS] == "fresh"


def test_what_no_run_ever_had_is_listed_where_a_limit_asks_for_it(shop):
    shop.store.rows("DELETE FROM assets WHERE asset IN (?, ?)", (CONTACTS, ORDERS))

    assert CONTACTS in shop.status()
    assert ORDERS not in shop.status()
    assert shop.freshness(else_seconds=7200.0)[ORDERS] == "stale"
    assert shop.status()[CONTACTS].document()["status"] is None


def test_what_is_too_old_stands_first(shop):
    shop.ended(ORDERS, timedelta(days=3))
    shop.ended("model:other", timedelta(days=3))
    shop.looked(visits=timedelta(hours=13))

    listed = list(shop.status(else_seconds=86_400.0))

    assert listed[:3] == ["model:other", ORDERS, THE_SOURCE]


def test_a_sync_that_is_only_planned_here_is_not_late(shop):
    shop.toml(TOML + 'max_age = "1h"\n')
    shop.store.rows("DELETE FROM assets WHERE asset = 'sync:health'")
    assert shop.freshness()["sync:health"] == "stale"

    shop.ended("sync:health", HOUR, "planned")
    assert shop.freshness()["sync:health"] is None


def test_a_sync_that_sent_once_and_only_plans_now_is_late(shop):
    shop.toml(TOML + 'max_age = "1h"\n')
    shop.ended("sync:health", timedelta(days=2))
    shop.ended("sync:health", HOUR, "planned")

    assert shop.freshness()["sync:health"] == "stale"


def test_a_persons_word_makes_an_asset_young(shop):
    shop.ended(CONTACTS, timedelta(days=3))

    marks.mark(
        shop.store,
        "default",
        "r1",
        [CONTACTS],
        "success",
        reason="loaded by hand",
        author="ann",
        now=lambda: NOW - HOUR,
    )

    assert shop.freshness()[CONTACTS] == "fresh"


def test_a_selection_chooses_what_is_looked_at(shop):
    assert set(shop.status("tap:shop+")) == {ORDERS, "model:other"}
    assert set(shop.status("model:customers")) == {"model:customers", THE_SOURCE}
    assert ORDERS not in shop.status(exclude=("tap:shop",))
    shop.ended(ORDERS, HOUR, "failed")
    assert set(shop.status("result:failed")) == {ORDERS}


def test_of_a_tap_that_told_nothing_yet_the_run_log_knows_the_streams(shop):
    (shop.project.root / ".elt/catalogs/default.crm.json").unlink()

    found = shop.freshness("tap:crm")

    assert found == {CONTACTS: "fresh", NOTES: "fresh"}


def test_before_anything_ran_a_tap_with_a_limit_is_stale(tmp_path):
    (tmp_path / "elt.toml").write_text(TOML)
    with open_store(tmp_path / ".elt") as store:
        found = standings(load_project(tmp_path), store, Asked(), now=lambda: NOW)

    assert [(each.asset, each.is_too_old) for each in found] == [("stream:crm.*", True)]


def test_a_table_that_elt_loads_is_judged_by_elts_own_log(shop):
    """Where a source had nothing new, dbt sees old rows; elt knows that it looked."""
    limits = freshness(error_after=DAY)
    shop.manifest(source("raw_shop", "orders", **limits))
    shop.ended(ORDERS, HOUR)

    known = remembered(shop.project, ())
    ages = ages_of(shop.project, known, shop.store, now=NOW)

    assert ages[ORDERS].freshness == "fresh"
    assert not [name for name in ages if name.startswith("source:")]


@given(
    ages=st.lists(st.floats(0, 1e7), min_size=2, max_size=2).map(sorted),
    limit=st.floats(1, 1e7),
    warn=st.none() | st.floats(1, 1e7),
)
def test_nothing_gets_fresher_by_waiting(ages, limit, warn):
    seen = [
        age_of(
            "model:m",
            NOW - timedelta(seconds=age),
            now=NOW,
            max_seconds=limit,
            warn_seconds=warn,
        ).freshness
        for age in ages
    ]

    order = ("fresh", "aging", "stale")
    assert order.index(seen[0]) <= order.index(seen[1])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (93_600, "26 h"),
        (5400, "1 h 30 min"),
        (172_800, "2 days"),
        (277_200, "3 days 5 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds, words):
    assert span(seconds) == words


def test_each_kind_has_its_words_and_its_way_out(shop):
    shop.manifest(
        source("web", "visits", **freshness(error_after=DAY)),
        node("model", "customers", config={"meta": {"max_age": "1d"}}),
        node("test", "unique_id", config={"meta": {"max_age": "1d"}}),
    )
    shop.toml(TOML + 'max_age = "1d"\n')
    shop.store.rows("DELETE FROM assets")
    shop.looked(visits=None)

    said = {
        name: (told(each.age), way_out(each.age))
        for name, each in shop.status().items()
        if each.age is not None
    }

    assert said["model:customers"] == (
        "`model:customers` was never built, and may be 24 h old",
        "`elt run +customers` brings it up to date",
    )
    assert said["sync:health"][0].startswith("`sync:health` was never sent")
    assert said["sync:health"][1] == "`elt run sync:health` sends it"
    assert said["test:unique_id"][0].startswith("`test:unique_id` never passed")
    assert said[THE_SOURCE] == (
        "`source:web.visits` has no rows, and may be 24 h old",
        "Have it loaded, then look again: `elt dbt source freshness`",
    )


def test_what_the_project_has_no_more_is_not_in_the_status(shop):
    shop.ended("test:renamed", timedelta(hours=1), "stopped")
    shop.ended("sync:gone", timedelta(hours=1))

    assert {"test:renamed", "sync:gone"}.isdisjoint(shop.status())


def test_before_dbt_was_asked_every_node_of_the_log_is_in_the_status(shop):
    shop.ended("model:mrr", timedelta(hours=1))
    (shop.project.root / ".elt/dbt/default/manifest.json").unlink()

    assert "model:mrr" in shop.status()


def test_streams_of_taps_that_a_run_does_not_ask_have_the_names_of_the_log(shop):
    text = TOML.replace("streams.notes", "streams.crm-notes")
    shop.toml(text.replace('max_age = "30d"', 'max_age = "30d"\ntable = "notes"'))
    shop.ended("stream:crm.crm-notes", timedelta(hours=1))

    known = known_now(shop.project, {}, None, shop.store)

    (found,) = (a for a in known.assets if a.id == "stream:crm.crm-notes")
    assert found.detail["table"] == "notes"
    assert found.max_age_seconds == 30 * 86_400


def test_an_empty_log_takes_over_what_the_warehouse_knows_and_a_full_one_nothing(shop):
    hour, day = NOW - timedelta(hours=1), NOW - timedelta(days=1)
    shop.ended("stream:crm.contacts", timedelta(hours=1))

    loads = [("stream:crm.contacts", "r0", day), ("stream:crm.other", "r0", day)]
    asset_log.take_over(shop.store, "default", loads)

    known = asset_log.last_success(shop.store, "default")
    assert known["stream:crm.contacts"] == hour
    assert known["stream:crm.other"] == day
