from __future__ import annotations

import pytest

from elt.singer.diagnosis import diagnose


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
        ("ConfigValidationError: 'api_url' is a required property", "settings"),
        ("KeyError: 'start_date'", "settings"),
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
