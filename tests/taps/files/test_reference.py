from __future__ import annotations

from pathlib import Path

import pytest

from elt.errors import ConfigError
from elt.taps.files.settings import _STREAM_SCHEMA, check_names

PAGE = Path(__file__).parents[3] / "docs/reference/files-tap.md"


def test_every_setting_of_a_stream_is_on_the_reference_page():
    page = PAGE.read_text(encoding="utf-8")

    assert [key for key in _STREAM_SCHEMA["properties"] if f"`{key}`" not in page] == []


def test_an_unknown_setting_is_named_with_the_nearest_one():
    with pytest.raises(ConfigError, match="unknown setting `keys`") as raised:
        check_names({"streams": {"orders": {"path": "x.csv", "keys": "id"}}})

    assert raised.value.hint == "Did you mean `key`?"
