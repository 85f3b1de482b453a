from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import recurly

from elt.testing.apis.clock import Clock
from elt.testing.apis.recurly.api import Recurly
from elt.testing.apis.recurly.pace import SlidingWindow

pytestmark = pytest.mark.filterwarnings("ignore:.*utcfromtimestamp:DeprecationWarning")
AT = datetime(2017, 2, 3, 17, 28, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        ("application/vnd.recurly.v2021-02-25", "v2021-02-25"),
        ("application/vnd.recurly.v2021-02-25+json", "v2021-02-25"),
        ("application/vnd.recurly.v2019-10-10", "v2019-10-10"),
        ("application/vnd.recurly.latest", "v2021-02-25"),
        ("application/vnd.recurly.latest+json", "v2021-02-25"),
    ],
)
def test_the_version_that_answered_is_named(site, ask, accept, version):
    answer = ask(site, Accept=accept).get("/accounts")

    assert answer.headers["recurly-version"] == f"recurly.{version}"


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/vnd.recurly.v2016-03-01", ""]
)
def test_a_request_without_a_version_is_refused_with_the_list_of_versions(
    site, ask, accept
):
    answer = ask(site, Accept=accept).get("/accounts")

    assert answer.status_code == 406
    error = answer.json()["error"]
    assert error["type"] == "invalid_api_version"
    assert error["acceptable_accept_headers"] == [
        "application/vnd.recurly.v2019-10-10",
        "application/vnd.recurly.v2021-02-25",
    ]


def test_a_deprecated_version_says_when_it_ends(site, ask):
    site.api.sunset = datetime(2026, 6, 1, tzinfo=UTC)

    answer = ask(site).get("/accounts")

    assert answer.headers["recurly-deprecated"] == "TRUE"
    assert answer.headers["recurly-sunset-date"] == "2026-06-01T00:00:00+00:00"


def test_a_version_in_use_says_nothing_of_an_end(site, ask):
    assert "recurly-deprecated" not in ask(site).get("/accounts").headers


@pytest.mark.parametrize("authorization", ["", "Bearer recurly-simulated-key"])
def test_a_request_without_a_key_is_refused(site, ask, authorization):
    client = ask(site)
    client.auth = None

    answer = client.get("/accounts", headers={"Authorization": authorization})

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "unauthorized"


def test_the_key_is_the_user_and_there_is_no_password(site, ask):
    client = ask(site)

    answer = client.get("/accounts", auth=("", site.api.token))

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ((401, "unauthorized"), recurly.errors.UnauthorizedError),
        ((403, "invalid_api_key"), recurly.errors.InvalidApiKeyError),
    ],
)
def test_a_wrong_key_is_refused_in_both_ways_that_are_told(site, sdk, wrong, error):
    site.api.wrong_key = wrong

    with pytest.raises(error, match="not valid"):
        sdk(site, "another key").get_account("code-bob")


def test_a_key_that_only_reads_does_not_write(site, sdk):
    client = sdk(site, site.api.reading_token)

    assert list(client.list_accounts().items()) == []
    with pytest.raises(recurly.errors.InvalidPermissionsError):
        client.create_account({"code": "bob"})


def test_a_narrow_key_reads_one_kind_only(site, sdk):
    client = sdk(site, site.api.narrow_token)

    assert list(client.list_accounts().items()) == []
    with pytest.raises(recurly.errors.InvalidPermissionsError):
        client.list_invoices().first()


def test_each_answer_tells_the_limit_and_when_it_is_reset(serve, ask):
    site = serve(Recurly(company=False, clock=Clock(AT), mode="sandbox"))

    answer = ask(site).get("/accounts")

    assert answer.headers["x-ratelimit-limit"] == "2000"
    assert answer.headers["x-ratelimit-remaining"] == "1999"
    reset = datetime.fromtimestamp(int(answer.headers["x-ratelimit-reset"]), UTC)
    assert reset == datetime(2017, 2, 3, 17, 33, tzinfo=UTC)


def test_the_vendors_client_reads_the_limit(site, sdk):
    site.api.add("accounts", {"code": "bob"})

    response = sdk(site).get_account("code-bob").get_response()

    assert (response.rate_limit, response.rate_limit_remaining) == (5000, 4999)
    assert response.request_id


def test_one_request_too_many_is_refused_until_the_reset(serve, sdk, ask):
    clock = Clock(AT, elapsed=lambda: 0.0)
    site = serve(Recurly(company=False, clock=clock, requests_a_minute=1))
    client = ask(site)

    statuses = [client.get("/accounts").status_code for _ in range(6)]
    refused = client.get("/accounts")
    with pytest.raises(recurly.errors.RateLimitedError):
        sdk(site).list_accounts().first()
    reset = int(refused.headers["x-ratelimit-reset"])
    site.api.clock.move_to(datetime.fromtimestamp(reset, UTC))
    after = client.get("/accounts")

    assert statuses == [200, 200, 200, 200, 200, 429]
    assert refused.json()["error"]["type"] == "rate_limited"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert "retry-after" not in refused.headers
    assert after.status_code == 200


def test_who_waits_is_let_in_again_also_by_a_clock_that_stands(serve, ask):
    waited = [0.0]
    clock = Clock(AT, elapsed=lambda: waited[0])
    client = ask(serve(Recurly(company=False, clock=clock, requests_a_minute=1)))

    statuses = [client.get("/accounts").status_code for _ in range(6)]
    waited[0] = 294.0  # at 17:33:00, as it was told

    assert statuses == [200, 200, 200, 200, 200, 429]
    assert client.get("/accounts").status_code == 200


def test_a_production_site_counts_only_gets(serve, ask):
    client = ask(serve(Recurly(company=False, requests_a_minute=1)))

    for number in range(6):
        client.post("/accounts", json={"code": f"bob-{number}"})
    answer = client.get("/accounts")

    assert answer.status_code == 200
    assert answer.headers["x-ratelimit-remaining"] == "4"


def test_a_sandbox_site_counts_all_requests(serve, ask):
    client = ask(serve(Recurly(company=False, mode="sandbox", requests_a_minute=1)))

    answers = [
        client.post("/accounts", json={"code": f"bob-{number}"}) for number in range(6)
    ]

    assert [answer.status_code for answer in answers] == [201] * 5 + [429]


def test_4000_requests_in_one_minute_are_fine_after_four_quiet_ones():
    clock = Clock(AT)
    window = SlidingWindow(1000, clock.seconds)

    assert all(window.take() for _ in range(4000))
    clock.advance(timedelta(minutes=1))
    assert sum(window.take() for _ in range(2000)) == 1000
    clock.advance(timedelta(minutes=4))
    assert window.remaining == 4000


def test_a_path_that_there_is_not_is_not_found(site, ask):
    answer = ask(site).get("/customers")

    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "not_found"


def test_a_body_has_to_be_json_and_say_so(site, ask):
    client = ask(site)

    form = client.post("/accounts", data={"code": "bob"})
    broken = client.post(
        "/accounts", content="{", headers={"Content-Type": "application/json"}
    )

    assert form.json()["error"]["type"] == "invalid_content_type"
    assert (form.status_code, broken.status_code) == (400, 400)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sites/subdomain-kettleandcrew/accounts", 200),
        ("/sites/subdomain-kettleandcrew/accounts/code-bob", 200),
        ("/sites/subdomain-kettleandcrew", 200),
        ("/sites/subdomain-nobody/accounts", 404),
    ],
)
def test_a_path_may_begin_with_the_site(site, ask, path, status):
    site.api.add("accounts", {"code": "bob"})

    assert ask(site).get(path).status_code == status


def test_the_next_page_of_a_site_is_of_the_site(site, ask):
    site.api.add("accounts", 2)
    client = ask(site)
    path = "/sites/subdomain-kettleandcrew/accounts"

    first = client.get(f"{path}?limit=1").json()

    assert first["next"].startswith(f"{path}?cursor=")
    assert client.get(first["next"]).json()["has_more"] is False
