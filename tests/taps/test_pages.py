"""The pages of HubSpot, Recurly and GitHub say of each stream what its tap does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from taps.declared import declared_streams

PAGES = Path(__file__).parents[2] / "docs" / "taps"
ALL = pytest.mark.parametrize("vendor", ["github", "hubspot", "recurly"])


@pytest.fixture(scope="module")
def declared():
    return declared_streams()


def told(vendor):
    """Give the cells of each stream's row, by the heads of their columns."""
    text = (PAGES / f"{vendor}.md").read_text().partition("## Streams")[2]
    lines = [line for line in text.partition("\n**")[0].splitlines() if "|" in line]
    head, _, *rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return {
        name: dict(zip(head, row, strict=True))
        for row in rows
        for name in re.findall(r"`(\w+)`", row[1])
    }


def is_selected(stream):
    (whole,) = [each for each in stream["metadata"] if not each["breadcrumb"]]
    return whole["metadata"]["selected-by-default"]


@ALL
def test_each_stream_has_a_row(declared, vendor):
    named = set(told(vendor))

    # Pairs of objects are as many as an account has: one row tells of them all.
    there = {name for name in declared[vendor] if not name.startswith("associations_")}
    assert there <= named
    if_set = {"associations_deals_contacts", "deals_history"}
    assert named - there <= if_set


@ALL
def test_a_row_says_how_its_stream_is_read(declared, vendor):
    for name, cells in told(vendor).items():
        stream, read = declared[vendor].get(name), cells["read"]
        if stream:
            is_full = stream["replication_method"] == "FULL_TABLE"
            assert read.startswith("in full") == is_full, name
            by = re.match(r"by `(\w+)`", read)
            assert not by or by[1] == stream["replication_key"], name
            assert ("only if selected" in read) != is_selected(stream), name


@pytest.mark.parametrize("vendor", ["github", "hubspot"])
def test_a_row_names_the_key_of_its_stream(declared, vendor):
    for name, cells in told(vendor).items():
        if name in declared[vendor]:
            key = re.findall(r"`(\w+)`", cells["key"])
            assert set(declared[vendor][name]["key_properties"]) <= set(key), name


def test_the_key_of_every_stream_of_recurly_but_one_is_its_id(declared):
    others = {
        name: each["key_properties"]
        for name, each in declared["recurly"].items()
        if tuple(each["key_properties"]) != ("id",)
    }

    assert others == {"export_files": ("export_date", "name")}
