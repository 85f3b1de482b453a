from __future__ import annotations

import json
from datetime import timedelta

import pytest
from taps.hubspot.account import START, account

from elt.errors import ConfigError, EltError, Unavailable
from elt.taps.hubspot.tap import HubSpotTap
from elt.testing.apis.clock import Clock
from elt.testing.apis.hubspot.portal import Limits
from elt.testing.apis.serving import served
from elt.testing.apis.troubles import BreaksOff, CutJson, HangsUp, Packs, Says

LISTS = "/crm/v3/objects/contacts"
OAUTH = {
    "client_id": "simulated-client",
    "client_secret": "simulated-secret",
    "refresh_token": "simulated-refresh",
}
SCOPES = ("crm.objects.deals.read", "crm.schemas.deals.read")


def too_many(policy, **headers):
    body = {"status": "error", "message": "You have reached your limit."}
    return Says(429, json.dumps({**body, "policyName": policy}), headers)


@pytest.mark.parametrize(
    ("trouble", "seconds"),
    [
        (too_many("SECONDLY"), 1),
        (too_many("TEN_SECONDLY_ROLLING"), 10),
        (
            too_many(
                "TEN_SECONDLY_ROLLING",
                **{"X-HubSpot-RateLimit-Interval-Milliseconds": "5000"},
            ),
            5,
        ),
        (too_many("TEN_SECONDLY_ROLLING", **{"Retry-After": "7"}), 7),
    ],
)
def test_a_429_is_waited_for_as_its_policy_says(hubspot, read, trouble, seconds):
    hubspot.api.add("contacts", n=3)
    hubspot.api.front.troubles.add(trouble, path=LISTS)

    told = read(hubspot, "contacts")

    assert len(told.ids()) == 3
    (slept,) = told.slept
    assert seconds <= slept < seconds + 0.2


def test_the_daily_limit_stops_the_run_at_once(hubspot, read):
    hubspot.api.add("contacts", n=3)
    hubspot.api.front.troubles.add(too_many("DAILY"), path=LISTS, times=99)

    told = read(hubspot, "contacts", "deals", fails=Unavailable)

    assert told.slept == []
    assert "allows us no more requests" in told.error.what
    assert "DAILY" in told.error.what


def test_the_simulations_own_limits_are_kept_to_by_waiting(read):
    limits = Limits(per_ten_seconds=5, searches_per_second=2)
    clock = Clock(START, elapsed=lambda: 0.0)
    with served(account(limits=limits, clock=clock)) as hubspot:
        hubspot.api.add("contacts", n=900)

        told = read(hubspot, "contacts")

    assert len(told.ids()) == 900
    assert sum(told.slept) >= 10


def test_the_pace_is_what_answers_say_the_account_may_have(read):
    with served(account(limits=Limits(per_ten_seconds=50))) as hubspot:
        read(hubspot, "contacts", requests_per_ten_seconds=None)
        hubspot.api.clock.advance(timedelta(minutes=1))
        hubspot.api.add("contacts", n=8000)

        told = read(hubspot, "contacts", requests_per_ten_seconds=None)

    assert len(told.ids()) == 8000
    assert [r for r in hubspot.api.front.requests if r.status == 429] == []
    assert 16 < sum(told.slept) < 18


@pytest.mark.parametrize("status", [477, 502, 504, 523, 524, 423])
def test_what_is_temporary_is_tried_again(hubspot, read, status):
    hubspot.api.add("contacts", n=3)
    hubspot.api.front.troubles.add(Says(status), path=LISTS, times=2)

    told = read(hubspot, "contacts")

    assert len(told.ids()) == 3
    assert len(told.slept) == 2


@pytest.mark.parametrize("trouble", [HangsUp(), BreaksOff(), CutJson(), Packs()])
def test_a_broken_answer_is_asked_for_again(hubspot, read, trouble):
    hubspot.api.add("contacts", {"email": "{n}@example.com"}, n=250)
    hubspot.api.front.troubles.add(trouble, path=LISTS, after=1)

    told = read(hubspot, "contacts")

    assert len(told.live()) == 250
    assert len(told.ids()) == 250


def test_an_account_that_moves_for_a_day_is_not_waited_for(hubspot, read):
    trouble = Says(477, headers={"Retry-After": "86400"})
    hubspot.api.front.troubles.add(trouble, path=LISTS)

    told = read(hubspot, "contacts", fails=Unavailable)

    assert told.slept == []
    assert "24.0 hours" in told.error.what


def fails_with(hubspot, **config):
    """Make the tap, which asks what there is at once."""
    given = {"base_url": hubspot.origin, **config}
    with pytest.raises(EltError) as caught:
        HubSpotTap(config=given, parse_env_config=False)
    return caught.value


def test_a_wrong_token_stops_the_tap_and_is_not_shown(hubspot):
    error = fails_with(hubspot, access_token="pat-na1-revoked")  # noqa: S106

    assert isinstance(error, ConfigError)
    assert "refused our credentials: HTTP 401" in error.what
    assert "`access_token`" in error.hint
    assert "pat-na1-revoked" not in str(error)


def test_a_malformed_token_is_told_by_530_and_is_one_of_the_config(hubspot):
    error = fails_with(hubspot, access_token="pat-na1:oops;")  # noqa: S106

    assert isinstance(error, ConfigError)
    assert "HTTP 530" in error.what
    assert "`access_token`" in error.hint


def test_a_token_that_is_revoked_between_discovery_and_reading(hubspot, read):
    read(hubspot, "deals")
    hubspot.api.access.revoke(hubspot.api.token)

    told = read(hubspot, "deals", fails=ConfigError)

    assert "HTTP 401" in told.error.what
    assert told.error.where.startswith("GET /crm/v3/")


def test_no_credentials_at_all_is_an_error_that_says_what_to_do():
    with pytest.raises(ConfigError) as caught:
        _ = HubSpotTap(config={"client_id": "x"}, parse_env_config=False).streams

    assert "`access_token`" in caught.value.what
    assert "private app" in caught.value.hint


def test_a_stream_without_its_scope_is_skipped_and_named(hubspot, read):
    hubspot.api.add("contacts")
    hubspot.api.add("deals")
    hubspot.api.let_in("only-deals", SCOPES)

    told = read(hubspot, "contacts", "deals", access_token="only-deals")  # noqa: S106

    assert len(told.ids("deals")) == 1
    assert told.ends["deals"] == {"end": "complete"}
    end = told.ends["contacts"]
    assert end["end"] == "skipped"
    assert end["why"].count("crm.objects.contacts.read") == 1
    assert "MISSING_SCOPES" in end["why"]
    assert "https://" not in end["why"].replace(hubspot.origin, "")


def test_discovery_without_the_scope_of_schemas_has_all_else(hubspot, read):
    hubspot.api.let_in("only-deals", SCOPES)

    told = read(hubspot, access_token="only-deals")  # noqa: S106

    ends = told.ends
    assert ends["deals"]["end"] == "complete"
    assert ends["schemas"]["end"] == "skipped"
    assert "crm.schemas.custom.read" in ends["schemas"]["why"]
    assert "custom objects" in ends["properties"]["why"]
    assert "stay" not in ends["properties"]


def test_pipelines_leave_out_the_part_that_is_not_for_us(hubspot, read):
    hubspot.api.let_in("only-deals", SCOPES)

    told = read(hubspot, "stages", access_token="only-deals")  # noqa: S106

    assert {row["object_type"] for row in told.rows("stages")} == {"deals"}
    end = told.ends["stages"]
    assert end["end"] == "partial"
    assert end["stay"] == [{"object_type": "tickets"}]
    assert "tickets" in end["why"]


def test_oauth_gets_a_token_and_a_new_one_when_it_has_ended(hubspot, read):
    hubspot.api.add("contacts", n=250)
    asked = []

    def half_an_hour():
        asked.append(1)
        hubspot.api.clock.advance(timedelta(minutes=31))

    hubspot.api.between_pages = half_an_hour
    told = read(hubspot, "contacts", oauth=True, **OAUTH)

    assert len(told.ids()) == 250
    tokens = [r for r in hubspot.api.front.requests if r.path == "/oauth/v1/token"]
    assert len(tokens) >= 3
    assert len(asked) >= 3
    refused = [r for r in hubspot.api.front.requests if r.status == 401]
    assert len(refused) <= len(tokens)


@pytest.mark.parametrize("trouble", [Says(503), Says(429), HangsUp()])
def test_a_token_is_asked_for_again_when_that_fails_for_a_while(hubspot, read, trouble):
    hubspot.api.add("contacts", n=3)
    hubspot.api.front.troubles.add(trouble, path="/oauth/v1/token", times=2)

    told = read(hubspot, "contacts", oauth=True, **OAUTH)

    assert len(told.ids()) == 3
    assert len(told.slept) == 2


def test_a_token_that_is_not_to_be_had_is_temporary(hubspot):
    hubspot.api.front.troubles.add(Says(503), path="/oauth/v1/token", times=99)

    error = fails_with(hubspot, tries=1, **OAUTH)

    assert isinstance(error, Unavailable)
    assert "no token was given: HTTP 503" in error.what


def test_a_refresh_token_that_is_not_accepted_is_one_of_the_config(hubspot):
    error = fails_with(hubspot, **{**OAUTH, "refresh_token": "gone-refresh-token"})

    assert "unknown refresh token" in error.what
    assert "`refresh_token`" in error.hint
    assert "gone-refresh-token" not in str(error)
    assert "simulated-secret" not in str(error)
    assert isinstance(error, ConfigError)


def test_oauth_of_a_dated_version_asks_at_its_own_path(hubspot, read):
    read(hubspot, "owners", oauth=True, api_version="2026-03", **OAUTH)

    paths = {r.path for r in hubspot.api.front.requests}
    assert "/oauth/2026-03/token" in paths


def test_no_secret_is_in_the_output_the_state_or_the_log(hubspot, read, caplog):
    hubspot.api.add("contacts", n=3)
    echo = json.dumps({"message": f"who is {hubspot.api.token}?"})
    hubspot.api.front.troubles.add(Says(500, echo), path=LISTS)
    hubspot.api.front.troubles.add(Says(400, echo), path="/crm/v3/owners")

    told = read(hubspot, "contacts", "owners", fails=EltError)

    assert "who is ***?" in str(told.error)
    assert hubspot.api.token not in str(told.error)
    assert hubspot.api.token not in caplog.text
    assert hubspot.api.token.encode() not in told.text
