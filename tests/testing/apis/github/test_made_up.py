"""The made-up organisation: the same from the same seed, and growing with the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx

from elt.testing.apis.clock import Clock
from elt.testing.apis.github.api import GitHub
from elt.testing.apis.github.tables import stamp
from elt.testing.apis.registry import make
from elt.testing.apis.serving import served
from elt.testing.company import TODAY
from elt.testing.lives import accounts

ROSTER = "/repos/kettle-and-crew/roster"
MAY = datetime(2025, 5, 1, 12, tzinfo=UTC)


def everything(api):
    return {
        repository.full_name: {
            name: list(table.rows.values()) for name, table in repository.tables.items()
        }
        for repository in api.world.repositories.values()
    }


def test_the_same_seed_and_day_give_the_same_rows():
    first, second, other = GitHub(), GitHub(), GitHub(seed=8)

    assert everything(first) == everything(second)
    assert everything(first) != everything(other)


def test_a_clock_that_was_moved_gives_what_one_gives_that_started_there():
    moved = GitHub(clock=Clock(MAY))
    for days in (1, 6, 24):
        moved.clock.advance(timedelta(days=days))
        moved.repository("roster")

    assert everything(moved) == everything(
        GitHub(clock=Clock(MAY + timedelta(days=31)))
    )


def test_what_a_week_changed_has_a_time_in_that_week():
    api = GitHub(clock=Clock(MAY))
    repository = api.repository("roster")
    before = {
        number: dict(row) for number, row in repository.tables["issues"].rows.items()
    }

    api.clock.advance(timedelta(days=7))
    api.repository("roster")

    after = repository.tables["issues"].rows
    changed = [row for number, row in after.items() if before.get(number) != row]
    assert len(changed) > 5
    # A merge is told in the pull request's part before its change of time.
    assert all(row["updated_at"] >= stamp(MAY) for row in changed)
    assert all(row["updated_at"] <= stamp(api.clock.now()) for row in changed)


def test_customers_wishes_name_accounts_of_the_company():
    known = {account.id for account in accounts(7, TODAY)}

    said = [
        row["body"].rpartition(" ")[2]
        for row in GitHub().repository("roster").tables["issues"].rows.values()
        if "customer" in row["labels"]
    ]

    assert len(said) > 50
    assert set(said) <= known


def test_what_was_written_is_there_in_the_next_simulation(tmp_path):
    writes = tmp_path / "writes.jsonl"
    with served(GitHub(clock=Clock(MAY), writes=writes)) as first:
        headers = {"Authorization": f"token {GitHub.token}", "User-Agent": "tests"}
        url = f"{first.origin}{ROSTER}/issues"
        made = httpx.post(url, headers=headers, json={"title": "Ours"}).json()
        first.api.clock.advance(timedelta(days=2))
        said = f"{url}/{made['number']}/comments"
        httpx.post(said, headers=headers, json={"body": "Still"})

    second = GitHub(clock=Clock(MAY), writes=writes)
    second.clock.advance(timedelta(days=1))

    with served(second) as again:
        found = httpx.get(
            f"{again.origin}{ROSTER}/issues/{made['number']}", headers=headers
        )
    assert (found.json()["title"], found.json()["comments"]) == ("Ours", 1)
    assert found.json()["id"] == made["id"]


def test_much_is_added_and_read_in_little_time():
    api = GitHub(company=False)
    api.callers.points_per_minute = api.callers.requests_per_hour = 1_000_000

    api.add("issues", 20_000)
    api.add("comments", 20_000)

    assert len(api.repository("roster").tables["issues"]) == 20_000
    assert len(api.repository("roster").tables["comments"]) == 20_000


def test_the_simulation_is_found_by_its_name():
    api = make("github", seed=7, at=MAY, runs=False)

    assert isinstance(api, GitHub)
    assert api.clock.now() == MAY
    assert api.repository("roster").tables["commits"].rows
