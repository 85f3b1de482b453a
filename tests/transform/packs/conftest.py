from __future__ import annotations

from functools import cache

import pytest
from taps.declared import declared_streams
from transform.packs.rendered import Rendered


@pytest.fixture(scope="session")
def schemas():
    """Give the streams' schemas of each tap."""
    return {
        tap: {name: entry["schema"] for name, entry in entries.items()}
        for tap, entries in declared_streams().items()
    }


@pytest.fixture(scope="session")
def rendered(schemas):
    """Give a pack over empty tables, which tests only read."""
    return cache(lambda pack: Rendered(pack, schemas[pack]))
