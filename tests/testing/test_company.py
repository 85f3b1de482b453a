from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from elt.testing.company import (
    BROKEN_ON,
    FIRST_DAY,
    SEED,
    TICKETS,
    TODAY,
    Exported,
    advance,
    generate,
)
from elt.testing.lives import accounts
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
    assert changed >= {"clock.json", "support/tickets.jsonl"}
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


def test_every_ticket_and_event_is_of_an_account(
    company: tuple[Path, Exported],
) -> None:
    folder, exported = company
    known = {account.id for account in accounts(SEED, exported.today)}
    lines = [line for path in (folder / "events").iterdir() for line in json_rows(path)]

    assert len(known) == exported.accounts
    assert {line["account_id"] for line in lines} <= known
    assert {t["account_id"] for t in json_rows(folder / TICKETS)} <= known


def test_tickets_come_in_the_order_of_their_last_change(
    company: tuple[Path, Exported],
) -> None:
    folder, exported = company
    changes = [t["updated_at"] for t in json_rows(folder / "support" / "tickets.jsonl")]

    assert changes == sorted(changes)
    assert len(changes) == exported.tickets


def test_the_periods_of_a_customer_follow_each_other() -> None:
    pairs = [
        (one.ends_on, next_one.starts_on)
        for account in accounts(SEED, TODAY)
        for one, next_one in pairwise(account.periods)
    ]

    assert pairs
    assert all(end == start for end, start in pairs)


def test_money_has_two_decimals() -> None:
    amounts = [p.monthly for account in accounts(SEED, TODAY) for p in account.periods]

    assert {amount.as_tuple().exponent for amount in amounts} == {-2}
    assert any(amount % Decimal("0.05") for amount in amounts)


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


def json_rows(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]
