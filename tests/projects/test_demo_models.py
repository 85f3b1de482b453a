"""The demo's dbt project with plain dbt, on tables loaded by hand.

What its marts must hold is computed here from the files, in another way.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from elt.project.scaffold import scaffold
from elt.testing.company import TODAY, generate

pytestmark = pytest.mark.slow  # dbt builds the demo once for each worker

CSV = {
    "raw_crm.accounts": "crm/accounts.csv",
    "raw_crm.contacts": "crm/contacts.csv",
    "raw_crm.deals": "crm/deals.csv",
    "raw_billing.customers": "billing/customers.csv",
    "raw_billing.subscriptions": "billing/subscriptions.csv",
    "raw_billing.invoices": "billing/invoices/*.csv",
}
JSON = {
    "raw_events.events": "events/*.jsonl",
    "raw_events.clock": "clock.json",
    "raw_support.tickets": "support/tickets.jsonl",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a demo whose models were built, and tested, by plain dbt."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    scaffold(folder, "demo")
    generate(folder / "data")
    load_by_hand(folder)
    dbt = [sys.executable, "-m", "dbt.cli.main", "build", "--no-use-colors"]
    done = subprocess.run(
        dbt, cwd=folder / "transform", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "WARN=0 ERROR=0 SKIP=0" in done.stdout
    return folder


def test_revenue_is_the_sum_of_what_ran_on_each_months_last_day(demo: Path) -> None:
    found = rows(demo, "SELECT month, mrr FROM monthly_recurring_revenue")

    assert found == list(revenue(demo))
    assert len(found) == 12
    assert found[-1][1] > 5_000


def test_users_count_in_the_week_in_which_they_were_active(demo: Path) -> None:
    found = rows(demo, "SELECT week, active_users, events FROM weekly_active_users")

    assert found == list(active_users(demo))
    assert len(found) == 13


def test_only_the_weeks_that_are_over_are_complete(demo: Path) -> None:
    found = rows(
        demo, "SELECT max(week), bool_and(is_complete) FROM weekly_active_users"
    )

    assert found == [(TODAY - timedelta(days=6), True)]  # the demo starts on a Sunday


def test_customers_have_paid_what_their_paid_bills_add_up_to(demo: Path) -> None:
    found = rows(demo, "SELECT customer_id, paid_total, overdue_total FROM customers")

    assert found == list(paid_and_overdue(demo))


def test_health_is_graded_over_all_customers(demo: Path) -> None:
    graded = rows(
        demo,
        """
        SELECT grade, count(*), min(score), max(score)
        FROM customer_health
        GROUP BY grade
        """,
    )
    grades = {grade: (number, *scores) for grade, number, *scores in graded}

    assert set(grades) == {"healthy", "watch", "at risk", "churned"}
    assert all(number >= 5 for number, _, _ in grades.values())
    assert grades["churned"][1:] == (0, 0)
    assert grades["healthy"][1:] == (80, 100)
    assert sum(number for number, _, _ in grades.values()) == len(
        read_csv(demo, "billing/customers.csv")
    )


def load_by_hand(folder: Path) -> None:
    with duckdb.connect(folder / "warehouse.duckdb") as warehouse:
        for schema in ("raw_crm", "raw_billing", "raw_events", "raw_support"):
            warehouse.execute(f"CREATE SCHEMA {schema}")
        for table, path in CSV.items():
            source = f"read_csv('{folder}/data/{path}', header = true)"
            warehouse.execute(f"CREATE TABLE {table} AS FROM {source}")
        for table, path in JSON.items():
            source = (
                f"read_json('{folder}/data/{path}', format = 'newline_delimited',"
                " ignore_errors = true)"
            )
            warehouse.execute(f"CREATE TABLE {table} AS FROM {source}")
        # The broken line, which a load sets aside, is a row of NULLs here.
        warehouse.execute("DELETE FROM raw_events.events WHERE message_id IS NULL")
        warehouse.execute("ALTER TABLE raw_events.events ALTER properties TYPE JSON")


def revenue(folder: Path) -> Iterator[tuple[date, Decimal]]:
    subscriptions = read_csv(folder, "billing/subscriptions.csv")
    first = min(row["starts_on"] for row in subscriptions)
    month = date.fromisoformat(first).replace(day=1)
    while month <= TODAY:
        next_month = (month + timedelta(days=31)).replace(day=1)
        as_of = min(next_month - timedelta(days=1), TODAY).isoformat()
        running = [
            Decimal(row["monthly_amount"])
            for row in subscriptions
            if row["starts_on"] <= as_of < (row["ends_on"] or "9999")
        ]
        yield month, sum(running, Decimal(0))
        month = next_month


def active_users(folder: Path) -> Iterator[tuple[date, int, int]]:
    users, messages = defaultdict(set), defaultdict(set)
    for event in read_events(folder):
        at = datetime.fromisoformat(event["event_time"]).astimezone(UTC).date()
        monday = at - timedelta(days=at.weekday())
        users[monday].add(event["user_id"])
        messages[monday].add(event["message_id"])
    for monday in sorted(users):
        yield monday, len(users[monday]), len(messages[monday])


def paid_and_overdue(folder: Path) -> Iterator[tuple[str, Decimal, Decimal]]:
    paid, overdue = defaultdict(Decimal), defaultdict(Decimal)
    for path in sorted((folder / "data" / "billing" / "invoices").iterdir()):
        for row in read_csv(folder, f"billing/invoices/{path.name}"):
            if row["paid_on"]:
                paid[row["customer_id"]] += Decimal(row["amount"])
            elif row["due_on"] < TODAY.isoformat():
                overdue[row["customer_id"]] += Decimal(row["amount"])
    for row in read_csv(folder, "billing/customers.csv"):
        customer = row["customer_id"]
        yield customer, paid[customer], overdue[customer]


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(folder / "warehouse.duckdb", read_only=True) as warehouse:
        return warehouse.execute(f"FROM ({sql}) ORDER BY 1").fetchall()


def read_csv(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "data" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    for path in (folder / "data" / "events").iterdir():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.endswith("}}"):  # not the broken one
                yield json.loads(line)
