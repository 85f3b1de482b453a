"""A server that offers HTTP/2 is spoken to in it, over one connection."""

from __future__ import annotations

import asyncio
import threading

import pytest
import trustme
from hypercorn.asyncio import serve
from hypercorn.config import Config

from elt.taps.rest.ahead import pages, read_at
from elt.taps.rest.api import Api
from elt.taps.rest.calls import Call
from elt.taps.rest.paging import link_in_body
from elt.taps.rest.vendor import Fixed, Reach, Vendor

PAGES = {
    "": b'{"data": [{"id": 1}], "next": "/o?cursor=b"}',
    "b": b'{"data": [{"id": 2}], "next": "/o?cursor=c"}',
    "c": b'{"data": [{"id": 3}]}',
}


class Spoken:
    """An application that notes how it was spoken to."""

    def __init__(self):
        self.versions = []
        self.clients = set()

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            return
        self.versions.append(scope["http_version"])
        self.clients.add(tuple(scope["client"]))
        _, _, cursor = scope["query_string"].decode().partition("cursor=")
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGES[cursor]})


@pytest.fixture
def address(tmp_path, monkeypatch, request):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    own = authority.issue_cert("127.0.0.1")
    own.private_key_pem.write_to_path(tmp_path / "key.pem")
    own.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.certfile, config.keyfile = (
        str(tmp_path / "cert.pem"),
        str(tmp_path / "key.pem"),
    )
    config.alpn_protocols = request.param
    (listener,) = config.create_sockets().secure_sockets
    port = listener.getsockname()[1]
    config.bind = [f"fd://{listener.detach()}"]
    app, over = Spoken(), threading.Event()

    async def until_over():
        await asyncio.to_thread(over.wait)

    def run():
        asyncio.run(serve(app, config, shutdown_trigger=until_over))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield app, f"https://127.0.0.1:{port}"
    over.set()
    thread.join(10)


@pytest.mark.parametrize(
    ("address", "spoken"),
    [(["h2", "http/1.1"], "2"), (["http/1.1"], "1.1")],
    indirect=["address"],
)
def test_http_2_is_spoken_where_it_is_offered(address, spoken):
    app, origin = address
    vendor = Vendor(name="Shop", credentials_setting="token")
    api = Api(vendor, Reach(base_url=origin), Fixed({}))

    found = [
        bytes(record)
        for page in pages(api, Call(path="/o"), read_at("data"), link_in_body(["next"]))
        for record in page.records
    ]
    api.close()

    assert found == [b'{"id": 1}', b'{"id": 2}', b'{"id": 3}']
    assert set(app.versions) == {spoken}
    assert len(app.clients) == 1
