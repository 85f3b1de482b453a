from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elt.errors import ConfigError, ConfigErrors
from elt.project.load import load_project
from elt.project.reference import toml
from elt.project.settings import File, RunTable, TransformTable, WarehouseTable
from elt.project.step_settings import KindTable
from elt.project.stream_settings import StreamTable
from elt.project.sync_settings import DestinationTable, FieldTable, SyncTable
from elt.project.tap_settings import TapTable
from elt.reverse.destinations.sqlite import SqliteConfig
from elt.reverse.destinations.webhook import WebhookConfig
from elt.reverse.rest.settings import RestConfig
from elt.reverse.sql.mysql.connection import MysqlConfig
from elt.reverse.sql.postgres.connection import PostgresConfig


def test_a_project_is_found_from_a_folder_below(folder):
    folder.load('[project]\nname = "acme"')
    below = folder.root / "transform" / "models"
    below.mkdir(parents=True)

    project = load_project(below)

    assert project.name == "acme"
    assert project.root == folder.root
    assert project.environment == "default"


def test_values_have_their_types_and_defaults(folder):
    project = folder.load("""
        [taps.My-Shop]
        executable = "tap-shop"
        config = { since = 2025-01-01, at = 2025-01-01T10:00:00Z, pages = 3 }
    """)

    tap = project.file.taps["My-Shop"]
    assert tap.config == {
        "since": "2025-01-01",
        "at": "2025-01-01T10:00:00+00:00",
        "pages": 3,
    }
    assert tap.reject_limit == 1000
    assert project.tap_schema("My-Shop") == "raw_my_shop"
    assert project.warehouse_path == folder.root / "warehouse.duckdb"
    assert project.transform_dir is None


def test_a_step_can_say_where_its_table_stands(folder):
    text = """
        [taps.shop]
        executable = "tap-shop"
        [taps.shop.config]
        token = "${env:SHOP_TOKEN}"
        [environments.prod.taps.shop.config]
        token = "${env:SHOP_PROD_TOKEN}"
    """

    base = folder.load(text)
    prod = folder.load(text, "prod")

    here = base.where("taps", "shop", "config")
    there = prod.where("taps", "shop", "config")
    assert here == "elt.toml:4  [taps.shop.config]"
    assert there == "elt.toml:6  [environments.prod.taps.shop.config]"


def test_no_project_anywhere_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError, match="there is no elt") as caught:
        load_project(tmp_path)

    assert "elt init" in str(caught.value.hint)


def test_every_error_of_a_file_is_told_at_once(folder, golden):
    broken = Path(__file__).parent.parent / "golden" / "elt_toml_errors.toml"

    errors = folder.errors(broken.read_text())

    golden("elt_toml_errors.txt", "".join(f"error: {error}\n\n" for error in errors))


def test_errors_come_in_the_order_of_their_lines(folder):
    errors = folder.errors("""
        [taps.shop]
        plugn = "shop"
        [run]
        jobs = 0
        [environments.prod.run]
        job = 1
        [destinations]
        crm = {}
    """)

    lines = [int(str(error.where).split(":")[1].split()[0]) for error in errors]
    assert lines == [3, 5, 7, 9]


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ('[project]\nname = "acme"\nx\n', 3, "A line is"),
        ("[project]\nname = acme\n", 2, "quotes"),
        ('[project]\nname = "a"\nname = "b"\n', 3, "once only"),
        ('[project]\nname = "a"\n[project]\n', 3, "once only"),
    ],
)
def test_what_is_not_toml_is_shown_with_its_line(folder, text, line, hint):
    error = folder.error(text)

    assert error.what.startswith("this is not TOML: ")
    assert error.where == f"elt.toml:{line}"
    assert hint in str(error.hint)


def test_a_file_in_another_encoding_is_refused(folder):
    (folder.root / "elt.toml").write_bytes('[project]\nname = "Käse"'.encode("cp1252"))

    with pytest.raises(ConfigError, match="UTF-8"):
        load_project(folder.root)


def test_a_byte_order_mark_is_no_error(folder):
    (folder.root / "elt.toml").write_bytes(
        b'\xef\xbb\xbf[project]\r\nname = "acme"\r\n'
    )

    assert load_project(folder.root).name == "acme"


def test_a_file_without_a_project_table_is_told_so(folder):
    (folder.root / "elt.toml").write_text("")

    with pytest.raises(ConfigErrors) as caught:
        load_project(folder.root)

    (error,) = caught.value.errors
    assert error.what == "the file needs a `[project]` table"
    assert caught.value.exit_code == 2


TABLES = (File, TapTable, StreamTable, DestinationTable, SyncTable, FieldTable)
KEYS = st.sampled_from(
    [key for table in TABLES for key in table.__struct_fields__]
    + ["prod", "default", "name", "other"]
)
VALUES = st.sampled_from([0, 1.5, True, "", "prod", "${env:A}", "${a", "upsert"])
TREES = st.recursive(
    VALUES,
    lambda below: (
        st.lists(below, max_size=2) | st.dictionaries(KEYS, below, max_size=4)
    ),
    max_leaves=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables=st.dictionaries(KEYS, TREES, max_size=5))
def test_for_all_files_there_is_a_project_or_errors_with_their_lines(folder, tables):
    text = "".join(f"{key} = {toml(value)}\n" for key, value in tables.items())
    (folder.root / "elt.toml").write_text(text)

    try:
        load_project(folder.root)
    except ConfigErrors as caught:
        places = [str(error.where) for error in caught.errors]
        assert all(re.match(r"elt\.toml(:\d+)?(  \[|$)", place) for place in places)
    else:
        assert "project" in tables


SECONDS = [
    "[run]\nretry_delay_seconds",
    "[run]\nstep_timeout_seconds",
    "[run]\ntimeout_seconds",
    "[run.taps]\nretry_delay_seconds",
    "[run.taps]\ntimeout_seconds",
    "[run.syncs]\nretry_delay_seconds",
    "[run.syncs]\ntimeout_seconds",
    "[transform]\nretry_delay_seconds",
    "[transform]\ntimeout_seconds",
    "[warehouse]\nbusy_timeout_seconds",
    "[warehouse]\ncommit_seconds",
    "[warehouse]\ncommit_megabytes",
    '[taps.a]\nplugin = "files"\nretry_delay_seconds',
    '[taps.a]\nplugin = "files"\ntimeout_seconds',
    '[taps.a]\nplugin = "files"\nidle_timeout_seconds',
]


@pytest.mark.parametrize("seconds", ["inf", "nan", "1e10"])
@pytest.mark.parametrize("key", SECONDS)
def test_a_number_of_seconds_is_one_that_somebody_can_wait(folder, key, seconds):
    with pytest.raises(ConfigError) as raised:
        folder.load(f"{key} = {seconds}\n")

    assert "must be a number" in str(raised.value)


TABLES = [
    RunTable,
    KindTable,
    TransformTable,
    WarehouseTable,
    TapTable,
    SyncTable,
    DestinationTable,
    MysqlConfig,
    PostgresConfig,
    RestConfig,
    SqliteConfig,
    WebhookConfig,
]


@pytest.mark.parametrize("table", TABLES)
def test_no_number_of_seconds_is_without_a_bound(table):
    schema = msgspec.json.schema(table)["$defs"][table.__name__]
    seconds = {
        key: about.get("anyOf", [about])
        for key, about in schema["properties"].items()
        if key.endswith("_seconds")
    }

    unbound = [key for key, kinds in seconds.items() if "maximum" not in str(kinds)]

    assert unbound == []
