from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from elt.testing.apis.clock import Clock
from elt.testing.apis.front import Front
from elt.testing.apis.kept import Kept, note_change, written_in
from elt.testing.apis.serving import served
from elt.testing.apis.troubles import (
    BreaksOff,
    CutJson,
    HangsUp,
    Packs,
    Says,
    Waits,
)

START = datetime(2025, 6, 1, 12, tzinfo=UTC)


class Shop:
    """The smallest simulation: a list of texts, and when each came."""

    name = "shop"
    token = "none"  # noqa: S105

    def __init__(self, clock=None, writes=None):
        self.clock = clock or Clock(START)
        self.items = []
        routes = [
            Route("/items", self.list, methods=["GET"]),
            Route("/items", self.add, methods=["POST"]),
        ]
        self.front = Front(Starlette(routes=routes), self.clock, writes=writes)

    async def list(self, _: Request) -> JSONResponse:
        return JSONResponse({"items": self.items})

    async def add(self, request: Request) -> JSONResponse:
        item = await request.json()
        self.items.append({"item": item, "at": self.clock.now().isoformat()})
        note_change(request.scope)
        return JSONResponse(self.items[-1], 201)


@pytest.fixture
def shop():
    with served(Shop()) as shop:
        yield shop


def test_requests_are_answered_and_remembered(shop):
    answer = httpx.post(f"{shop.origin}/items?why=test", json="cup")

    assert answer.status_code == 201
    (asked,) = shop.api.front.requests
    assert (asked.method, asked.path, asked.query) == (
        "POST",
        "/items",
        (("why", "test"),),
    )
    assert asked.json == "cup"
    assert asked.status == 201


def test_the_clock_is_moved_by_hand(shop):
    moved = httpx.post(f"{shop.origin}/_simulation/clock", json={"days": 7})
    httpx.post(f"{shop.origin}/items", json="cup")

    assert moved.json() == {"now": "2025-06-08T12:00:00+00:00"}
    assert shop.api.items[0]["at"] == "2025-06-08T12:00:00+00:00"
    assert httpx.get(f"{shop.origin}/_simulation/clock").json() == moved.json()


@pytest.mark.parametrize("body", ['{"days": -1}', '{"weekdays": 1}', "seven", "[]"])
def test_a_clock_is_not_moved_back_or_by_nonsense(shop, body):
    answer = httpx.post(f"{shop.origin}/_simulation/clock", content=body)

    assert answer.status_code == 400
    assert '"days": 7' in answer.json()["error"]
    assert shop.api.clock.now() == START


def test_an_answer_is_put_in_the_place_of_the_vendors(shop):
    says = Says(503, '{"error": "busy"}', {"Retry-After": "2"})
    shop.api.front.troubles.add(says, times=2, after=1)

    answers = [httpx.get(f"{shop.origin}/items") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["retry-after"] == "2"
    statuses = [asked.status for asked in shop.api.front.requests]
    assert statuses == [200, 503, 503, 200]


def test_a_trouble_meets_only_the_requests_that_it_is_meant_for(shop):
    shop.api.front.troubles.add(Says(500), path="/items", method="POST")

    read = httpx.get(f"{shop.origin}/items")
    written = httpx.post(f"{shop.origin}/items", json="cup")

    assert (read.status_code, written.status_code) == (200, 500)
    assert shop.api.items == []


@pytest.mark.parametrize(("acts", "items"), [(False, 0), (True, 1)])
def test_a_connection_ends_without_a_word(shop, acts, items):
    shop.api.front.troubles.add(HangsUp(acts=acts))

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{shop.origin}/items", json="cup")

    assert len(shop.api.items) == items


def test_an_answer_breaks_off_in_its_body(shop):
    shop.api.front.troubles.add(BreaksOff())

    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{shop.origin}/items")


def test_an_answer_is_whole_and_its_json_is_not(shop):
    shop.api.front.troubles.add(CutJson())

    answer = httpx.get(f"{shop.origin}/items")

    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_an_answer_is_packed(shop):
    shop.api.front.troubles.add(Packs())

    answer = httpx.get(f"{shop.origin}/items")

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json() == {"items": []}


@pytest.mark.parametrize("within", [False, True])
def test_an_answer_comes_late(shop, within):
    shop.api.front.troubles.add(Waits(5, within=within))

    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{shop.origin}/items", timeout=0.2)


def test_what_was_written_is_there_again_at_its_own_time(tmp_path):
    writes = tmp_path / "writes.jsonl"
    with served(Shop(writes=writes)) as first:
        httpx.post(f"{first.origin}/items", json="cup")
        first.api.clock.advance(timedelta(days=1))
        httpx.get(f"{first.origin}/items")
        httpx.post(f"{first.origin}/items", json="Löffel")

    second = Shop(Clock(START), writes)

    assert second.items == first.api.items
    assert second.clock.now() == START + timedelta(days=1)
    assert Kept(writes).begins_at == START


def test_what_was_written_is_made_again_at_its_moment_also_by_a_clock_that_runs(
    tmp_path,
):
    def runs():
        passed = count(0.0, 0.5)
        return Clock(START, runs=True, elapsed=lambda: next(passed))

    writes = tmp_path / "writes.jsonl"
    with served(Shop(runs(), writes)) as first:
        for item in ("cup", "spoon"):
            httpx.post(f"{first.origin}/items", json=item)

    second = Shop(runs(), writes)

    made = [item["at"] for item in second.items]
    assert made == [one.at.isoformat() for one in written_in(writes)]


def test_a_trouble_after_the_act_is_kept_as_a_write(tmp_path):
    writes = tmp_path / "writes.jsonl"
    with served(Shop(writes=writes)) as shop:
        shop.api.front.troubles.add(HangsUp(acts=True))
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(f"{shop.origin}/items", json="cup")

    assert len(Shop(writes=writes).items) == 1


def test_a_running_clock_goes_on_and_can_be_moved_as_well():
    passed = iter([100.0, 101.5, 101.5, 102.0])
    clock = Clock(START, runs=True, elapsed=lambda: next(passed))

    assert clock.now() == START + timedelta(seconds=1.5)
    clock.advance(timedelta(hours=1))
    assert clock.now() == START + timedelta(hours=1, seconds=1.5)


def test_while_a_clock_is_held_no_time_passes_but_what_it_is_moved():
    passed = [0.0]
    clock = Clock(START, runs=True, elapsed=lambda: passed[0])

    with clock.held():
        passed[0] = 100.0
        clock.advance(timedelta(minutes=1))
        held = clock.now()
    passed[0] = 101.0

    assert held == START + timedelta(minutes=1)
    assert clock.now() == START + timedelta(minutes=1, seconds=1)


def test_a_clock_needs_a_zone():
    with pytest.raises(ValueError, match="zone"):
        Clock(datetime(2025, 6, 1))  # noqa: DTZ001


def test_answers_tell_the_simulations_time_and_who_asks_for_it_is_not_noted(shop):
    answer = httpx.get(f"{shop.origin}/items")
    time = httpx.head(shop.origin)

    assert answer.headers.get_list("date") == ["Sun, 01 Jun 2025 12:00:00 GMT"]
    assert time.headers["date"] == "Sun, 01 Jun 2025 12:00:00 GMT"
    assert [asked.path for asked in shop.api.front.requests] == ["/items"]
