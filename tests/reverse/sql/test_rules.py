"""The destinations of databases keep to the rules that all destinations keep to."""

from __future__ import annotations

from contextlib import contextmanager
from decimal import Decimal

import pytest
from far_tables import KINDS as DESTINATIONS
from servers import PASSWORD
from wires import wire_to

from elt.reverse.destination import make_destination
from elt.testing.destination_rules import REFUSED, RULES, FarSide, example_route

TABLES = {
    "postgres": "id text PRIMARY KEY, name text, score numeric(38, 2)",
    "mariadb": "id varchar(100) COLLATE utf8mb4_bin PRIMARY KEY, name text,"
    " score decimal(38, 2)",
    # As text, since SQLite has no exact number of this size.
    "sqlite": "id text PRIMARY KEY, name text, score text",
}
REFUSALS = {
    "postgres": f"ALTER TABLE people ADD CHECK (id <> '{REFUSED}')",
    "mariadb": f"ALTER TABLE people ADD CHECK (id <> '{REFUSED}')",
    "sqlite": f"CREATE TRIGGER no BEFORE INSERT ON people WHEN NEW.id = '{REFUSED}'"
    " BEGIN SELECT RAISE(ABORT, 'not this one'); END",
}
LOCKED_OUT = {
    "postgres": "ALTER ROLE {user} NOLOGIN",
    "mariadb": "ALTER USER {user}@'%' ACCOUNT LOCK",
}


def user_of(far):
    """Make a user of this test's own, whom the database may turn away."""
    user = f"rules_{far.database.settings['database']}"
    if far.kind == "postgres":
        known = far.run("SELECT 1 FROM pg_roles WHERE rolname = %s", user)
        verb = "ALTER" if known else "CREATE"
        far.run(f"{verb} ROLE {user} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    else:
        far.run(f"CREATE OR REPLACE USER {user}@'%' IDENTIFIED BY '{PASSWORD}'")
        far.run(f"GRANT ALL ON *.* TO {user}@'%'")
    return user


@contextmanager
def doing(far, sql):
    far.run(sql)
    yield


@contextmanager
def cutting(wire, word):
    wire.cut_at, wire.delivers = word, True
    yield
    wire.cut_at = None


@contextmanager
def served(far):
    """Give settings that lead over a wire, and what may happen to it."""
    if far.kind == "sqlite":
        yield far.database.settings, {}
        return
    user = user_of(far)
    locked_out = LOCKED_OUT[far.kind].format(user=user)
    with wire_to(far.database.settings["port"]) as wire:
        troubles = {
            "refuses us": lambda: doing(far, locked_out),
            "is down": lambda: cutting(wire, b""),
            "loses the answer": lambda: cutting(wire, b"COMMIT"),
        }
        yield {**far.database.settings, "port": wire.port, "user": user}, troubles


@pytest.mark.parametrize("rule", RULES)
def test_a_database_keeps_the_rules(far, rule):
    far.run(f"CREATE TABLE people ({TABLES[far.kind]})")

    def rows():
        return {
            key: {"id": key, "name": name, "score": score and Decimal(score)}
            for key, name, score in far.rows()
        }

    with served(far) as (settings, troubles):
        made = make_destination(DESTINATIONS[far.kind], settings, far.root)
        troubles |= {"refuses a row": lambda: doing(far, REFUSALS[far.kind])}
        side = FarSide(rows=rows, troubles=troubles, secrets=[PASSWORD])
        rule(made, example_route("people"), side)


def test_a_batch_that_sqlite_refuses_as_a_whole_is_split(far_sqlite):
    far_sqlite.run(f"CREATE TABLE people ({TABLES['sqlite']})")
    (rule,) = [r for r in RULES if r.__name__.startswith("the_bad_row_of_a_refused")]
    whole = REFUSALS["sqlite"].replace("ABORT", "ROLLBACK")
    made = far_sqlite.destination()

    rule(
        made,
        example_route("people"),
        FarSide(troubles={"refuses the batch": lambda: doing(far_sqlite, whole)}),
    )
