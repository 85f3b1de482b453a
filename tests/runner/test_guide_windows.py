"""The guide on windows shows projects and a model that are right."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from jinja2 import Template

from elt.project.load import load_project
from elt.project.tap_settings import RFC_3339
from elt.runner.windows import Window
from elt.transform.window import window_vars

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
PAGE = (GUIDES / "windows.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
PLUGIN = '\n[taps.{tap}]\nplugin = "files"\n'
SPAN = Window.of(("2026-11-01T00:00:00+00:00", "2026-11-02T00:00:00+00:00"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_a_right_project(tmp_path, example):
    tap = re.findall(r"taps\.(\w+)", example)[0]
    more = "" if f"[taps.{tap}]" in example else PLUGIN.format(tap=tap)
    (tmp_path / "elt.toml").write_text(f'{example}{more}\n[project]\nname = "acme"\n')

    assert tap in load_project(tmp_path).file.taps


def test_the_format_without_a_format_is_the_one_on_the_page():
    assert f"written as\n`{SPAN.start.strftime(RFC_3339)}`" in PAGE


@pytest.mark.parametrize(
    ("told", "rows"), [(window_vars(SPAN), [(1,)]), ({}, [(1,), (2,)])]
)
def test_the_model_reads_its_window_and_without_one_all(told, rows):
    (model,) = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    sql = Template(model).render(
        config=lambda **_: "",
        source=lambda schema, table: f"{schema}.{table}",
        var=told.get,
        is_incremental=lambda: False,
        none=None,
    )

    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("CREATE SCHEMA raw_crm")
        db.execute(
            "CREATE TABLE raw_crm.deals AS SELECT d AS id, 1 AS amount,"
            " TIMESTAMPTZ '2026-10-31 12:00:00+00' + INTERVAL (d) DAY AS updated_at"
            " FROM range(1, 3) AS t (d)"
        )
        assert db.execute(f"SELECT id FROM ({sql}) ORDER BY id").fetchall() == rows
