"""The page of the tap names what the tap has."""

from __future__ import annotations

import re
from pathlib import Path

from elt.taps.stripe.options import SETTINGS, VERSION
from elt.taps.stripe.streams import STREAMS, has_deletes

PAGE = (Path(__file__).parents[3] / "docs" / "taps" / "stripe.md").read_text()
ROWS = {
    cells[1].strip("` "): [cell.strip() for cell in cells[1:-1]]
    for line in PAGE.splitlines()
    if len(cells := line.split("|")) == 7
}


def test_each_stream_is_in_the_table_with_its_key_and_its_deletes():
    for stream in STREAMS:
        cells = ROWS[stream.name]
        assert re.findall(r"`(\w+)`", cells[1]) == list(stream.key)
        assert bool(cells[3]) == has_deletes(stream), stream.name


def test_each_setting_is_named():
    for name in SETTINGS["properties"]:
        assert f"`{name}`" in PAGE


def test_the_version_is_the_one_that_is_asked_for():
    assert f"`{VERSION}`" in PAGE
