"""`target/sources.json`, in the form in which dbt writes it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from elt.transform.freshness import Measured, measured, noted_in

VISITS = "source.shop.web.visits"
AT = datetime(2026, 11, 21, 8, tzinfo=UTC)
SEEN = {
    "unique_id": VISITS,
    "max_loaded_at": "2026-11-21T08:00:00+00:00",
    "snapshotted_at": "2026-11-21T09:00:00+00:00",
    "max_loaded_at_time_ago_in_s": 3600.0,
    "status": "warn",
    "criteria": {"warn_after": {"count": 30, "period": "minute"}, "filter": None},
}


def write(folder: Path, *results: dict[str, object], **metadata: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    told = {"metadata": metadata, "results": results, "elapsed_time": 0.1}
    (folder / "sources.json").write_text(json.dumps(told))


def test_the_moment_of_the_newest_row_counts(tmp_path):
    write(tmp_path / "target", SEEN, env={})

    assert measured(tmp_path, {}) == {VISITS: Measured(loaded_at=AT)}


def test_a_moment_without_a_zone_is_in_utc(tmp_path):
    write(tmp_path / "target", {**SEEN, "max_loaded_at": "2026-11-21T08:00:00"})

    assert measured(tmp_path, {}) == {VISITS: Measured(loaded_at=AT)}


def test_a_table_without_rows_has_no_moment(tmp_path):
    write(tmp_path / "target", {**SEEN, "max_loaded_at": "0001-01-01T00:00:00+00:00"})

    assert measured(tmp_path, {})[VISITS].loaded_at is None


def test_a_source_that_dbt_could_not_ask_has_dbts_words(tmp_path):
    told = {"unique_id": VISITS, "status": "runtime error", "error": "no such table"}
    write(tmp_path / "target", told)

    assert measured(tmp_path, {})[VISITS] == Measured(error="no such table")


def test_elts_own_dbt_notes_the_environment(tmp_path):
    assert noted_in("prod") == {"DBT_ENV_CUSTOM_ENV_ELT_ENVIRONMENT": "prod"}
    write(tmp_path / "target", SEEN, env={"ELT_ENVIRONMENT": "prod"})

    assert measured(tmp_path, {})[VISITS].environment == "prod"


@pytest.mark.parametrize("content", [None, "", "{}", '{"results": 3}', "[]"])
def test_no_such_file_tells_nothing(tmp_path, content):
    if content is not None:
        (tmp_path / "target").mkdir()
        (tmp_path / "target" / "sources.json").write_text(content)

    assert measured(tmp_path, {}) == {}


def test_the_file_is_where_the_project_says(tmp_path):
    (tmp_path / "dbt_project.yml").write_text("name: shop\ntarget-path: build\n")
    write(tmp_path / "build", SEEN)

    assert VISITS in measured(tmp_path, {})


def test_the_file_is_where_the_environment_says(tmp_path):
    write(tmp_path / "elsewhere", SEEN)

    assert VISITS in measured(tmp_path, {"DBT_TARGET_PATH": "elsewhere"})
