"""docs/guides/syncs.md does what it says."""

from __future__ import annotations

import re
from pathlib import Path

from elt.reverse.guard import UNCONDITIONAL

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "syncs.md").read_text("utf-8")


def test_every_guard_is_in_the_guide():
    named = set(re.findall(r"^\| `(\w+)` \| .* \| .* \|$", PAGE, re.MULTILINE))

    guards = {"first", "baseline", "moved", "empty", "removed", "changed", "added"}
    assert guards | UNCONDITIONAL <= named
