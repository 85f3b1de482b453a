from __future__ import annotations

import pytest

from elt.cli.built_in_taps import check_built_in
from elt.errors import ConfigError, ConfigErrors
from elt.project.load import load_project

REST = """
project.name = "p"

[taps.shop]
plugin = "rest"

[taps.shop.config]
base_url = "https://api.example.com"
start_date = 2025-01-31

[taps.shop.config.streams.orders]
path = "/orders"

[taps.shop.config.streams.orders.paging]
type = "page"
parm = "page"
"""


def test_all_that_is_wrong_with_a_tap_is_told_with_its_lines(tmp_path):
    text = REST.replace("start_date", "strat_date")
    (tmp_path / "elt.toml").write_text(text)
    project = load_project(tmp_path, None)

    with pytest.raises(ConfigErrors) as caught:
        check_built_in(project, "shop", project.file.taps["shop"].config)

    told = [(e.what, e.where, e.hint) for e in caught.value.errors]
    assert told == [
        (
            "`strat_date` is no setting",
            "elt.toml:9  [taps.shop.config]",
            "Did you mean `start_date`?",
        ),
        (
            "stream `orders`: `paging.parm` is no setting",
            "elt.toml:16  [taps.shop.config]",
            "Did you mean `param`?",
        ),
        (
            'stream `orders`: `paging.param` is missing: `type = "page"` needs it',
            "elt.toml:14  [taps.shop.config]",
            "The parameter that takes it",
        ),
    ]


def test_a_single_flaw_is_one_error(tmp_path):
    text = REST.replace("parm", "param").replace("https://", "")
    (tmp_path / "elt.toml").write_text(text)
    project = load_project(tmp_path, None)

    with pytest.raises(ConfigError, match="`base_url` is not an address") as caught:
        check_built_in(project, "shop", project.file.taps["shop"].config)

    assert caught.value.where == "elt.toml:8  [taps.shop.config]"
