from __future__ import annotations

import pytest

from elt.singer.log_lines import said_of_a_wait

OURS = "Stripe: HTTP 503 at GET /v1/charges; waiting 1.3 s before try 2 of 7"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (OURS, OURS),
        # singer-sdk
        (f"2026-11-22 04:41:03,997 | WARNING  | tap-stripe           | {OURS}", OURS),
        (
            "2026-11-22 04:41:03,997 | ERROR    | tap-x | Backing off 4.20 seconds",
            "Backing off 4.20 seconds",
        ),
        # singer-python and `backoff`
        (
            "INFO Backing off request(...) for 0.9s (ConnectionError: refused)",
            "Backing off request(...) for 0.9s (ConnectionError: refused)",
        ),
        ("INFO Rate limited. Sleeping for 42 seconds", None),
        # pipelinewise
        (
            "time=2026-11-22 04:41:03 name=tap_jira level=INFO message=Sleeping 3 secs",
            "Sleeping 3 secs",
        ),
        # tenacity and urllib3
        ("Retrying x.get in 3.0 seconds as it raised OSError: down.", None),
        (
            "WARNING Retrying (Retry(total=2)) after connection broken by 'Refused'",
            None,
        ),
    ],
)
def test_a_wait_is_heard_in_the_words_of_any_library(line, words):
    told = said_of_a_wait(line)

    assert told == (words or line.removeprefix("INFO ").removeprefix("WARNING "))


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-22 04:41:03,995 | INFO     | tap-x.deals | Beginning sync of 'deals'",
        'INFO METRIC: {"type": "timer", "metric": "wait_time", "value": 1.32}',
        "INFO 30 rows of waiting_list",
        "ERROR stream deals failed: HTTP 500",
        "",
    ],
)
def test_other_lines_tell_of_no_wait(line):
    assert said_of_a_wait(line) == ""
