"""What users install is whole: the wheel, in an empty environment."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command, cwd):
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_carries_all_it_needs_and_runs_a_new_project(tmp_path):
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        tmp_path,
        ROOT,
        cwd=tmp_path,
    )
    (wheel,) = tmp_path.glob("elt_toolkit-*.whl")

    names = zipfile.ZipFile(wheel).namelist()
    assert "elt/py.typed" in names
    assert "elt/project_template/demo/elt.toml" in names
    assert "elt/project_template/blank/gitignore" in names
    packs = "elt/transform/packs"
    assert f"{packs}/stripe/TAP_NAME__customers.sql" in names
    assert f"{packs}/_revenue/TAP_NAME__subscription_months.sql" in names
    assert not [name for name in names if "__pycache__" in name or ".duckdb" in name]

    run(sys.executable, "-m", "venv", "env", cwd=tmp_path)
    run("env/bin/pip", "install", "-q", wheel, cwd=tmp_path)
    elt = tmp_path / "env/bin/elt"
    run(elt, "init", "shop", cwd=tmp_path)
    run(elt, "run", cwd=tmp_path / "shop")

    rows = run(
        elt,
        "query",
        "SELECT count(*) > 0 FROM months",
        "--format",
        "csv",
        cwd=tmp_path / "shop",
    )
    assert rows.split()[-1] == "true"
