"""Warehouses that an older elt wrote are brought up to date, with all they hold."""

from __future__ import annotations

import duckdb
import pytest

from elt.warehouse.duckdb import Warehouse
from elt.warehouse.tables import MIGRATIONS, is_current


@pytest.fixture
def old(tmp_path):
    """Give a warehouse as the first version wrote it, with two rejects."""
    path = tmp_path / "w.duckdb"
    with duckdb.connect() as maker:
        maker.execute(f"ATTACH '{path}' AS made (STORAGE_VERSION 'v1.4.0')")
    with duckdb.connect(str(path)) as db:
        db.execute(MIGRATIONS[0])
        db.execute("INSERT INTO _elt.meta VALUES ('warehouse_id', 'w1')")
        db.execute("INSERT INTO _elt.meta VALUES ('version', '1')")
        db.execute(
            "INSERT INTO _elt.rejects SELECT 'r1', 'default', 't', 's', 'n', n,"
            " 'not an integer', '{}', now() FROM (VALUES ('a'), ('b')) AS v (n)"
        )
    return Warehouse(path)


def test_rejects_of_the_first_version_get_ids_and_new_ones_the_next(old):
    with old.session() as cursor:
        cursor.execute(
            "INSERT INTO _elt.rejects (run_id, environment, tap, stream, reason,"
            " record, rejected_at) VALUES ('r2', 'default', 't', 's', 'x', '{}', now())"
        )
        found = cursor.execute(
            "SELECT id, value, run_id FROM _elt.rejects ORDER BY id"
        ).fetchall()

    assert found == [(1, "a", "r1"), (2, "b", "r1"), (3, None, "r2")]
    assert old.id == "w1"


def test_a_reader_that_asks_for_it_finds_the_tables_of_this_version(old):
    with old.reader() as cursor:
        assert not is_current(cursor)
    with old.reader(migrated=True) as cursor:
        assert is_current(cursor)
        assert cursor.execute("SELECT max(id) FROM _elt.rejects").fetchone() == (2,)
        with pytest.raises(duckdb.InvalidInputException):
            cursor.execute("DELETE FROM _elt.rejects")
