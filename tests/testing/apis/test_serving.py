from __future__ import annotations

import asyncio
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from starlette.responses import PlainTextResponse

from elt.testing.apis.serving import answering, listening

hello = PlainTextResponse("hello")


def test_small_answers_are_sent_at_once():
    with listening(0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_it_ends_at_once_though_a_client_keeps_its_connection():
    seconds = []
    with httpx.Client() as client:
        for _ in range(5):
            with answering(hello) as origin:
                assert client.get(origin).text == "hello"
                began = time.perf_counter()
            seconds.append(time.perf_counter() - began)

        with pytest.raises(httpx.ConnectError):
            client.get(origin)
    assert min(seconds) < 0.09  # uvicorn alone rests for 0.1


def test_an_answer_under_way_is_given_before_it_ends():
    asked = threading.Event()

    async def slow(scope, receive, send):
        asked.set()
        await asyncio.sleep(0.05)
        await hello(scope, receive, send)

    with ThreadPoolExecutor() as pool:
        with answering(slow) as origin:
            answer = pool.submit(httpx.get, origin)
            asked.wait(timeout=20)

        assert answer.result().text == "hello"
