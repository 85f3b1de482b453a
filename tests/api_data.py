"""Vendors' specifications and recorded samples, where this machine has them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(
    os.environ.get("ELT_API_DATA", Path(__file__).parents[2] / "shared" / "api-data")
)


def api_data(name: str) -> Any:
    """Read one of the samples, or skip the test where they are not at hand."""
    path = _FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} of the vendors' samples is not here; set ELT_API_DATA")
    return json.loads(path.read_text(encoding="utf-8"))
