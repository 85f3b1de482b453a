from __future__ import annotations

import gc
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from elt.errors import ConfigError
from elt.testing.apis.hubspot.access import TOKEN
from elt.testing.apis.kept import written_in
from elt.testing.apis.playing import Playing
from elt.testing.apis.stripe.api import TOKEN as KEY

HARBOUR_OTTER = 20_000_000_001  # the first company, met on 2 July 2024


def test_its_time_is_the_end_of_the_companys_day(tmp_path):
    company_on(tmp_path, "2024-07-05")

    playing = Playing("hubspot", tmp_path)

    assert playing.now() == datetime(2024, 7, 5, 23, 59, 59, tzinfo=UTC)


def test_it_ends_with_its_owner(tmp_path):
    company_on(tmp_path, "2024-07-05")
    playing = Playing("hubspot", tmp_path)
    origin = playing.origin
    assert companies(origin)

    del playing
    gc.collect()

    with pytest.raises(httpx.ConnectError):
        companies(origin)


def test_the_next_one_knows_what_was_written_to_the_one_before(tmp_path):
    company_on(tmp_path, "2024-07-05")
    first = Playing("hubspot", tmp_path, keep="crm")
    write_score(first.origin, "85")

    company_on(tmp_path, "2024-07-12")
    next_one = Playing("hubspot", tmp_path, keep="crm")

    found = companies(next_one.origin)
    assert found[str(HARBOUR_OTTER)] == "85"
    assert len(found) > len(companies(first.origin))
    assert [
        one.at.isoformat() for one in written_in(tmp_path / "crm/writes.jsonl")
    ] == ["2024-07-05T23:59:59+00:00"]


def test_what_is_not_kept_is_gone_with_it(tmp_path):
    company_on(tmp_path, "2024-07-05")
    first = Playing("hubspot", tmp_path)
    write_score(first.origin, "85")

    next_one = Playing("hubspot", tmp_path)

    assert companies(next_one.origin)[str(HARBOUR_OTTER)] is None


def test_it_has_no_limits_so_that_the_demo_does_not_wait(tmp_path):
    company_on(tmp_path, "2024-07-05")
    playing = Playing("stripe", tmp_path)

    with httpx.Client(base_url=playing.origin, trust_env=False) as client:
        client.headers["Authorization"] = f"Bearer {KEY}"
        found = {client.get("/v1/coupons").status_code for _ in range(40)}

    assert found == {200}


def test_without_a_company_there_is_nothing_to_play(tmp_path):
    with pytest.raises(ConfigError, match=r"not there") as raised:
        Playing("stripe", tmp_path).origin  # noqa: B018, asking for it is what fails

    assert "clock.json" in str(raised.value.where)


def company_on(folder: Path, day: str) -> None:
    clock = folder / "data" / "clock.json"
    clock.parent.mkdir(exist_ok=True)
    clock.write_text(json.dumps({"id": 1, "today": day, "seed": 7}))


def companies(origin: str) -> dict[str, str | None]:
    """Give the score of each company by its id."""
    found = httpx.get(
        f"{origin}/crm/v3/objects/companies",
        params={"properties": "health_score", "limit": 100},
        headers={"Authorization": f"Bearer {TOKEN}"},
        trust_env=False,
    ).json()
    return {one["id"]: one["properties"]["health_score"] for one in found["results"]}


def write_score(origin: str, score: str) -> None:
    httpx.patch(
        f"{origin}/crm/v3/objects/companies/{HARBOUR_OTTER}",
        json={"properties": {"health_score": score}},
        headers={"Authorization": f"Bearer {TOKEN}"},
        trust_env=False,
    ).raise_for_status()
