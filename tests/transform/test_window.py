"""A window in dbt: vars for any model, event times for microbatches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from elt.project.settings import File, Project, ProjectTable, TransformTable
from elt.transform.dbt import Dbt
from elt.transform.manifest import Node
from elt.transform.window import event_times, window_vars
from elt.warehouse.duckdb import Warehouse

FILES = {
    "dbt_project.yml": """
        name: days
        version: "1.0"
        config-version: 2
        profile: days
    """,
    "models/sources.yml": """
        sources:
          - name: raw
            tables:
              - name: events
                config: {event_time: happened}
    """,
    "models/by_batch.sql": """
        {{ config(materialized='incremental', incremental_strategy='microbatch',
                  event_time='happened', batch_size='day', begin='2026-11-01') }}
        SELECT id, happened, n FROM {{ source('raw', 'events') }}
    """,
    "models/by_vars.sql": """
        {{ config(materialized='incremental', unique_key='id') }}
        SELECT id, happened, n, '{{ var("currency") }}' AS currency
        FROM {{ source('raw', 'events') }}
        {% if var('elt_window_start', none) %}
        WHERE happened >= TIMESTAMP '{{ var("elt_window_start")[:19] }}'
        AND happened < TIMESTAMP '{{ var("elt_window_end")[:19] }}'
        {% endif %}
    """,
    "models/below.sql": "SELECT count(*) AS n FROM {{ ref('by_vars') }}",
    "models/tests.yml": """
        models:
          - name: by_vars
            columns: [{name: id, data_tests: [unique]}]
        unit_tests:
          - name: counts
            model: below
            given: [{input: ref('by_vars'), rows: [{id: 1}]}]
            expect: {rows: [{n: 1}]}
    """,
}


@dataclass(frozen=True)
class Window:
    start: datetime
    end: datetime


def days(first: int, last: int) -> Window:
    return Window(
        datetime(2026, 11, first, tzinfo=UTC), datetime(2026, 11, last, tzinfo=UTC)
    )


@dataclass
class World:
    dbt: Dbt
    warehouse: Warehouse

    def build(self, *names: str, window: Window | None = None) -> set[str]:
        nodes = [
            node
            for node in self.dbt.manifest().nodes.values()
            if not names or node.name in names
        ]
        results = self.dbt.build(nodes, window=window)
        assert {one.status for one in results} == {"done"}, results
        done = {one.unique_id for one in results}
        return {node.name for node in nodes if node.unique_id in done}

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        with self.warehouse.writer() as cursor:
            return cursor.execute(text).fetchall()


def one_named(world: World, name: str) -> Node:
    nodes = world.dbt.manifest().nodes.values()
    return next(node for node in nodes if node.name == name)


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, write: Callable[..., None]
) -> World:
    root: Path = tmp_path_factory.mktemp("days")
    write(root / "transform", FILES)
    file = File(
        project=ProjectTable(name="days"),
        transform=TransformTable(vars={"currency": "EUR"}),
    )
    project = Project(root=root, environment="default", file=file)
    warehouse = Warehouse(project.warehouse_path)
    with warehouse.writer() as cursor:
        cursor.execute("CREATE SCHEMA raw")
        cursor.execute(
            "CREATE TABLE raw.events AS SELECT d AS id, 1 AS n,"
            " TIMESTAMP '2026-10-31 12:00:00' + INTERVAL (d) DAY AS happened"
            " FROM range(1, 5) AS t (d)"
        )
    return World(Dbt(project, warehouse), warehouse)


def test_a_window_builds_its_batches_and_gives_models_its_moments(world: World):
    world.sql("UPDATE raw.events SET n = 1")
    world.build(window=days(1, 5))
    whole = [(1, 1), (2, 1), (3, 1), (4, 1)]
    assert world.sql("SELECT id, n FROM by_batch ORDER BY id") == whole
    assert world.sql("SELECT id, n FROM by_vars ORDER BY id") == whole
    world.sql("UPDATE raw.events SET n = 2")

    done = world.build(window=days(2, 4))

    assert done == {"by_batch", "by_vars", "below", "unique_by_vars_id", "counts"}
    part = [(1, 1), (2, 2), (3, 2), (4, 1)]
    assert world.sql("SELECT id, n FROM by_batch ORDER BY id") == part
    assert world.sql("SELECT id, n FROM by_vars ORDER BY id") == part
    assert world.sql("SELECT DISTINCT currency FROM by_vars") == [("EUR",)]


@pytest.mark.slow
def test_a_batch_that_fails_says_why_once(world: World):
    world.sql("UPDATE raw.events SET n = 1")
    world.build("by_batch", window=days(1, 5))
    world.sql("ALTER TABLE raw.events RENAME n TO other")
    node = one_named(world, "by_batch")
    lines: list[str] = []

    [result] = world.dbt.build([node], window=days(1, 5), on_line=lines.append)

    world.sql("ALTER TABLE raw.events RENAME other TO n")
    assert result.status == "failed"
    assert 'Referenced column "n" not found' in result.message
    told = [line for line in lines if 'Referenced column "n" not found' in line]
    assert len(told) == 1


def test_of_batches_that_fail_in_part_the_count_and_the_reason_are_told(world: World):
    world.sql("UPDATE raw.events SET n = 1")
    world.build("by_batch", window=days(1, 5))
    world.sql("ALTER TABLE raw.events ALTER n TYPE BIGINT")
    world.sql("UPDATE raw.events SET n = 9999999999 WHERE id = 3")
    node = one_named(world, "by_batch")

    [result] = world.dbt.build([node], window=days(1, 5))

    world.sql("UPDATE raw.events SET n = 1")
    world.sql("ALTER TABLE raw.events ALTER n TYPE INTEGER")
    assert result.status == "failed"
    assert result.message.startswith("PARTIAL SUCCESS (3/4): ")
    assert "out of range" in result.message


def test_without_a_window_a_model_is_told_none(world: World):
    world.sql("UPDATE raw.events SET n = 3")

    world.build("by_vars")

    assert world.sql("SELECT DISTINCT n FROM by_vars") == [(3,)]


def test_a_unit_test_alone_is_no_build_and_takes_no_event_times(world: World):
    world.build("by_vars", "by_batch", window=days(1, 5))

    assert world.build("counts", window=days(1, 5)) == {"counts"}


@pytest.mark.slow
def test_neither_a_window_nor_the_run_behind_it_parses_the_project_anew(world: World):
    world.build("by_vars")
    kept = world.dbt.setup.project_dir / "target" / "partial_parse.msgpack"
    before = kept.stat().st_mtime_ns

    world.build("by_vars", window=days(1, 2))
    world.build("by_vars", window=days(2, 3))
    world.build("by_vars")

    assert kept.stat().st_mtime_ns == before


def test_moments_are_told_in_utc_and_a_fraction_widens_the_event_time():
    summer = timezone(timedelta(hours=2))
    window = Window(
        datetime(2026, 7, 1, 2, tzinfo=summer),
        datetime(2026, 7, 2, 2, 0, 0, 500, tzinfo=summer),
    )

    assert window_vars(window) == {
        "elt_window_start": "2026-07-01T00:00:00+00:00",
        "elt_window_end": "2026-07-02T00:00:00.000500+00:00",
    }
    assert event_times(window) == [
        "--event-time-start",
        "2026-07-01T00:00:00",
        "--event-time-end",
        "2026-07-02T00:00:01",
    ]
