"""What a command must not import: each start pays for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("dbt", "duckdb", "httpx", "singer_sdk")
CODE = """
import sys
from elt.cli.app import main
code = main(sys.argv[1:])
print("loaded:", *sorted(name for name in sys.modules), file=sys.stderr)
sys.exit(code)
"""


def modules_loaded_by(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split()[1:])


@pytest.fixture
def project(tmp_path):
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "days.py").write_text(
        "from elt import stream\n\n@stream(key='id')\ndef days(config):\n    yield {}\n"
    )
    (tmp_path / "elt.toml").write_text(
        '[project]\nname = "shop"\n\n[taps.days]\nplugin = "days"\n'
    )
    return tmp_path


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["--version"], ["query", "--help"]]
)
def test_help_loads_nothing_heavy_and_draws_nothing(arguments):
    loaded = modules_loaded_by(*arguments)

    assert not {"rich", "sqlite3", "msgspec", *HEAVY} & loaded


def test_the_first_help_does_not_pay_for_typers_type_checks_either():
    assert "pydantic" not in modules_loaded_by("--help")


@pytest.mark.parametrize("command", ["status", "plugins", "runs", "check", "schema"])
def test_what_only_looks_loads_nothing_heavy(project, command):
    loaded = modules_loaded_by("-C", str(project), command)

    assert not set(HEAVY) & loaded
