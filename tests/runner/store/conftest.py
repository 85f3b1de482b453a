from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from elt.runner.store.database import Store, open_store
from tests.runner.store.recorded import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path) as opened:
        yield opened
