"""A pack's models in a database of its own, without dbt: as views, in their order."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import jinja2
import yaml

from elt.targets.columns import columns_of
from elt.transform.staging import write_models

_REFERENCE = re.compile(r"ref\('(\w+)'\)")


class Rendered:
    """`tables` has the schemas of the tap's streams, as Singer has them."""

    def __init__(self, pack, tables):
        self.tables = tables
        self._database = duckdb.connect()
        self._database.execute("SET TimeZone = 'UTC'")
        self._database.execute("CREATE SCHEMA raw_vendor")
        self.sql, self.sources, self.models = {}, [], []
        with TemporaryDirectory() as folder:
            (Path(folder) / "dbt_project.yml").write_text("name: shop\n")
            names = {"tap": "vendor", "schema": "raw_vendor"}
            for path in write_models(Path(folder), pack, **names):
                self._take(path)
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

    def _take(self, path):
        if path.suffix == ".sql":
            self.sql[path.stem] = path.read_text()
        else:
            told = yaml.safe_load(path.read_text())
            self.sources += told.get("sources", [])
            self.models += told.get("models", [])

    def _in_order(self):
        above = {name: _REFERENCE.findall(text) for name, text in self.sql.items()}
        return TopologicalSorter(above).static_order()

    def _render(self, model):
        return jinja2.Template(self.sql[model]).render(
            source=lambda schema, table: f"{schema}.{table}",
            ref=lambda name: name,
            config=lambda **_: "",
        )
