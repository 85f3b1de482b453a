"""What a person reads when a tap that comes with elt fails at its vendor."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from stages import serve

from elt.testing.apis.clock import Clock
from elt.testing.apis.hubspot.api import HubSpot
from elt.testing.apis.stripe.api import TOKEN, Stripe
from elt.testing.apis.troubles import Says

__all__ = ["serve"]
GITHUB_TOKEN, WRONG = "ghp_123456", "pat-wrong-1"
NOW = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.fixture
def shop(project):
    def write(plugin, select="*", **config):
        lines = "\n".join(f"{key} = {json.dumps(each)}" for key, each in config.items())
        (project / "elt.toml").write_text(
            f'[project]\nname = "shop"\n[run]\nretry_delay_seconds = 0\n'
            f'[taps.{plugin}]\nplugin = "{plugin}"\nselect = ["{select}"]\n'
            f"[taps.{plugin}.config]\n{lines}\n"
        )
        return project

    return write


@pytest.fixture
def stripe(serve):
    return serve(Stripe(clock=Clock(NOW), company=False))


def asks_to_wait(stripe, seconds):
    busy = Says(429, '{"error": {}}', {"Retry-After": str(seconds)})
    stripe.api.front.troubles.add(busy, path="/v1/customers", times=1000)
    return {"api_key": TOKEN, "base_url": stripe.origin}


def test_a_source_that_wants_more_than_an_hour_is_asked_once(shop, stripe, run_elt):
    project = shop("stripe", "customers", **asks_to_wait(stripe, 5000))

    done = run_elt("-C", project, "run", "--log-format", "plain")

    assert done.code == 1
    assert "allows us no more requests for another 1.4 hours" in done.err
    assert "It asks to be left alone for 5,040 s: run again after that" in done.err
    assert "attempt" not in done.err
    asked = [each.path for each in stripe.api.front.requests]
    assert asked.count("/v1/customers") == 1


def test_a_source_that_wants_less_is_left_alone_for_so_long(shop, stripe):
    project = shop("stripe", "customers", **asks_to_wait(stripe, 1000))
    words = ["-C", str(project), "run", "--log-format", "plain"]
    command = [sys.executable, "-m", "elt", *words]

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        line = next(line for line in running.stderr if "again in" in line)
        running.terminate()
        running.stderr.read()

    assert "attempt 1 failed, again in 1000 s" in line


def test_what_a_config_lacks_is_told_in_the_words_of_the_tap(shop, run_elt):
    project = shop("github", token=GITHUB_TOKEN)

    done = run_elt("-C", project, "tap", "test", "github")

    assert done.code == 2
    assert "discovery: settings\n    tap `github` discovery failed" in done.out
    assert "no repository is named" in done.out
    assert '    hint: Write `organizations = ["acme"]`' in done.out


def test_credentials_that_are_refused_are_named_by_their_setting(shop, serve, run_elt):
    hubspot = serve(HubSpot(clock=Clock(NOW), company=False))
    project = shop("hubspot", "deals", access_token=WRONG, base_url=hubspot.origin)

    told = run_elt("-C", project, "tap", "test", "hubspot")
    listed = run_elt("-C", project, "tap", "test", "hubspot", "--json")

    assert (told.code, listed.code) == (2, 2)
    hint = (
        "Look at `access_token` in the tap's config: it may be mistyped, revoked or"
        " expired"
    )
    assert "credentials\n    " in told.out
    assert f"    hint: {hint}" in told.out
    assert json.loads(listed.out)[-1]["remedy"] == hint


def test_a_preview_of_an_api_that_is_away_is_soon_over(shop, stripe, run_elt):
    away = Says(503, "{}")
    stripe.api.front.troubles.add(away, path="/v1/customers", times=1000)
    project = shop("stripe", "customers", api_key=TOKEN, base_url=stripe.origin)

    done = run_elt("-C", project, "tap", "preview", "stripe", "customers")

    assert done.code == 75
    asked = [each.path for each in stripe.api.front.requests]
    assert asked.count("/v1/customers") == 2


def test_a_tap_that_is_added_without_what_it_needs_is_not_run_next(project, run_elt):
    (project / "elt.toml").write_text('[project]\nname = "shop"\n')

    done = run_elt("-C", project, "add", "tap", "github", "--set", "token=ghp_123456")

    assert done.code == 0
    assert "It is not enough yet: no repository is named" in done.err
    assert "elt run" not in done.err


def test_a_secret_that_is_too_short_is_told_before_anything_runs(project, run_elt):
    (project / "elt.toml").write_text(
        '[project]\nname = "shop"\n[taps.good]\nexecutable = "false"\n'
        '[taps.crm]\nexecutable = "false"\nconfig = { token = "${env:SHORT}" }\n'
    )
    (project / ".env").write_text("SHORT=12345\n")

    done = run_elt("-C", project, "run")

    assert done.code == 2
    assert "the secret `${env:SHORT}` is shorter than 6 characters" in done.err
    assert "elt.toml:7  [taps.crm.config]" in done.err
    assert "started" not in done.err
