"""A pack's models in a database of its own, without dbt: as views, in their order."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb
import jinja2
import yaml

from elt.targets.columns import columns_of
from elt.transform import staging

_REFERENCE = re.compile(r"ref\('(\w+)'\)")


class Rendered:
    """`tables` has the schemas of the tap's streams, as Singer has them."""

    def __init__(self, pack, tables):
        self.tables = tables
        self._database = duckdb.connect()
        self._database.execute("SET TimeZone = 'UTC'")
        self._database.execute("CREATE SCHEMA raw_vendor")
        folder = Path(staging.__file__).with_name("packs") / pack
        texts = {path.name: _filled(path.read_text()) for path in folder.iterdir()}
        self.sql = {
            _filled(name.removesuffix(".sql")): text
            for name, text in texts.items()
            if name.endswith(".sql")
        }
        self.sources = yaml.safe_load(texts["_TAP_NAME__sources.yml"])["sources"]
        self.models = yaml.safe_load(texts["_TAP_NAME__models.yml"])["models"]
        for table in self.sources[0]["tables"]:
            name = table["name"]
            columns = [f'"{c.name}" {c.type}' for c in columns_of(tables[name])]
            create = f"CREATE TABLE raw_vendor.{name} ({', '.join(columns)})"
            self._database.execute(create)
        for model in self._in_order():
            self._database.execute(f"CREATE VIEW {model} AS {self._render(model)}")

    def add(self, table, **values):
        names = ", ".join(f'"{name}"' for name in values)
        places = ", ".join("?" for _ in values)
        self._database.execute(
            f"INSERT INTO raw_vendor.{table} ({names}) VALUES ({places})",
            list(values.values()),
        )

    def rows(self, sql):
        return self._database.execute(sql).fetchall()

    def columns(self, model):
        return [name for name, *_ in self.rows(f"DESCRIBE {model}")]

    def _in_order(self):
        above = {name: _REFERENCE.findall(text) for name, text in self.sql.items()}
        return TopologicalSorter(above).static_order()

    def _render(self, model):
        return jinja2.Template(self.sql[model]).render(
            source=lambda schema, table: f"{schema}.{table}",
            ref=lambda name: name,
            config=lambda **_: "",
        )


def _filled(text):
    return text.replace("TAP_NAME", "vendor").replace("SCHEMA_NAME", "raw_vendor")
