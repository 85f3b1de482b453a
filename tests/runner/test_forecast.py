from __future__ import annotations

import pytest

from elt.project.selection_settings import SelectionTable
from elt.runner.forecast import is_without_dbt, taps_within

NAMED = {
    "crm": SelectionTable(select="tap:crm stream:billing.invoices"),
    "sends": SelectionTable(select="sync:*"),
    "all": SelectionTable(select=["selector:crm", "+orders"]),
}


@pytest.mark.parametrize(
    ("words", "taps"),
    [
        ("tap:crm", {"crm"}),
        ("tap:crm+", {"crm"}),
        ("tap:crm+1", {"crm"}),
        ("stream:crm.deals+2 tap:billing", {"crm", "billing"}),
        ("tap:crm,tag:daily", {"crm"}),
        ("tag:daily,tap:crm", {"crm"}),
        ("tap:crm+,sync:*", set()),
        ("sync:health model:a test:b seed:c snapshot:d path:models+", set()),
        ("resource_type:model", set()),
        ("selector:crm", {"crm", "billing"}),
        ("selector:crm+", {"crm", "billing"}),
        ("selector:sends", set()),
    ],
)
def test_some_selections_surely_keep_within_some_taps(words: str, taps: set[str]):
    assert taps_within([words], NAMED) == taps


@pytest.mark.parametrize(
    "words",
    [
        "",
        "orders",
        "+model:orders",
        "@sync:health",
        "+sync:health",
        "tap:*",
        "stream:c*.deals",
        "tag:daily",
        "owner:ann",
        "source:raw_crm",
        "state:modified",
        "result:failed",
        "source_status:fresher+",
        "resource_type:stream",
        "selector:all",
        "+selector:sends",
        "selector:unknown",
        "tap:crm orders",
        "a+b",
    ],
)
def test_other_selections_may_reach_any_tap(words: str):
    assert taps_within([words], NAMED) is None


@pytest.mark.parametrize(
    ("words", "without"),
    [
        ("tap:crm", True),
        ("stream:*.deals tap:crm", True),
        ("tap:crm,tag:daily", True),
        ("selector:crm", True),
        ("tap:crm+", False),
        ("@tap:crm", False),
        ("selector:sends", False),
        ("state:modified", False),
        ("source:raw_crm", False),
        ("", False),
    ],
)
def test_only_streams_surely_need_no_dbt(words: str, without: bool):
    assert is_without_dbt([words], NAMED) is without
