from __future__ import annotations

import os

from elt.project.atomic import make_private_folder


def test_a_private_folder_is_private_from_the_first_that_is_made(tmp_path):
    before = os.umask(0o022)
    try:
        make_private_folder(tmp_path / ".elt" / "environments" / "tap")
        make_private_folder(tmp_path / ".elt" / "environments" / "tap")
    finally:
        os.umask(before)

    made = [tmp_path / ".elt", *(tmp_path / ".elt").rglob("*")]
    assert [oct(path.stat().st_mode & 0o777) for path in made] == ["0o700"] * 3
