"""The tap as the program that it is."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal

import pytest
from taps.hubspot.account import FAST

from elt.taps.hubspot.paths import Paths
from elt.taps.hubspot.settings import CONFIG_SCHEMA, settings_of

TOKEN = {"access_token": "t"}
DEFAULTS = {
    name: about["default"]
    for name, about in CONFIG_SCHEMA["properties"].items()
    if "default" in about
}


@pytest.fixture
def run(company, tmp_path):
    config = tmp_path / "config.json"
    given = {"access_token": company.api.token, "base_url": company.origin, **FAST}
    config.write_text(json.dumps(given))

    def run(*arguments):
        command = [sys.executable, "-m", "elt.taps.hubspot", *arguments]
        if "--about" not in arguments:
            command += ["--config", str(config)]
        return subprocess.run(command, capture_output=True, text=True, check=True)

    return run


def test_about_lists_the_settings(run):
    told = json.loads(run("--about", "--format", "json").stdout)

    names = set(told["settings"]["properties"])
    assert {"access_token", "start_date", "history", "sweep_days"} <= names


def test_discover_lists_every_stream(run):
    told = json.loads(run("--discover").stdout)

    streams = {one["tap_stream_id"]: one for one in told["streams"]}
    assert len(streams) == 28
    assert streams["contacts"]["key_properties"] == ["id"]
    assert streams["contacts"]["replication_key"] == "lastmodifieddate"
    assert "email" in streams["contacts"]["schema"]["properties"]
    assert "site_name" in streams["site"]["schema"]["properties"]


def test_test_reads_a_record_of_each_stream(run):
    done = run("--test")

    assert done.returncode == 0


def test_settings_have_hubspots_limits_as_defaults():
    app = {"client_id": "a", "client_secret": "b", "refresh_token": "c"}

    token, oauth = (settings_of({**DEFAULTS, **one}) for one in (TOKEN, app))

    assert token.requests_per_second == 19
    assert oauth.requests_per_second == 11
    assert token.searches_per_second == 4
    assert token.index_lag.total_seconds() == 60


def test_numbers_of_a_config_may_be_decimals():
    decimals = {"sweep_days": Decimal("0.5"), "concurrency": Decimal(2)}

    found = settings_of({**DEFAULTS, **TOKEN, **decimals})

    assert found.sweep_every == timedelta(hours=12)
    assert found.concurrency == 2


def test_secrets_are_marked_as_such():
    properties = CONFIG_SCHEMA["properties"]

    secret = {name for name, about in properties.items() if about.get("secret")}
    assert secret == {"access_token", "client_secret", "refresh_token"}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (
            "v3",
            [
                "/crm/v3/objects/deals/search",
                "/crm/v3/properties/deals",
                "/crm/v4/associations/deals/contacts/batch/read",
                "/crm-object-schemas/v3/schemas",
                "/crm/v3/owners",
                "/marketing/v3/forms",
                "/oauth/v1/token",
            ],
        ),
        (
            "2026-03",
            [
                "/crm/objects/2026-03/deals/search",
                "/crm/properties/2026-03/deals",
                "/crm/associations/2026-03/deals/contacts/batch/read",
                "/crm-object-schemas/2026-03/schemas",
                "/crm/owners/2026-03",
                "/marketing/forms/2026-03",
                "/oauth/2026-03/token",
            ],
        ),
    ],
)
def test_paths_have_the_version_in_its_place(version, expected):
    paths = Paths(version)

    assert [
        paths.objects("deals", "search"),
        paths.properties("deals"),
        paths.associations("deals", "contacts"),
        paths.schemas,
        paths.owners,
        paths.forms,
        paths.token,
    ] == expected
