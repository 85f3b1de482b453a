from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.reverse.baseline import Scope
from elt.reverse.destination import Added, Changed, Removed
from elt.reverse.diff import diff
from elt.reverse.mapping import FieldMapping
from elt.reverse.spool import Spool
from elt.warehouse import tables
from elt.warehouse.duckdb import Warehouse

SCOPE = Scope(environment="default", sync="s")
MAPPING = FieldMapping(
    select="SELECT * FROM model",
    key_sql='"k"',
    payload_sql="""'{"v":' || COALESCE("v"::VARCHAR, 'null') || '}'""",
    columns=(),
    hash="h",
)
rows = st.dictionaries(
    st.sampled_from([f"k{n}" for n in range(9)]) | st.text(min_size=1, max_size=3),
    st.none() | st.integers(0, 3),
    max_size=12,
).map(lambda d: {k: v for k, v in d.items() if "\0" not in k})


def text(value: int | None) -> str:
    return f'{{"v":{"null" if value is None else value}}}'


@cache
def opened():
    cursor = duckdb.connect()
    tables.migrate(cursor)
    return cursor


def compare(model, baseline, *, mode="mirror"):
    cursor = opened()
    cursor.execute("CREATE OR REPLACE TABLE model (k TEXT, v INTEGER)")
    cursor.execute("DELETE FROM _elt.sync_state")
    cursor.execute(
        "INSERT INTO model SELECT unnest(?::TEXT[]), unnest(?::INTEGER[])",
        [list(model), list(model.values())],
    )
    cursor.execute(
        "INSERT INTO _elt.sync_state BY NAME SELECT 'default' AS environment,"
        " 's' AS sync, k AS key, sha256(t) AS accepted_hash,"
        " t AS accepted_payload, 'accepted' AS status, 0 AS attempts,"
        " now() AS updated_at"
        " FROM (SELECT unnest(?::TEXT[]) AS k, unnest(?::TEXT[]) AS t)",
        [list(baseline), [text(value) for value in baseline.values()]],
    )
    with tempfile.TemporaryDirectory() as folder, Spool(Path(folder), "s") as spool:
        counts = diff(cursor, MAPPING, SCOPE, mode=mode, spool=spool)
        changes = list(spool.changes(["added", "changed", "removed"]))
    return counts, changes


@settings(max_examples=40, deadline=None)
@given(rows, rows)
def test_applying_the_diff_to_the_baseline_gives_the_model(model, baseline):
    counts, changes = compare(model, baseline)

    applied = {key: text(value) for key, value in baseline.items()}
    for change in changes:
        match change:
            case Added(key=key, text=new):
                assert key not in applied
                applied[key] = new
            case Changed(key=key, text=new, old_text=old):
                assert applied[key] == old != new
                applied[key] = new
            case Removed(key=key, old_text=old):
                assert applied.pop(key) == old

    assert applied == {key: text(value) for key, value in model.items()}
    assert [c.key for c in changes] == sorted({c.key for c in changes}, key=str.encode)
    assert counts.unchanged + counts.added + counts.changed == len(model)
    assert counts.known == len(baseline)


def test_a_null_and_a_value_differ():
    counts, _ = compare({"a": None, "b": 1}, {"a": 1, "b": None})

    assert counts.changed == 2


def test_a_diff_leaves_nothing_behind_in_the_warehouse(tmp_path):
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.session() as cursor, Spool(tmp_path, "s") as spool:
        cursor.execute("CREATE TABLE model AS SELECT 'a' AS k, 1 AS v")
        before = cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall()

        diff(cursor, MAPPING, SCOPE, mode="upsert", spool=spool)
        diff(cursor, MAPPING, SCOPE, mode="upsert", spool=spool)

        after = cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert after == before
    assert not list(tmp_path.glob("s.*"))
