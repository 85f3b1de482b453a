"""A project whose taps read simulated APIs, with the models of those taps."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import yaml

from elt.testing.lives import accounts
from elt.transform import staging

NOW = datetime(2025, 6, 2, 8, tzinfo=UTC)
TODAY = date(2025, 6, 1)  # the last day that is over, or nearly
DBT_PROJECT = """\
name: kettle
version: "1.0"
config-version: 2
profile: elt
"""


class Built:
    """The project, and what its runs said."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said = ""

    def elt(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "elt", *words],
            cwd=self.root,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        self.said += done.stdout + done.stderr
        assert done.returncode == 0, self.said

    def rows(self, sql):
        with duckdb.connect(self.root / "warehouse.duckdb", read_only=True) as found:
            return found.execute(sql).fetchall()

    def row(self, sql):
        (found,) = self.rows(sql)
        return found


def build(root: Path, configs: Mapping[str, Mapping[str, object]]) -> Built:
    """Run taps, named by their packs, for what these read, and build all models."""
    (root / "transform").mkdir(parents=True)
    (root / "transform" / "dbt_project.yml").write_text(DBT_PROJECT)
    toml = '[project]\nname = "kettle"\n\n[transform]\n'
    for pack, config in configs.items():
        settings = "".join(f"{name} = {value!r}\n" for name, value in config.items())
        toml += (
            f'\n[taps.{pack}]\nplugin = "{pack}"\nselect = {sources(pack)}\n\n'
            f"[taps.{pack}.config]\n{settings}"
        )
    (root / "elt.toml").write_text(toml)
    built = Built(root)
    for pack in configs:
        built.elt("add", "tap", pack, "--models")
    built.elt("run", "--strict")
    return built


def sources(pack: str) -> list[str]:
    """Name the tables that a pack declares as its sources."""
    folder = Path(staging.__file__).with_name("packs") / pack
    read = yaml.safe_load((folder / "_TAP_NAME__sources.yml").read_text())
    return [table["name"] for table in read["sources"][0]["tables"]]


def revenue():
    """Say what the lives of the customers are worth on each month's last day."""
    known = [a for a in accounts(7, TODAY) if a.periods and a.decided_on <= TODAY]
    month = date(2024, 7, 1)
    while month <= TODAY:
        next_month = (month + timedelta(days=31)).replace(day=1)
        day = min(next_month - timedelta(days=1), TODAY)
        running = [p.monthly for a in known if (p := a.period_on(day))]
        yield month, len(running), sum(running, Decimal(0))
        month = next_month
