from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from elt.testing.company import BROKEN_ON, FIRST_DAY, Exported, advance, generate
from elt.testing.traces import EVENTS_FROM

EARLY = date(2025, 3, 30)  # four weeks of events: quick to make


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Exported]:
    folder = tmp_path_factory.mktemp("company")
    return folder, generate(folder)


def test_the_same_seed_and_day_give_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "one", seed=3, until=EARLY)
    generate(tmp_path / "two", seed=3, until=EARLY)

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_makes_another_company(tmp_path: Path) -> None:
    generate(tmp_path / "one", seed=3, until=EARLY)
    generate(tmp_path / "two", seed=4, until=EARLY)

    assert contents(tmp_path / "one") != contents(tmp_path / "two")


def test_a_week_more_gives_what_the_later_day_would_have_given(tmp_path: Path) -> None:
    generate(tmp_path / "one", until=EARLY)
    generate(tmp_path / "two", until=EARLY + timedelta(days=7))

    exported = advance(tmp_path / "one", days=7)

    assert exported.today == EARLY + timedelta(days=7)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_week_more_touches_no_older_event_file(tmp_path: Path) -> None:
    generate(tmp_path, until=EARLY)
    before = contents(tmp_path)

    exported = advance(tmp_path, days=7)

    after = contents(tmp_path)
    new = after.keys() - before.keys()
    changed = {name for name in before if after[name] != before[name]}
    assert len([name for name in new if name.startswith("events/")]) == 7
    assert not [name for name in changed if name.startswith("events/")]
    assert changed >= {"clock.json", "crm/accounts.csv", "support/tickets.jsonl"}
    assert exported.files_written == len(new | changed)


def test_a_second_time_writes_nothing(tmp_path: Path) -> None:
    generate(tmp_path, until=EARLY)

    assert generate(tmp_path, until=EARLY).files_written == 0


def test_the_demo_starts_with_about_200_customers_and_20_000_events(
    company: tuple[Path, Exported],
) -> None:
    _, exported = company

    assert 190 <= exported.customers <= 210
    assert 19_000 <= exported.events <= 22_000


def test_what_is_said_of_the_event_lines_is_so(company: tuple[Path, Exported]) -> None:
    folder, exported = company
    messages, broken = [], []
    for path in sorted((folder / "events").iterdir()):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                messages.append((path.stem, json.loads(line)))
            except json.JSONDecodeError:
                broken.append(path.stem)

    ids = Counter(message["message_id"] for _, message in messages)
    late = [m for day, m in messages if m["event_time"][:10] < day]

    assert broken == [str(BROKEN_ON)]
    assert exported.broken == 1
    assert exported.events == len(ids)
    assert exported.doubled == len(messages) - len(ids) > 100
    assert exported.late == len(late) > 100
    assert exported.event_lines == len(messages) + 1


def test_an_event_lies_in_the_file_of_the_day_it_was_received(
    company: tuple[Path, Exported],
) -> None:
    folder, _ = company
    wrong = [
        line
        for path in (folder / "events").iterdir()
        for line in path.read_text(encoding="utf-8").splitlines()
        if f'"received_at": "{path.stem}T' not in line and line.endswith("}")
    ]

    assert wrong == []


def test_money_has_two_decimals(company: tuple[Path, Exported]) -> None:
    folder, _ = company
    amounts = [row["monthly_amount"] for row in rows(folder, "billing/subscriptions")]
    for path in (folder / "billing" / "invoices").iterdir():
        amounts += [
            row["amount"] for row in rows(folder, f"billing/invoices/{path.stem}")
        ]

    assert {Decimal(amount).as_tuple().exponent for amount in amounts} == {-2}
    assert any(not amount.endswith(("0", "5")) for amount in amounts)


def test_every_reference_has_what_it_refers_to(company: tuple[Path, Exported]) -> None:
    folder, exported = company
    known = {row["account_id"] for row in rows(folder, "crm/accounts")}
    customers = {row["customer_id"] for row in rows(folder, "billing/customers")}
    tickets = folder / "support" / "tickets.jsonl"

    assert len(known) == exported.accounts
    assert len(customers) == exported.customers
    assert {row["account_id"] for row in rows(folder, "crm/contacts")} == known
    subscribed = {row["customer_id"] for row in rows(folder, "billing/subscriptions")}
    assert subscribed == customers
    assert {t["account_id"] for t in json_rows(tickets)} <= known


def test_tickets_come_in_the_order_of_their_last_change(
    company: tuple[Path, Exported],
) -> None:
    folder, exported = company
    changes = [t["updated_at"] for t in json_rows(folder / "support" / "tickets.jsonl")]

    assert changes == sorted(changes)
    assert len(changes) == exported.tickets


def test_subscriptions_of_a_customer_follow_each_other(
    company: tuple[Path, Exported],
) -> None:
    folder, _ = company
    found = list(rows(folder, "billing/subscriptions"))
    pairs = [
        (one["ends_on"], next_one["starts_on"])
        for one, next_one in pairwise(found)
        if one["customer_id"] == next_one["customer_id"]
    ]

    assert pairs
    assert all(end == start for end, start in pairs)


def test_a_day_before_the_exports_begin_is_refused(tmp_path: Path) -> None:
    assert FIRST_DAY > BROKEN_ON > EVENTS_FROM
    with pytest.raises(ValueError, match=str(FIRST_DAY)):
        generate(tmp_path, until=FIRST_DAY - timedelta(days=1))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def json_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
