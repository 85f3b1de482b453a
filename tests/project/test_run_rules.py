from __future__ import annotations

import pytest

from elt.errors import ConfigError
from elt.project.load import load_project

TOML = '[project]\nname = "acme"\n[run]\nmax_catch_up = "{}"\n'


def test_how_far_a_run_may_catch_up_is_a_duration(tmp_path):
    (tmp_path / "elt.toml").write_text(TOML.format("30d"))

    assert load_project(tmp_path).file.run.max_catch_up == "30d"


@pytest.mark.parametrize("text", ["5x", "", "a week"])
def test_what_is_no_duration_is_told_with_its_line(tmp_path, text):
    (tmp_path / "elt.toml").write_text(TOML.format(text))

    with pytest.raises(ConfigError) as error:
        load_project(tmp_path)

    assert "max_catch_up" in str(error.value)
    assert "elt.toml:4" in str(error.value)
