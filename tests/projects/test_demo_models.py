"""The demo's dbt project with plain dbt, on what its taps have loaded.

What its marts must hold is computed here from the company's lives, and from the files
of its product and its help desk, in another way.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from elt.project.scaffold import scaffold
from elt.testing.apis.clock import Clock
from elt.testing.apis.github.api import GitHub
from elt.testing.company import SEED, TODAY, generate
from elt.testing.lives import Account, accounts
from elt.testing.traces import invoices

pytestmark = pytest.mark.slow  # dbt builds the demo once for each worker


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a demo whose models were built, and tested, by plain dbt."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    scaffold(folder, "demo")
    generate(folder / "data")
    load(folder)
    dbt = [sys.executable, "-m", "dbt.cli.main", "build", "--no-use-colors"]
    done = subprocess.run(
        dbt, cwd=folder / "transform", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "WARN=0 ERROR=0 SKIP=0" in done.stdout
    return folder


def test_revenue_is_the_sum_of_what_ran_on_each_months_last_day(demo: Path) -> None:
    found = rows(demo, "SELECT month, mrr FROM monthly_recurring_revenue")

    assert found == list(revenue())
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
    found = rows(demo, "SELECT account_id, paid_total, overdue_total FROM customers")

    assert found == list(paid_and_overdue())


def test_customers_are_those_of_the_crm_and_of_billing(demo: Path) -> None:
    found = rows(demo, "SELECT account_id, owner, contact_name, email FROM customers")

    assert found == list(contacts())


def test_the_last_plan_of_a_customer_is_that_of_the_last_bill(demo: Path) -> None:
    found = rows(
        demo, "SELECT account_id, plan, seats, monthly_amount, left_on FROM customers"
    )

    assert found == list(plans())


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
    assert sum(number for number, _, _ in grades.values()) == len(customers())


def test_an_issue_counts_for_the_customer_who_asked_for_it(demo: Path) -> None:
    found = rows(demo, "SELECT account_id, open_issues FROM customer_health")

    waits = asked_for()
    assert found == [(one.id, waits[one.id]) for one in customers()]
    assert waits.total() > 5


def load(folder: Path) -> None:
    command = [sys.executable, "-m", "elt", "run", "tap:*"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def customers() -> list[Account]:
    """Give the accounts that have signed, in the order of their numbers."""
    known = accounts(SEED, TODAY)
    return [one for one in known if one.periods and one.decided_on <= TODAY]


def revenue() -> Iterator[tuple[date, Decimal]]:
    month = min(one.decided_on for one in customers()).replace(day=1)
    while month <= TODAY:
        next_month = (month + timedelta(days=31)).replace(day=1)
        as_of = min(next_month - timedelta(days=1), TODAY)
        running = [one.period_on(as_of) for one in customers()]
        yield month, sum((p.monthly for p in running if p), Decimal(0))
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


def paid_and_overdue() -> Iterator[tuple[str, Decimal, Decimal]]:
    for account in customers():
        paid, overdue = Decimal(0), Decimal(0)
        for bill in invoices(SEED, account, TODAY):
            if bill.paid_on and bill.paid_on <= TODAY:
                paid += bill.amount
            elif bill.due_on < TODAY:
                overdue += bill.amount
        yield account.id, paid, overdue


def asked_for() -> Counter[str]:
    """Count the open issues of each account, as the simulated GitHub keeps them."""
    github = GitHub(seed=SEED, clock=Clock(datetime.combine(TODAY, time.max, UTC)))
    issues = github.repository("roster").tables["issues"].rows.values()
    said = "\n".join(row["body"] or "" for row in issues if row["state"] == "open")
    return Counter(re.findall(r"Asked for by (acc_[0-9]+)", said))


def contacts() -> Iterator[tuple[str, str, str, str]]:
    for account in customers():
        first = account.people[0]
        yield account.id, account.owner, first.name, first.email


def plans() -> Iterator[tuple[str, str, int, Decimal, date | None]]:
    for account in customers():
        last = [p for p in account.periods if p.starts_on <= TODAY][-1]
        ended = account.ends_on and account.ends_on <= TODAY
        left_on = account.ends_on if ended else None
        yield account.id, last.plan, last.seats, last.monthly, left_on


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(folder / "warehouse.duckdb", read_only=True) as warehouse:
        return warehouse.execute(f"FROM ({sql}) ORDER BY 1").fetchall()


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    for path in (folder / "data" / "events").iterdir():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.endswith("}}"):  # not the broken one
                yield json.loads(line)
