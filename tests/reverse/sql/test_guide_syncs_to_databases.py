"""docs/guides/syncs-to-databases.md says what is so."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from far_tables import KINDS, route_to

from elt.plugins import find, load
from elt.project.sync_settings import SyncTable
from elt.reverse.destination import Added, make_destination
from elt.reverse.destinations.sqlite import SqliteConfig
from elt.reverse.sql.mysql.connection import MysqlConfig
from elt.reverse.sql.postgres.connection import PostgresConfig

PAGE = Path(__file__).parents[3] / "docs" / "guides" / "syncs-to-databases.md"
TEXT = PAGE.read_text("utf-8")
# The types that the guide says a table is made with; rows of two types have two.
TYPES = {
    "DECIMAL(10,3)": ("numeric(10,3)", "decimal(10,3)", "NUMERIC"),
    "BIGINT": ("bigint", "bigint(20)", "INTEGER"),
    "HUGEINT": ("numeric(39,0)", "decimal(39,0)", "INTEGER"),
    "DOUBLE": ("double precision", "double", "REAL"),
    "BOOLEAN": ("boolean", "tinyint(1)", "BOOLEAN"),
    "TIMESTAMP": ("timestamp without time zone", "datetime(6)", "TEXT"),
    "TIMESTAMP WITH TIME ZONE": ("timestamp with time zone", "datetime(6)", "TEXT"),
    "JSON": ("jsonb", "longtext", "TEXT"),
    "INTEGER[]": ("jsonb", "longtext", "TEXT"),
    "VARCHAR": ("text", "longtext", "TEXT"),
    "BLOB": ("bytea", "longblob", "BLOB"),
}


@pytest.mark.parametrize("config", [PostgresConfig, MysqlConfig, SqliteConfig])
def test_every_setting_is_in_the_guide_with_its_default(config):
    table = TEXT[TEXT.index("| setting |") : TEXT.index("## Modes")]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    for setting in msgspec.structs.fields(config):
        (row,) = [r for r in rows if f"`{setting.encode_name}`" in r.split("|")[1]]
        if type(setting.default) in {int, float}:
            assert f"({setting.default:,g})" in row


def test_the_example_of_the_guide_keeps_a_table_like_a_model(postgres, tmp_path):
    (text,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    written = tomllib.loads(text)
    table = msgspec.convert(written["syncs"]["customer_health"], SyncTable)
    plugin = written["destinations"]["app"]["plugin"]
    made = make_destination(
        load(find("destination", plugin, tmp_path)),
        {**postgres.settings, "create_table": True},
        tmp_path,
    )
    columns = {"customer_id": "BIGINT", "health": "DOUBLE"}
    route = route_to(table.object, table.mode, columns, table.key)

    (receipt,) = made.send(route, [Added("7", '{"customer_id":7,"health":0.5}')])

    assert receipt.status == "accepted"
    assert postgres.run("SELECT * FROM customer_health") == [(7, 0.5)]


def test_tables_are_made_with_the_types_of_the_guide(far):
    columns = {"id": "INTEGER", **{f"c{n}": t for n, t in enumerate(TYPES)}}
    route = replace(route_to(columns=columns, key="id"))
    destination = far.destination(create_table=True)  # closes its session when gone
    session = destination._sender._open()

    session.create(session.create_sql(("", "people"), route))

    made = session.find(("", "people")).columns[1:]
    place = list(KINDS).index(far.kind)
    assert [column.type for column in made] == [each[place] for each in TYPES.values()]


def test_the_plugins_of_the_guide_are_there():
    for name in ("postgres", "mysql", "sqlite"):
        assert find("destination", name, None).origin == "built in"
