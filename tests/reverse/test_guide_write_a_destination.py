"""docs/guides/write-a-destination.md: its destination keeps the rules that it lists."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest

from elt.plugins import find, load
from elt.reverse.destination import ReceiptStatus, make_destination
from elt.testing.destination_apis import TOKEN, Crud, troubles
from elt.testing.destination_rules import (
    REFUSED,
    RULES,
    FarSide,
    Trouble,
    example_route,
)
from elt.testing.webhooks import Receiver, Request

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
PAGE = (GUIDES / "write-a-destination.md").read_text("utf-8")


def with_its_key(api: Crud, request: Request) -> Any:
    """Let the API ask for the helpdesk's header in place of its own."""
    headers = {**request.headers, "authorization": request.headers.get("x-key", "")}
    return api.answer(Request(headers, request.body, request.method, request.path))


@contextmanager
def helpdesk(folder):
    code = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    (folder / "plugins").mkdir()
    (folder / "plugins" / "helpdesk.py").write_text(code)
    kind: Any = load(find("destination", "helpdesk", folder))
    api = Crud(own_ids=False, authorization=TOKEN)
    with Receiver(partial(with_its_key, api)) as receiver:
        config = {"url": receiver.origin, "key": TOKEN, "timeout": 0.3}
        made: Any = make_destination(kind, config, folder)
        more: Any = {"refuses a row": partial(api.refuse.add, REFUSED)}
        far = FarSide(
            rows=lambda: api.rows, secrets=[TOKEN], troubles=troubles(receiver, more)
        )
        with made.client:
            yield made, far


@pytest.mark.parametrize("rule", RULES)
def test_the_destination_of_the_guide_keeps_the_rules(rule, tmp_path):
    with helpdesk(tmp_path) as (made, far):
        rule(made, example_route("people"), far)


def test_every_trouble_and_every_answer_is_in_the_guide():
    for name in (*get_args(Trouble), *get_args(ReceiptStatus)):
        assert f"`{name}`" in PAGE
