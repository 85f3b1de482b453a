from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from elt.errors import ConfigError, Unavailable
from elt.reverse.addresses import base_url, direct
from elt.reverse.destination import Added, Route
from elt.reverse.destinations.rest import RestDestination
from elt.reverse.destinations.webhook import WebhookDestination
from elt.reverse.http import Reach, Remote, Settings, merged
from elt.reverse.loopback import is_loopback
from elt.testing.webhooks import Answer, Receiver

ROUTE = Route(sync="s", run_id="r1", object="people", key="id", mode="upsert")
SETTINGS = Settings(address="`url`", credentials="`auth`")
CALL = {"method": "PUT", "path": "/{key}"}
DEAD = "http://127.0.0.1:9"  # the port `discard`: nobody listens there


def remote(url="http://127.0.0.1/", **options):
    return Remote("the API", httpx.URL(url), settings=SETTINGS, **options)


def test_this_machine_is_spoken_to_without_the_proxy_of_the_environment(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, DEAD)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    with Receiver() as receiver:
        WebhookDestination({"url": receiver.url}, Path()).check()

        assert remote(receiver.url).open().get(receiver.url).status_code == 200


def test_the_world_is_spoken_to_through_the_proxy_of_the_environment(monkeypatch):
    with Receiver() as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        config = {"url": "http://api.example.com", "upsert": CALL}

        (receipt,) = RestDestination(config, Path()).send(ROUTE, [Added("a", "{}")])

    assert receipt.status == "accepted"
    assert proxy.requests[0].path == "http://api.example.com/a"


def test_the_loopbacks_are_known_in_all_their_forms():
    assert is_loopback("127.1.2.3")
    assert "all://127.1.2.3" in direct(httpx.URL("http://127.1.2.3/"))
    assert "all://[::1]" in direct(httpx.URL("http://[::1]/"))
    assert "all://example.com" not in direct(httpx.URL("http://example.com/"))


def test_an_answer_is_shown_in_short_and_on_one_line():
    said = remote().said(httpx.Response(400, text="bad\n\n  row " + "x" * 1000))

    assert said.startswith("400 Bad Request: bad row xxx")
    assert len(said) < 330


def test_a_secret_is_struck_out_before_a_text_is_cut():
    far = remote()
    far.hide("top/secret", "short")

    said = far.said(httpx.Response(400, text="x" * 295 + "top/secret"))

    assert "top" not in said
    assert far.hidden("a top%2Fsecret, short") == "a ***, short"


def test_a_secret_is_struck_out_of_the_status_line_too():
    hiding = remote()
    hiding.hide("s3cret-word")
    line = {"reason_phrase": b"no s3cret-word"}

    assert hiding.said(httpx.Response(400, extensions=line)) == "400 no ***"


@pytest.mark.parametrize("name", ["hex", "idna", "no-such-encoding"])
def test_an_answer_in_an_encoding_that_is_none_is_shown_all_the_same(name):
    kind = {"Content-Type": f"text/plain; charset={name}"}

    said = remote().said(httpx.Response(400, content=b"zz \xff", headers=kind))

    assert said.startswith("400 Bad Request: zz")


def test_headers_that_are_secret_by_name_are_struck_out():
    far = remote()
    far.hide_headers({"X-Api-Key": "abcdefgh", "Accept": "application/json"})

    assert far.hidden("abcdefgh application/json") == "*** application/json"


def test_the_last_header_of_a_name_counts_whatever_its_case():
    assert merged({"Accept": "a", "X": "1"}, {"accept": "b"}) == {
        "accept": "b",
        "X": "1",
    }


@pytest.mark.parametrize("value", ["a\r\nX-Admin: 1", "é"])
def test_a_header_that_cannot_be_sent_is_a_setting_to_mend(value):
    with Receiver() as receiver:
        config = {"url": receiver.url, "headers": {"X-A": value}, "upsert": CALL}
        receipts = RestDestination(config, Path()).send(ROUTE, [Added("a", "{}")])
        with pytest.raises(ConfigError, match="cannot be written") as caught:
            list(receipts)

    assert "`headers`" in (caught.value.hint or "")
    assert receiver.requests == []


@pytest.mark.parametrize("text", ["example.com", "ftp://example.com", "http://", "::"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ConfigError, match="`there` is not") as caught:
        base_url(text, setting="there", example="https://x.example")

    assert "https://x.example" in (caught.value.hint or "")


def test_a_connection_that_ends_in_the_middle_is_a_lost_answer():
    def half(request):
        del request
        return Answer(drops=True)

    with Receiver(half) as receiver:
        (receipt,) = WebhookDestination({"url": receiver.url}, Path()).send(
            ROUTE, [Added("a", "{}")]
        )

    assert receipt.status == "unknown"
    assert "no answer" in receipt.message


class Https:
    """A server with a certificate that it has signed itself."""

    def __init__(self, folder):
        self.certificate = folder / "certificate.pem"
        key = folder / "key.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"),
                *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-addext", "keyUsage=critical,keyCertSign,digitalSignature"),
                *("-days", "2", "-keyout", key, "-out", self.certificate),
            ],
            check=True,
            capture_output=True,
        )
        self._server = HTTPServer(("127.0.0.1", 0), Says)
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(self.certificate, key)
        self._server.socket = trust.wrap_socket(self._server.socket, server_side=True)
        # A client that does not trust us hangs up: that is no news.
        self._server.handle_error = lambda *_: None
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Says(BaseHTTPRequestHandler):
    def do_PUT(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Keep quiet."""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes the certificate")
def test_a_certificate_of_our_own_is_trusted_when_it_is_named(tmp_path):
    def send(**config):
        calls = {"url": server.url, "upsert": CALL, **config}
        destination = RestDestination(calls, tmp_path)
        return [r.status for r in destination.send(ROUTE, [Added("a", "{}")])]

    with Https(tmp_path) as server:
        with pytest.raises(ConfigError, match="is not trusted") as caught:
            send()
        assert "`ca_file`" in (caught.value.hint or "")
        assert send(ca_file="certificate.pem") == ["accepted"]
        assert send(verify=False) == ["accepted"]


def test_a_file_of_certificates_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="`ca_file` cannot be read") as caught:
        remote(reach=Reach(ca_file=tmp_path / "no.pem")).open()

    assert caught.value.where == str(tmp_path / "no.pem")


def test_a_server_that_is_not_there_took_nothing():
    far = remote(DEAD)

    with pytest.raises(Unavailable, match="the API took nothing") as caught:
        far.send(far.request("GET", httpx.URL(f"{DEAD}/secret/path")))

    assert caught.value.where == DEAD
