from __future__ import annotations

from pathlib import Path

import pytest

from elt.project.load import load_project
from elt.project.settings import File
from elt.runner.limits import RunLimits, StepLimits, run_limits, step_limits

TOML = """
[project]
name = "acme"
[taps.crm]
plugin = "files"
pool = "crm_api"
retries = 5
timeout_seconds = 60
[taps.billing]
plugin = "files"
priority = 3
[taps."on-call"]
plugin = "files"
[transform]
timeout_seconds = 900
priority = -1
[destinations.crm]
plugin = "file"
pool = "crm_api"
[syncs.health]
model = "health"
destination = "crm"
object = "health.csv"
key = "id"
pool = "heavy"
[syncs.lists]
model = "lists"
destination = "crm"
object = "lists.csv"
key = "id"
pool = "crm_api"
[pools]
crm_api = 1
heavy = 2
[run]
jobs = 3
retries = 1
step_timeout_seconds = 3600
timeout_seconds = 7200
[run.taps]
retries = 4
retry_delay_seconds = 30
[run.syncs]
timeout_seconds = 120
"""


@pytest.fixture
def file(tmp_path: Path) -> File:
    (tmp_path / "elt.toml").write_text(TOML)
    return load_project(tmp_path).file


def test_a_step_goes_by_its_own_table_then_by_its_kinds_then_by_run(file):
    assert step_limits(file, "tap:crm") == StepLimits(
        retries=5,
        retry_delay_seconds=30,
        timeout_seconds=60,
        timeout_setting="`timeout_seconds` in [taps.crm]",
        pools=("crm_api",),
    )
    assert step_limits(file, "tap:billing") == StepLimits(
        retries=4,
        retry_delay_seconds=30,
        timeout_seconds=3600,
        timeout_setting="`step_timeout_seconds` in [run]",
        priority=3,
    )


def test_every_invocation_of_dbt_goes_by_its_one_table(file):
    limits = step_limits(file, "dbt:2")

    assert limits == step_limits(file, "dbt")
    assert (limits.retries, limits.timeout_seconds, limits.priority) == (1, 900, -1)
    assert limits.timeout_setting == "`timeout_seconds` in [transform]"


def test_a_sync_has_a_place_in_its_own_pool_and_in_its_destinations(file):
    limits = step_limits(file, "sync:health")

    assert limits.pools == ("heavy", "crm_api")
    assert limits.timeout_setting == "`timeout_seconds` in [run.syncs]"
    assert step_limits(file, "sync:lists").pools == ("crm_api",)


def test_a_run_has_the_jobs_of_the_command_line_before_those_of_the_file(file):
    assert run_limits(file) == RunLimits(
        jobs=3, pools={"crm_api": 1, "heavy": 2}, timeout_seconds=7200
    )
    assert run_limits(file, jobs=9).jobs == 9


def test_a_project_that_says_nothing_has_the_defaults():
    file = File(project={"name": "a"})  # type: ignore[arg-type]

    assert step_limits(file, "dbt") == StepLimits()
    assert run_limits(file) == RunLimits()
