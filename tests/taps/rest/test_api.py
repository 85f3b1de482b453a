from __future__ import annotations

import json
import socket
import threading
import time
from decimal import Decimal

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.errors import ConfigError, EltError, Unavailable
from elt.remote.pace import Pace
from elt.taps.rest.ahead import side_by_side
from elt.taps.rest.api import Api
from elt.taps.rest.calls import Answer, Call
from elt.taps.rest.envelopes import mended, records_at
from elt.taps.rest.problems import NotReadable, QuotaSpent, Refused
from elt.taps.rest.vendor import Fixed, Reach, Vendor

SECRET = "sk_secret/1234"  # noqa: S105
VENDOR = Vendor(name="Shop", credentials_setting="api_key")


def api(answer, *, vendor=VENDOR, credentials=None, pace=None, **reach):
    """Give an API whose other side is a function of the request."""
    given = credentials or Fixed({"Authorization": f"Bearer {SECRET}"}, (SECRET,))
    return Api(
        vendor,
        Reach(base_url="https://shop.example/v1", **reach),
        given,
        pace=pace,
        sleep=lambda _: None,
        transport=httpx.MockTransport(answer),
    )


def body(answer: Answer) -> bytes:
    return answer.body


def test_a_path_is_below_the_base_address():
    shop = api(lambda request: httpx.Response(200, text=str(request.url)))

    assert shop.ask(Call(path="/orders", params={"limit": 2}), body) == (
        b"https://shop.example/v1/orders?limit=2"
    )


def test_an_address_of_another_origin_gets_no_request():
    asked = []

    def answer(request):
        asked.append(request.url)
        return httpx.Response(200)

    with pytest.raises(EltError, match=r"https://evil\.example") as caught:
        api(answer).ask(Call(path="https://evil.example/v1/orders"), body)

    assert asked == []
    assert "`base_url`" in caught.value.hint


def test_a_moved_list_is_followed_on_the_same_origin_only():
    places = {
        "/v1/old": "/v1/new",
        "/v1/away": "https://evil.example/v1/new",
        "/v1/round": "/v1/round",
    }

    def answer(request):
        place = places.get(request.url.path)
        headers = {"location": place} if place else {}
        return httpx.Response(301 if place else 200, headers=headers, text="here")

    shop = api(answer)

    assert shop.ask(Call(path="/old"), body) == b"here"
    with pytest.raises(EltError, match="another place"):
        shop.ask(Call(path="/away"), body)
    with pytest.raises(EltError, match="sends us around"):
        shop.ask(Call(path="/round"), body)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, ConfigError),
        (403, NotReadable),
        (404, NotReadable),
        (410, NotReadable),
        (422, Refused),
        (451, NotReadable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_what_an_answer_means_is_told_apart_and_shows_no_secret(status, kind):
    text = f"no {SECRET} here, nor sk_secret%2F1234"
    shop = api(lambda _: httpx.Response(status, text=text), tries=2)

    with pytest.raises(kind) as caught:
        shop.ask(Call(path="/orders", params={"api_key": SECRET}), body)

    assert f"HTTP {status} no *** here, nor ***" in str(caught.value)
    assert "GET /v1/orders" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_what_is_wrong_with_us_is_asked_once_and_what_passes_again():
    asked = []

    def answer(request):
        asked.append(request.url.path)
        return httpx.Response(int(request.url.path.rpartition("/")[2]))

    shop = api(answer, tries=3)
    for status in (400, 403, 404, 422, 429, 500):
        with pytest.raises(EltError):
            shop.ask(Call(path=f"/{status}"), body)

    counted = {path: asked.count(path) for path in asked}
    assert counted == {
        "/v1/400": 1,
        "/v1/403": 1,
        "/v1/404": 1,
        "/v1/422": 1,
        "/v1/429": 3,
        "/v1/500": 3,
    }


class Renewed:
    """A token that another one takes the place of, once."""

    def __init__(self):
        self.token = "old-token"  # noqa: S105
        self.renewals = 0

    def headers(self):
        return {"Authorization": f"Bearer {self.token}"}

    def secrets(self):
        return (self.token,)

    def renew(self, refused):
        self.renewals += 1
        if refused["Authorization"] != "Bearer old-token":
            return False
        self.token = "new-token"  # noqa: S105
        return True


def test_a_refused_token_is_renewed_once():
    def answer(request):
        new = request.headers["authorization"] == "Bearer new-token"
        return httpx.Response(200 if new else 401, text="rows")

    token = Renewed()

    assert api(answer, credentials=token).ask(Call(path="/orders"), body) == b"rows"
    assert token.renewals == 1


def test_a_token_that_stays_refused_is_an_error():
    token = Renewed()

    with pytest.raises(ConfigError, match="refused our credentials"):
        api(lambda _: httpx.Response(401), credentials=token).ask(
            Call(path="/orders"), body
        )


def test_no_more_requests_a_second_than_allowed_over_all_threads():
    clock, slept = [0.0], []
    pace = Pace(5, clock=lambda: clock[0], sleep=slept.append)

    for _ in range(4):
        pace.wait()

    assert [round(seconds, 3) for seconds in slept] == [0.2, 0.4, 0.6]
    clock[0] = 10.0
    pace.wait()
    assert len(slept) == 3


def test_a_pace_may_be_a_fraction_as_the_sdk_reads_it_from_a_config():
    slept = []
    pace = Pace(Decimal("0.5"), clock=lambda: 0.0, sleep=slept.append)

    pace.wait()
    pace.wait()

    assert slept == [2.0]


def test_a_pause_that_the_api_asked_for_holds_all_threads():
    clock, slept = [0.0], []
    pace = Pace(None, clock=lambda: clock[0], sleep=slept.append)

    pace.hold(7)
    pace.wait()

    assert slept == [7.0]


def test_children_come_in_their_parents_order_and_are_fetched_side_by_side():
    running, most = set(), []
    lock = threading.Lock()

    def fetch(number):
        with lock:
            running.add(number)
            most.append(len(running))
        time.sleep(0.02 * (3 - number % 3))
        with lock:
            running.discard(number)
        return number * 10

    found = list(side_by_side(fetch, range(12), most=3))

    assert found == [(number, number * 10) for number in range(12)]
    assert 1 < max(most) <= 3


def test_one_failing_child_is_told_in_its_place():
    def fetch(number):
        if number == 2:
            raise Refused("no", status=400)
        return number

    seen = []
    with pytest.raises(Refused):
        seen.extend(child for _, child in side_by_side(fetch, range(9), most=2))
    assert seen in ([0, 1], [])


def test_a_vendors_word_that_another_try_is_in_vain_is_taken():
    asked = []

    def answer(request):
        asked.append(request)
        return httpx.Response(500, headers={"X-Final": "yes"})

    vendor = Vendor(
        name="Shop",
        credentials_setting="api_key",
        settled=lambda answer: answer.headers.get("x-final") == "yes",
    )

    with pytest.raises(Unavailable):
        api(answer, vendor=vendor).ask(Call(path="/orders"), body)

    assert len(asked) == 1


def test_an_error_names_the_vendors_number_of_the_request():
    vendor = Vendor(
        name="Shop", credentials_setting="api_key", request_header="x-request"
    )
    shop = api(
        lambda _: httpx.Response(400, text="no", headers={"X-Request": "r-17"}),
        vendor=vendor,
    )

    with pytest.raises(Refused, match=r"HTTP 400 no \[request r-17\]"):
        shop.ask(Call(path="/orders"), body)


def test_waits_of_one_request_are_not_longer_together_than_one_may_be():
    headers = {"retry-after": "400"}
    asked = []

    def answer(request):
        asked.append(request.url)
        return httpx.Response(429, headers=headers)

    pace = Pace(None, sleep=lambda _: None)
    with pytest.raises(QuotaSpent, match="allows us no more requests"):
        api(answer).ask(Call(path="/orders"), body, pace=pace)

    assert len(asked) == 3  # 400 and 400 seconds are waited for, a third time is not


def test_a_limit_holds_back_what_goes_at_the_same_pace_and_nothing_else():
    held, free = [], []
    searches = Pace(None, sleep=held.append)
    lists = Pace(None, sleep=free.append)
    answers = iter([httpx.Response(429, headers={"retry-after": "30"})])
    shop = api(lambda _: next(answers, httpx.Response(200)), pace=lists)

    shop.ask(Call(path="/search"), body, pace=searches)
    shop.ask(Call(path="/orders"), body)

    assert [round(seconds) for seconds in held] == [30]
    assert free == []


def test_an_address_that_a_redirect_names_is_asked_as_it_is():
    asked = []

    def answer(request):
        asked.append(str(request.url))
        moved = httpx.Response(307, headers={"location": "/v1/signed?sig=1"})
        return moved if len(asked) == 1 else httpx.Response(200)

    api(answer).ask(Call(path="/orders", params={"since": "x"}), body)

    assert asked == [
        "https://shop.example/v1/orders?since=x",
        "https://shop.example/v1/signed?sig=1",
    ]


@pytest.fixture
def place():
    """Give an address where somebody listens, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("token", ["pat-12345678\n", "pat-12345678\x00", "pat'1234\r"])
def test_a_token_that_no_header_can_hold_is_not_shown(token, place):
    credentials = Fixed({"Authorization": f"Bearer {token}"}, (token,))
    shop = Api(VENDOR, Reach(base_url=place), credentials)

    with pytest.raises(ConfigError) as caught:
        shop.ask(Call(path="/orders"), body)

    assert "pat" not in str(caught.value)
    assert "`api_key`" in caught.value.hint
    assert caught.value.__cause__ is None


def test_a_token_of_other_letters_is_an_error_of_the_setting():
    shop = api(lambda _: httpx.Response(200), credentials=Fixed({"X-Key": "ключ"}))

    with pytest.raises(ConfigError, match="not ASCII"):
        shop.ask(Call(path="/orders"), body)


def test_an_answer_that_cannot_be_unpacked_is_asked_for_again():
    packed = {"content-encoding": "gzip"}
    broken = httpx.Response(200, headers=packed, stream=_Bytes(b"not packed"))
    answers = iter([broken, httpx.Response(200, text="there")])
    shop = api(lambda _: next(answers))

    assert shop.ask(Call(path="/orders"), body) == b"there"


def test_a_decimal_of_a_config_is_a_number_in_a_body():
    shop = api(lambda request: httpx.Response(200, content=request.content))
    call = Call(path="/orders", method="POST", body={"from": Decimal("1.50")})

    assert shop.ask(call, body) == b'{"from":1.50}'


def test_half_a_letter_does_not_make_a_page_unreadable(caplog):
    text = (
        rb'{"data": [{"a": "\ud83d"}, {"a": "\ud83d\ude00"}, {"a": "\\ud83d"},'
        rb' {"a": "\uDE00\ud83dx \u00e9"}]}'
    )
    asked = []

    def answer(request):
        asked.append(request.url)
        return httpx.Response(200, content=text)

    rows = api(answer).ask(Call(path="/orders"), lambda a: records_at(a.body, ["data"]))

    assert [msgspec.json.decode(row)["a"] for row in rows] == [
        "\ufffd",
        "\U0001f600",
        "\\ud83d",
        "\ufffd\ufffdx \u00e9",
    ]
    assert len(asked) == 1
    assert "Half letters" in caplog.text


@pytest.mark.parametrize(
    ("record", "value"),
    [
        (b'{"a": "one\ntwo\x00 NaN"}', "one\ntwo\x00 NaN"),
        (b'{"a": NaN}', None),
        (b'{"a": [-Infinity, "\\"NaN"]}', [None, '"NaN']),
        (b'{"a": "\xe9t\xe9"}', "\ufffdt\ufffd"),
    ],
)
def test_what_is_almost_json_does_not_make_a_page_unreadable(record, value):
    text = b'\xef\xbb\xbf{"data": [{"a": 1}, ' + record + b"]}"
    shop = api(lambda _: httpx.Response(200, content=text))

    rows = shop.ask(Call(path="/orders"), lambda a: records_at(a.body, ["data"]))

    assert [msgspec.json.decode(row)["a"] for row in rows] == [1, value]


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_for_all_json_nothing_is_there_to_mend(value):
    for ascii_only in (True, False):
        written = json.dumps(value, ensure_ascii=ascii_only).encode()
        assert mended(written) == written


@pytest.mark.parametrize("link", ["https://shop.example:abc/v1", "/v1/\x00orders"])
def test_an_address_that_is_none_is_an_error_of_the_api(link):
    shop = api(lambda _: httpx.Response(200))

    with pytest.raises(EltError, match="Shop"):
        shop.ask(Call(path=link), body)


class _Bytes(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self):
        yield self._content


class Gate:
    """An API that nobody listens at while it is shut."""

    def __init__(self):
        self.asked = []
        self.is_shut = True
        self.error = httpx.ConnectError

    def __call__(self, request):
        self.asked.append(request.url.path)
        if self.is_shut:
            raise self.error("Connection refused")
        return httpx.Response(503 if request.url.path == "/v1/broken" else 200)


def test_where_nobody_listens_is_waited_for_once_and_not_for_each_stream():
    gate = Gate()
    shop = api(gate)

    for path in ("/orders", "/stock", "/teams"):
        with pytest.raises(Unavailable, match="no answer: Connection refused"):
            shop.ask(Call(path=path), body)

    assert gate.asked == [*["/v1/orders"] * 7, "/v1/stock", "/v1/teams"]


def test_an_api_that_is_back_gets_all_tries_again():
    gate = Gate()
    shop = api(gate)
    with pytest.raises(Unavailable):
        shop.ask(Call(path="/orders"), body)
    gate.asked.clear()

    gate.is_shut = False
    with pytest.raises(Unavailable):
        shop.ask(Call(path="/broken"), body)
    gate.is_shut = True
    with pytest.raises(Unavailable):
        shop.ask(Call(path="/stock"), body)

    assert gate.asked == ["/v1/broken", *["/v1/stock"] * 7]


def test_an_answer_that_comes_too_late_is_of_its_request_alone():
    gate = Gate()
    gate.error = httpx.ReadTimeout
    shop = api(gate)

    for path in ("/orders", "/stock"):
        with pytest.raises(Unavailable):
            shop.ask(Call(path=path), body)

    assert gate.asked == [*["/v1/orders"] * 7, *["/v1/stock"] * 7]


@pytest.mark.parametrize(
    ("asked", "told"), [(1200, "for another 1200 s: "), (36000, "another 10.0 hours: ")]
)
def test_a_wait_that_is_too_long_is_told_as_people_read_it(asked, told):
    headers = {"retry-after": str(asked)}
    shop = api(lambda _: httpx.Response(429, headers=headers))

    with pytest.raises(QuotaSpent, match=told):
        shop.ask(Call(path="/orders"), body)
