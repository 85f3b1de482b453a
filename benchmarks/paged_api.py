"""A JSON API of pages that are written already, and the least that can read it.

    python benchmarks/paged_api.py serve ROWS       prints its address
    python benchmarks/paged_api.py drop ADDRESS     fetches all pages with httpx, once

Orders of eleven fields, 100 a page, a cursor in the body. The server costs almost
nothing, so that what is measured is the reading.
"""

from __future__ import annotations

import json
import socket
import sys
from typing import Any
from urllib.parse import parse_qs

import duckdb
from generated import orders_sql

PAGE = 100


def pages(rows: int) -> list[bytes]:
    listed = duckdb.execute(f"SELECT to_json(o) FROM ({orders_sql(rows)}) AS o")
    lines = [row for (row,) in listed.fetchall()]
    starts = range(0, len(lines), PAGE)
    return [
        json.dumps({"next": number + 1 if number + 1 < len(starts) else None})[
            :-1
        ].encode()
        + b',"data":['
        + ",".join(lines[start : start + PAGE]).encode()
        + b"]}"
        for number, start in enumerate(starts)
    ]


def serve(rows: int) -> None:
    import uvicorn  # noqa: PLC0415  each of the two loads only what it needs

    made = pages(rows)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del receive
        asked = parse_qs(scope["query_string"].decode())
        body = made[int(asked.get("cursor", ["0"])[0])]
        headers = [(b"content-type", b"application/json")]
        headers.append((b"content-length", str(len(body)).encode()))
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    # Named as TCP, so that an answer does not wait 40 ms for an acknowledgement.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as one:
        one.bind(("127.0.0.1", 0))
        print(f"http://127.0.0.1:{one.getsockname()[1]}", flush=True)
        config = uvicorn.Config(app, log_level="warning", lifespan="off", http="h11")
        uvicorn.Server(config).run(sockets=[one])


def drop(address: str) -> None:
    import httpx  # noqa: PLC0415

    with httpx.Client() as client:
        cursor: int | None = 0
        while cursor is not None:
            answer = client.get(f"{address}/orders", params={"cursor": cursor}).content
            # As little as can be known of a page: where the next one is.
            cursor = json.loads(answer[: answer.index(b",")] + b"}")["next"]


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        drop(sys.argv[2])
