from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from elt.project.scaffold import scaffold


def elt(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "elt", *arguments],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_fresh_blank_project_runs_to_its_end_twice(tmp_path):
    scaffold(tmp_path / "acme")

    first = elt(tmp_path / "acme", "run")
    second = elt(tmp_path / "acme", "run")
    months = elt(
        tmp_path / "acme",
        *("query", "--format", "csv"),
        "SELECT month, days, workdays FROM months ORDER BY month LIMIT 2",
    )

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert months.stdout.split() == [
        "month,days,workdays",
        "2025-01-01,31,23",
        "2025-02-01,28,20",
    ]
