from __future__ import annotations

import pytest

from elt.singer.diagnosis import diagnose, without_frames


# What well-known clients and databases write when they fail.
@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (
            "requests.exceptions.HTTPError: 401 Client Error: Unauthorized",
            "credentials",
        ),
        ('FATAL: password authentication failed for user "ann"', "credentials"),
        ("(1045, \"Access denied for user 'ann'@'localhost'\")", "credentials"),
        ("tap_x.client.FatalAPIError: 403 Client Error: Forbidden", "permissions"),
        ("psycopg2.errors: permission denied for table salaries", "permissions"),
        ("This app needs missing scopes: crm.objects.read", "permissions"),
        ("urllib3: Failed to resolve 'x': Name or service not known", "network"),
        ("could not connect to server: Connection refused", "network"),
        ("ssl.SSLCertVerificationError: certificate verify failed", "network"),
        ("503 Server Error: Service Unavailable for url: https://x", "network"),
        ("429 Client Error: Too Many Requests for url: https://x", "limit"),
        ("error: `rows_per_window` must be a whole number", "settings"),
        ("error: `tryes` is no setting", "settings"),
        ("ConfigValidationError: 'api_url' is a required property", "settings"),
        ("KeyError: 'start_date'", "settings"),
        ("ValueError: authentication is required for this call", "credentials"),
        ('FATAL: database "shop" does not exist', "settings"),
        ("ZeroDivisionError: division by zero", "unknown"),
    ],
)
def test_the_last_words_of_a_tap_tell_the_cause(line, cause):
    assert diagnose(["starting", line, ""]).cause == cause


def test_a_later_line_explains_more_than_an_earlier_one():
    found = diagnose(["429 Too Many Requests, waiting", "401 Unauthorized"])

    assert (found.cause, found.line) == ("credentials", "401 Unauthorized")


def test_every_cause_has_a_remedy():
    assert diagnose([]).remedy.startswith("The tap does not say why")
    assert "expired" in diagnose(["bad credentials"]).remedy


@pytest.mark.parametrize(
    "line",
    [
        "AssertionError: Need either the sqlalchemy_url or host and database",
        "ValueError: start_date must be set",
        "tap_x.Error: api_url is required",
        "Exception: Missing the config setting account",
    ],
)
def test_a_setting_that_is_asked_for_in_other_words_is_a_setting(line):
    assert diagnose([line]).cause == "settings"


POSTGRES = """Traceback (most recent call last):
  File "/x/sqlalchemy/engine/base.py", line 146, in __init__
    self._dbapi_connection = engine.raw_connection()
                             ^^^^^^^^^^^^^^^^^^^^^^^
psycopg2.OperationalError: FATAL:  password authentication failed for user "ann"

(Background on this error at: https://sqlalche.me/e/20/e3q8)"""


def test_a_line_about_a_manual_and_the_frames_of_a_traceback_say_nothing():
    lines = POSTGRES.splitlines()

    assert diagnose(lines).cause == "credentials"
    assert without_frames(lines) == [lines[4]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("starting\nit broke", "it broke"),
        (POSTGRES.replace("password authentication", "something"), "psycopg2.Operat"),
        ("x.OddError: no\nDETAIL: more\n\n", "x.OddError: no"),
        ("ValueError\n", "ValueError"),
        ('  File "x.py", line 3', 'File "x.py", line 3'),
        ("error: no list\n  GET /v1/orders\nhint: Set `records`", "no list"),
        ("", ""),
    ],
)
def test_of_an_unknown_cause_the_line_that_says_most_is_shown(text, said):
    found = diagnose(text.splitlines())

    assert found.cause == "unknown"
    assert found.line.startswith(said)
    assert (found.line == "") == (said == "")


@pytest.mark.parametrize(
    "line",
    [
        "HTTPStatusError: 429 Client Error for url: https://x",
        "requests.exceptions.RetryError: too many 429 error responses",
        "Exception: the API answered with 429",
        "RuntimeError: (429) slow down",
        "tap_x.ApiError: 429",
        "google.api_core.exceptions.TooManyRequests: 429 GET https://x: slow",
        "CRITICAL status_code=429, reason=None",
        "2026-11-22 05:20:32,001 | ERROR | tap-x | HTTP/1.1 429",
        "<Response [429]>",
    ],
)
def test_a_status_is_known_in_the_words_of_many_clients(line):
    assert diagnose([line]).cause == "limit"


@pytest.mark.parametrize("number", [401, 403, 429])
@pytest.mark.parametrize(
    "line",
    [
        "2026-11-22 05:20:32,{} | INFO     | tap-x | tap-x v0.1.0, Meltano SDK v0.54.9",
        "2026-11-22T05:20:32.{}Z starting",
        "05:20:32.{} ERROR: it broke",
        "INFO loaded {} rows",
        "loaded {} rows",
        "got {} records",
        'INFO METRIC: {{"type": "counter", "value": {}}}',
        "INFO HTTP {} at first, then it was well",
        "it has 1,{} of 12.{} at x:{}",
    ],
)
def test_a_number_that_is_no_status_is_none(line, number):
    found = diagnose([line.format(number, number, number), "it broke"])

    assert (found.cause, found.line) == ("unknown", "it broke")


def test_of_an_error_of_our_own_taps_nothing_else_counts():
    found = diagnose(
        [
            "WARNING Stripe: HTTP 429 at GET /v1/charges; waiting 1.3 s before try 2",
            "error: no repository is named",
            "  GET /v1/orders",
            "hint: Write `organizations`, which is missing",
        ]
    )

    assert (found.cause, found.line) == ("unknown", "no repository is named")
    assert found.hint == "Write `organizations`, which is missing"


def test_the_last_line_that_is_no_narration_is_shown():
    found = diagnose(["ERROR no such place", "INFO METRIC: {}", "INFO cleaning up"])

    assert (found.cause, found.line) == ("unknown", "ERROR no such place")


def test_an_error_of_our_own_may_have_several_lines():
    found = diagnose(["error: it broke", "HTTP 401 who are you", "hint: HTTP 429"])

    assert (found.cause, found.hint) == ("credentials", "HTTP 429")


def test_what_breaks_after_an_error_of_our_own_counts_more():
    found = diagnose(["error: it broke", "requests.HTTPError: 401 Client Error"])

    assert found.cause == "credentials"


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("error: Stripe allows us no more requests for another 1000 s: HTTP 429", 1000),
        ("error: X allows us no more requests for another 1.5 hours: HTTP 429", 5400),
        ("error: GitHub allows us no more requests for 53 minutes", 3180),
        ("error: `a`: retry after 20 s; `b`: retry after 1 minute", 60),
        ("HTTPError: 429 Client Error, Retry-After: 120", 120),
        ("Request was throttled. Expected available in 30 seconds.", 30),
        ("429 Too Many Requests, try again in 250ms", None),
        ("429 Too Many Requests", None),
    ],
)
def test_for_how_long_a_source_asks_to_be_left_alone(line, seconds):
    assert diagnose([line]).wait_seconds == seconds
