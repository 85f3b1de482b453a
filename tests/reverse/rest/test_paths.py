from __future__ import annotations

import pytest

from elt.errors import ConfigError
from elt.reverse.rest.paths import MISSING, at, read_path

ANSWER = {"results": [{"id": 7, "a.b": {"x y": 1}}], "errors": None}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", ANSWER),
        ("$.results[0].id", 7),
        ("results[0].id", 7),
        ("$.results[0]['a.b']['x y']", 1),
        ('results[0]["a.b"].x y', 1),
        ("errors", None),
        ("results[1]", MISSING),
        ("results.id", MISSING),
        ("errors.id", MISSING),
        ("nothing", MISSING),
    ],
)
def test_a_path_finds_its_place(path, found):
    assert at(read_path(path, "here"), ANSWER) == found


@pytest.mark.parametrize("path", ["", "$..a", "a[", "a[x]", "a[*]", "a."])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(ConfigError, match="is no place in JSON"):
        read_path(path, "here")
