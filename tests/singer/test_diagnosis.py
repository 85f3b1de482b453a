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
