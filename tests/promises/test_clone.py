"""A fresh clone of somebody's project sends nothing to anyone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOML = """
[project]
name = "theirs"

[transform]
project_dir = "."

[destinations.crm]
plugin = "webhook"
send_in = ["prod"]
[destinations.crm.config]
url = "{url}"

[syncs.people]
model = "people"
destination = "crm"
object = "contacts"
key = "id"

[environments.prod]
"""
# Anything that would call somebody is noticed here, whatever library it uses.
NO_CALLS = """
import socket, sys
def refuse(self, address, *rest):
    print("CALLED", address, file=sys.stderr)
    raise OSError("no calls in this test")
socket.socket.connect = refuse
socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda *a, **k: refuse(None, a)
sys.argv = ["elt", "run", *sys.argv[1:]]
from elt.__main__ import main
main()
"""


def project(folder: Path) -> Path:
    (folder / "models").mkdir(parents=True)
    (folder / "elt.toml").write_text(TOML.format(url="https://crm.example.com/hook"))
    (folder / "dbt_project.yml").write_text("name: theirs\nprofile: theirs\n")
    (folder / "models/people.sql").write_text("SELECT 1 AS id, 'ann' AS name")
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "DO_NOT_TRACK": "1"}
    return subprocess.run(
        [sys.executable, "-c", NO_CALLS, *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_run_in_a_fresh_clone_sends_nothing_to_anyone(tmp_path):
    theirs = project(tmp_path / "theirs")
    clone = tmp_path / "clone"
    shutil.copytree(theirs, clone)

    done = run(clone)

    assert done.returncode == 0, done.stderr
    assert "planned" in done.stderr
    assert "CALLED" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_same_run_where_it_may_send_would_have_called(tmp_path):
    theirs = project(tmp_path / "theirs")
    text = (theirs / "elt.toml").read_text()
    (theirs / "elt.toml").write_text(text + "[run]\nretries = 0\n")

    done = run(theirs, "--env", "prod", "--first")

    assert done.returncode == 1
    assert "CALLED" in done.stderr
