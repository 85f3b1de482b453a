"""singer-sdk's own tests of a target: the 16 of its suite and the two outside it."""

from __future__ import annotations

from importlib import resources

import duckdb
import pytest
from singer_sdk.testing import get_target_test_class, target_test_streams
from singer_sdk.testing.runners import TargetTestRunner
from singer_sdk.testing.suites import SingerTestSuite, target_tests
from singer_sdk.testing.target_tests import (
    TargetMultipleStateMessages,
    TargetRecordMissingRequiredProperty,
)

from elt.targets.singer_target import DuckdbTarget

OUTSIDE = SingerTestSuite(
    kind="target",
    tests=[TargetMultipleStateMessages, TargetRecordMissingRequiredProperty],
)
# Four rows are the size at which the states of `multiple_state_messages.singer` that
# the test names are due: the first at once, then every four rows, then the last.
CONFIG = {"batch_size_rows": 4}


class Runner(TargetTestRunner):
    """The suite's runner, with a warehouse of its own, that keeps STATE as text.

    `TargetMultipleStateMessages` compares what the runner decoded with the text of
    each line, which are never equal. (singer-sdk leaves the test out of its suite.)
    """

    @staticmethod
    def _clean_sync_output(raw_records):
        return raw_records.splitlines()


Suite = get_target_test_class(DuckdbTarget, config=CONFIG, custom_suites=[OUTSIDE])


class TestDuckdbTarget(Suite):
    @pytest.fixture
    def runner(self, tmp_path):
        config = {**CONFIG, "path": str(tmp_path / "w.duckdb")}
        runner = Runner(DuckdbTarget, config=config)
        yield runner
        if runner.target_input is not None:
            runner.target_input.close()


def test_all_eighteen_are_there():
    names = {test.name for test in (*target_tests.tests, *OUTSIDE.tests)}
    found = {
        name.removeprefix("test_target_")
        for name in dir(TestDuckdbTarget)
        if name.startswith("test_target_")
    }

    assert found == names
    assert len(names) == 18


STREAMS = resources.files(target_test_streams)


def test_what_the_suite_loads_is_in_the_tables(tmp_path):
    """The suite's tests look at errors only; these are the rows."""
    path = str(tmp_path / "w.duckdb")
    for name in (
        "array_data",
        "camelcase",
        "duplicate_records",
        "encoded_string_data",
        "no_primary_keys",
        "no_primary_keys_append",
        "optional_attributes",
        "schema_updates",
        "special_chars_in_attributes",
        "user_location_data",
        "user_location_upsert_data",
    ):
        runner = Runner(DuckdbTarget, config={"path": path})
        runner.input_filepath = STREAMS / f"{name}.singer"
        runner.sync_all()
        runner.target_input.close()

    with duckdb.connect(path) as db:

        def rows(sql):
            return db.execute(sql).fetchall()

        assert rows("SELECT id, metric FROM test_duplicate_records ORDER BY id") == [
            (1, 100),
            (2, 20),
        ]
        assert rows("SELECT count(*) FROM test_no_pk") == [(8,)]
        assert rows("SELECT fruits FROM test_array_data WHERE id = 1") == [
            ('["apple","orange","pear"]',)
        ]
        assert rows("SELECT info FROM test_strings WHERE id = 3") == [("简单的字串",)]
        assert rows('SELECT "Id", "clientName" FROM testcamelcase ORDER BY 1') == [
            ("1", "Gitter Windows Desktop App"),
            ("2", "Gitter iOS App"),
        ]
        assert rows("SELECT id, a1, a3 FROM test_schema_updates ORDER BY id")[0] == (
            1,
            101.0,
            None,
        )
        assert rows("SELECT name FROM test_users WHERE id = 1") == [("Johny",)]
        assert rows("SELECT count(*), count(DISTINCT id) FROM test_users") == [(8, 8)]
