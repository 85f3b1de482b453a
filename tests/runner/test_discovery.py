from __future__ import annotations

import os

from elt.project.load import load_project
from elt.runner.discovery import _identity

EVENTS = """
[project]
name = "shop"
[taps.web]
plugin = "events"
config = { path = "in/", format = "segment" }
"""


def test_files_that_cannot_be_looked_at_do_not_keep_a_catalog_from_being_sought(
    tmp_path,
):
    (tmp_path / "elt.toml").write_text(EVENTS)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "dangling").symlink_to(tmp_path / "nowhere")
    (folder / os.fsdecode(b"\xff.json")).touch()

    project = load_project(tmp_path)

    assert _identity(project, "web") == _identity(project, "web")
