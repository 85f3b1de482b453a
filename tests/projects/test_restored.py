"""A backup put back after syncs went on: what was sent since is not sent blindly."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

ELT_TOML = """
[project]
name = "shop"

[taps.people]
plugin = "people"

[transform]

[destinations.crm]
plugin = "far"
send_in = ["default"]

[syncs.health]
model = "health"
destination = "crm"
object = "people"
key = "id"
"""

# As many people as the file `count` says.
TAP = """
from pathlib import Path
from elt import stream

@stream(key="id")
def people(config):
    for number in range(int(Path("count").read_text())):
        yield {"id": str(number)}
"""

# Not of this machine, as far as elt knows: so it asks before a first sync.
FAR = """
from elt import destination
from elt.reverse.destination import Receipt, Traits

@destination("far")
class Far:
    traits = Traits(is_local=False)

    def __init__(self, config, root):
        self.sent = root / "sent"

    def check(self):
        pass

    def send(self, route, changes):
        with self.sent.open("a") as sent:
            for change in changes:
                sent.write(change.key + "\\n")
                yield Receipt(change.key, "accepted")
"""


@pytest.fixture
def shop(tmp_path):
    root = tmp_path / "shop"
    (root / "plugins").mkdir(parents=True)
    (root / "transform" / "models").mkdir(parents=True)
    (root / "elt.toml").write_text(ELT_TOML)
    (root / "plugins" / "people.py").write_text(TAP)
    (root / "plugins" / "far.py").write_text(FAR)
    (root / "transform" / "dbt_project.yml").write_text(
        "name: shop\nversion: '1.0'\nprofile: elt\n"
    )
    (root / "transform" / "models" / "health.sql").write_text(
        "SELECT id FROM {{ source('raw_people', 'people') }}\n"
    )
    return root


def elt(folder, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "elt", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def people(folder, count: int, *words: str) -> tuple[int, list[str]]:
    """Run with so many people at the source; give the code and what was sent."""
    (folder / "count").write_text(str(count))
    (folder / "sent").write_text("")
    done = elt(folder, "run", *words)
    sys.stderr.write(done.stderr)
    return done.returncode, (folder / "sent").read_text().split()


@pytest.mark.slow
def test_a_sync_that_ran_after_the_backup_is_stopped_until_somebody_has_looked(shop):
    code, sent = people(shop, 30, "--first")
    assert (code, len(sent)) == (0, 30)
    path = elt(shop, "backup").stdout.strip()
    assert people(shop, 32) == (0, ["30", "31"])

    restored = elt(shop, "restore", path, "--yes")
    stopped = people(shop, 32)
    still_stopped = people(shop, 32)
    plan = json.loads(elt(shop, "sync", "plan", "health", "--json").stdout)
    allowed = people(shop, 32, "--accept", "baseline")

    assert restored.returncode == 0, restored.stderr
    assert "elt run sync:health --accept baseline" in restored.stderr
    assert stopped == still_stopped == (3, [])
    assert "older than the last sync" in plan["findings"][0]["what"]
    assert allowed == (0, ["30", "31"])
    assert people(shop, 32) == (0, [])
