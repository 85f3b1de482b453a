from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from elt.project.sync_settings import SyncTable
from elt.transform.sources import Column, write_exposures, write_sources
from elt.transform.yml import read_yml

TABLES = {
    "users": [Column("id", "BIGINT"), Column("email", "VARCHAR", "where to write")],
    "orders": [Column("id", "BIGINT")],
}


@pytest.fixture
def folder(tmp_path: Path, write: Callable[[Path, dict[str, str]], None]) -> Path:
    write(tmp_path, {"dbt_project.yml": "name: shop\nmodel-paths: [sql]"})
    return tmp_path


def tables_in(path: Path) -> list[str]:
    [source] = read_yml(path)["sources"]
    return [table["name"] for table in source["tables"]]


def test_loaded_tables_become_a_source_with_columns(folder: Path):
    path = write_sources(folder, "crm", "raw_crm", TABLES)

    assert path == folder / "sql" / "_elt_sources" / "crm.yml"
    assert path.read_text().startswith("# Written by elt")
    [source] = read_yml(path)["sources"]
    assert (source["name"], source["schema"]) == ("raw_crm", "raw_crm")
    assert source["tables"][1] == {
        "name": "users",
        "columns": [
            {"name": "id", "data_type": "BIGINT"},
            {
                "name": "email",
                "data_type": "VARCHAR",
                "description": "where to write",
            },
        ],
    }


def test_an_unchanged_source_is_not_written_again(folder: Path):
    path = write_sources(folder, "crm", "raw_crm", TABLES)
    assert path is not None
    before = path.stat()

    assert write_sources(folder, "crm", "raw_crm", TABLES) is None
    assert path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize(
    "declared",
    [
        "sources: [{name: raw_crm, tables: [{name: users}]}]",
        "sources: [{name: mine, schema: RAW_CRM, tables: [{name: Users}]}]",
        "sources: [{name: x, schema: raw_crm, tables: [{name: u, identifier: users}]}]",
    ],
)
def test_a_table_that_the_user_declares_is_left_to_him(
    folder: Path, write: Callable[[Path, dict[str, str]], None], declared: str
):
    write(folder, {"sql/staging/mine.yml": declared})

    path = write_sources(folder, "crm", "raw_crm", TABLES)

    assert path is not None
    assert tables_in(path) == ["orders"]


def test_the_file_goes_when_the_user_declares_everything(
    folder: Path, write: Callable[[Path, dict[str, str]], None]
):
    path = write_sources(folder, "crm", "raw_crm", TABLES)
    both = "sources: [{name: raw_crm, tables: [{name: users}, {name: orders}]}]"
    write(folder, {"sql/mine.yml": both})

    assert write_sources(folder, "crm", "raw_crm", TABLES) == path
    assert path is not None
    assert not path.exists()


def test_a_broken_file_of_the_user_is_left_to_dbt(
    folder: Path, write: Callable[[Path, dict[str, str]], None]
):
    write(folder, {"sql/mine.yml": "sources: [{{{"})

    assert write_sources(folder, "crm", "raw_crm", TABLES) is not None


def test_syncs_become_exposures_of_their_models(folder: Path):
    sync = SyncTable(model="health", destination="crm", object="contacts", key="email")
    syncs = {
        "to crm": sync,
        "lost": SyncTable(
            model="no_such_model", destination="crm", object="x", key="y"
        ),
    }

    path = write_exposures(folder, syncs, {"health"})

    assert path is not None
    [exposure] = read_yml(path)["exposures"]
    assert exposure["name"] == "to_crm"
    assert exposure["depends_on"] == ["ref('health')"]
    assert write_exposures(folder, syncs, {"health"}) is None
    assert write_exposures(folder, {}, {"health"}) == path


@pytest.mark.parametrize(
    ("seconds", "after"),
    [
        (172_800.0, {"count": 2, "period": "day"}),
        (93_600.0, {"count": 26, "period": "hour"}),
        (5400.0, {"count": 90, "period": "minute"}),
        (61.0, {"count": 2, "period": "minute"}),  # dbt knows no seconds
    ],
)
def test_a_table_with_a_max_age_can_be_looked_at_by_dbt(
    folder: Path, seconds: float, after: dict[str, object]
):
    path = write_sources(folder, "crm", "raw_crm", TABLES, max_ages={"users": seconds})

    assert path is not None
    [source] = read_yml(path)["sources"]
    orders, users = source["tables"]
    assert "config" not in orders
    assert users["config"] == {
        "loaded_at_field": "_elt_loaded_at",
        "freshness": {"error_after": after},
    }
