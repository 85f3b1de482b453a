"""docs/guides/syncs.md does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from elt.plugins import find, load
from elt.reverse.destination import make_destination
from elt.reverse.guard import UNCONDITIONAL
from elt.testing.destination_rules import RULES, example_route

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "syncs.md").read_text("utf-8")


@pytest.fixture
def helpdesk(tmp_path) -> Any:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "helpdesk.py").write_text(code)
    kind: Any = load(find("destination", "helpdesk", tmp_path))
    made: Any = make_destination(kind, {"url": "http://127.0.0.1"}, tmp_path)
    made.client.close()
    made.client = httpx.Client(
        base_url="http://127.0.0.1",
        transport=httpx.MockTransport(lambda _: httpx.Response(200, text="fine")),
    )
    return made


@pytest.mark.parametrize("rule", RULES)
def test_the_destination_of_the_guide_keeps_the_rules(helpdesk, rule):
    rule(helpdesk, example_route())


def test_every_guard_is_in_the_guide():
    named = set(re.findall(r"^\| `(\w+)` \| .* \| .* \|$", PAGE, re.MULTILINE))

    guards = {"first", "baseline", "empty", "removed", "changed", "added"}
    assert guards | UNCONDITIONAL <= named
