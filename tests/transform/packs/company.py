"""A project whose one tap reads a simulated API, with the models of that tap."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
DBT_PROJECT = """\
name: kettle
version: "1.0"
config-version: 2
profile: elt
"""


class Built:
    """The project after a run; `log` is what the run said."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = ""

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
        self.log = done.stdout + done.stderr
        assert done.returncode == 0, self.log

    def rows(self, sql):
        with duckdb.connect(self.root / "warehouse.duckdb", read_only=True) as found:
            return found.execute(sql).fetchall()


def build(root: Path, pack: str, config: str, *, select: str = "") -> Built:
    """Run the pack's tap, called `shop`, and build its models.

    The tap is a program of its own, as any Singer tap is: so it need not be installed.
    """
    (root / "transform").mkdir(parents=True)
    (root / "transform" / "dbt_project.yml").write_text(DBT_PROJECT)
    (root / "elt.toml").write_text(
        '[project]\nname = "kettle"\n\n[transform]\n\n'
        f'[taps.{pack}]\nexecutable = "{sys.executable}"\n'
        f'args = ["-m", "elt.taps.{pack}"]\n{select}\n'
        f"[taps.{pack}.config]\n{config}\n"
    )
    built = Built(root)
    built.elt("add", "tap", pack, "--models")
    built.elt("run")
    return built
