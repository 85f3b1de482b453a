"""Every example of docs/guides/write-a-tap.md is written down and run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from elt.plugins import plugins
from elt.singer.discover import discover
from elt.singer.process import TapProgram, start_tap

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "write-a-tap.md"
_EXAMPLE = re.compile(r"<!-- (\w+)(?:: ([^\n]*?))? -->\n```\w+\n(.*?)```", re.DOTALL)
EXAMPLES = _EXAMPLE.findall(GUIDE.read_text("utf-8"))


@pytest.fixture
def project(tmp_path):
    """Write all files of the guide into a folder."""
    for kind, name, content in EXAMPLES:
        if kind in ("file", "program"):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
            path.chmod(0o755 if kind == "program" else 0o644)
    return tmp_path


def run(project: Path, command: str) -> list[dict]:
    words = shlex.split(command.replace("python ", f"{sys.executable} -P ", 1))
    done = subprocess.run(words, cwd=project, capture_output=True, check=True)
    if "--discover" in words:
        return [json.loads(done.stdout)]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_guide_has_all_its_examples():
    assert [(kind, name) for kind, name, _ in EXAMPLES] == [
        ("file", "plugins/tickets.py"),
        ("run", ""),
        ("file", "plugins/billing.py"),
        ("file", "plugins/visits.py"),
        ("settings", "elt.toml"),
        ("file", "test_tickets.py"),
        ("file", "plugins/countries.py"),
        ("run", '{"codes": ["de", "fr"]}'),
        ("program", "taps/hello"),
    ]


def test_its_plugins_are_found(project):
    found = {plugin.name: plugin for plugin in plugins(project)}

    assert {"tickets", "billing", "countries", "files"} <= set(found)
    assert found["countries"].where == "plugins/countries.py:18"


def test_its_commands_run(project):
    outputs = []
    for kind, config, content in EXAMPLES:
        if kind == "run":
            (project / "config.json").write_text(config or "{}")
            outputs += [run(project, line[2:]) for line in content.splitlines()]

    discovered, tickets, countries = outputs
    assert discovered[0]["streams"][0]["tap_stream_id"] == "tickets"
    assert [m["type"] for m in tickets] == ["SCHEMA", "RECORD", "RECORD", "STATE"]
    records = [m["record"] for m in countries if m["type"] == "RECORD"]
    assert records == [{"code": "de", "name": "DE"}, {"code": "fr", "name": "FR"}]


def test_its_several_streams_are_one_tap(project):
    messages = run(project, "python -m elt.taps.functions plugins/billing.py")

    streams = [m["stream"] for m in messages if m["type"] == "RECORD"]
    assert streams == ["invoices", "invoices", "plans", "plans"]
    assert messages[0]["schema"]["properties"]["amount"]["multipleOf"] == 0.01


def test_its_function_with_a_window_reads_that_day_alone(project):
    settings = next(text for kind, _, text in EXAMPLES if kind == "settings")
    (project / "elt.toml").write_text(f'[project]\nname = "acme"\n\n{settings}')
    words = ["backfill", "tap:visits", "--from", "2026-11-03", "--to", "2026-11-04"]
    elt = [sys.executable, "-m", "elt"]

    subprocess.run([*elt, *words], cwd=project, capture_output=True, check=True)

    with duckdb.connect(str(project / "warehouse.duckdb")) as warehouse:
        rows = warehouse.execute("SELECT id FROM raw_visits.visits").fetchall()
    assert rows == [(2,)]


def test_its_test_passes(project):
    command = [sys.executable, "-m", "pytest", "-q", "test_tickets.py"]

    done = subprocess.run(command, cwd=project, capture_output=True, check=False)

    assert done.returncode == 0, done.stdout


def test_its_smallest_program_is_a_tap(project):
    program = TapProgram(
        (str(project / "taps" / "hello"),), project, private_dir=project / ".elt"
    )

    catalog = discover(program, {})
    with start_tap(program, {}, catalog) as tap:
        lines = tap.stdout.read().splitlines()

    assert catalog["streams"][0]["tap_stream_id"] == "words"
    assert json.loads(lines[1])["record"] == {"word": "hello"}
