from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from elt.remote.masking import masked

SECRET = 'p@ss/word "1"'  # noqa: S105


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET, safe=""),
        SECRET.replace('"', '\\"'),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
    ],
)
def test_a_secret_is_struck_out_in_each_form(written):
    assert SECRET not in masked(f"tried {written} once", [SECRET])
    assert written not in masked(f"tried {written} once", [SECRET])


def test_of_two_secrets_the_longer_is_struck_out_whole():
    assert masked("token-12345", ["token-1", "token-12345"]) == "***"


def test_what_is_too_short_to_be_a_secret_stays():
    assert masked("page 1 of 12345", ["12345", "", "1"]) == "page 1 of 12345"
