"""The tap in a project: what is said of it, and what becomes of pinned columns."""

from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal

import duckdb
import pytest
from taps.described.anything import Listed

from elt.cli.app import main
from elt.testing.apis.serving import served

PROJECT = """
[project]
name = "acme"
[warehouse]
type = "duckdb"
path = "warehouse.duckdb"
[taps.shop]
plugin = "rest"
[taps.shop.config]
base_url = "{origin}/v1"
[taps.shop.config.streams.orders]
path = "/orders"
records = "data"
key = "id"
cursor = {{ field = "updated_at", param = "updated_since", format = "%Y-%m-%d" }}
columns = {{ {columns} }}
"""


def order(number, **more):
    return {"id": number, "updated_at": f"2025-05-0{number}T10:00:00Z", **more}


@pytest.fixture
def run(api, tmp_path):
    """Run a project whose stream has these `columns`; give what was loaded."""
    with served(api) as listening:

        def run(columns, *words, project=PROJECT):
            text = project.format(origin=listening.origin, columns=columns)
            (tmp_path / "elt.toml").write_text(text)
            command = [sys.executable, "-m", "elt", "-C", str(tmp_path), "run", *words]
            done = subprocess.run(
                command,
                env={**os.environ, "NO_COLOR": "1"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            return Loaded(tmp_path / "warehouse.duckdb")

        yield run


class Loaded:
    """What is in the warehouse after a run."""

    def __init__(self, path):
        with duckdb.connect(str(path), read_only=True) as warehouse:

            def found(query):
                return warehouse.execute(query).fetchall()

            described = found("DESCRIBE raw_shop.orders")
            self.types = {name: type_ for name, type_, *_ in described}
            self.ids = [
                n for (n,) in found("SELECT id FROM raw_shop.orders ORDER BY 1")
            ]
            self.prices = dict(found("SELECT id, price FROM raw_shop.orders"))
            self.rejects = found('SELECT "column", value, reason FROM _elt.rejects')


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "type_", "fits", "does_not"),
    [
        ("decimal(18,2)", "DECIMAL(18,2)", 9.5, 9.555),
        ("decimal(20,4)", "DECIMAL(20,4)", 9.5555, 9.55555),
    ],
)
def test_a_pinned_decimal_stays_one_and_only_rows_with_more_places_are_rejected(
    api, run, words, type_, fits, does_not
):
    api.lists["orders"] = Listed([order(1, price=10, n=1)])
    first = run(f'price = "{words}"')
    # Another column becomes wider, so that the stream is described again.
    api.lists["orders"].rows += [
        order(2, price=fits, n=1.5),
        order(3, price=does_not, n=2),
        order(4, price="many", n=2),
        order(5, price=7, n=2),
    ]

    again = run(f'price = "{words}"')
    last = run(f'price = "{words}"')

    assert first.types["price"] == again.types["price"] == last.types["price"] == type_
    assert again.prices == {1: Decimal(10), 2: Decimal(str(fits)), 5: Decimal(7)}
    assert again.types["n"] == "DOUBLE"
    reason = f"not a number that {type_} holds without rounding"
    assert again.rejects == [
        ("price", str(does_not), reason),
        ("price", "many", reason),
    ]
    assert last.prices == again.prices


def test_names_that_the_first_answer_lacks_are_shown_when_a_tap_is_looked_at(
    api, tmp_path, capsys
):
    api.lists["orders"] = Listed([order(1, price=9.5)])
    with served(api) as listening:
        text = PROJECT.format(origin=listening.origin, columns='prize = "integer"')
        (tmp_path / "elt.toml").write_text(text)

        code = main(["-C", str(tmp_path), "tap", "discover", "shop"])

    said = capsys.readouterr().err
    assert code == 0
    assert (
        "warning: stream orders: no record of the first answer has `prize`, which"
        " `columns` names. Did you mean `price`?"
    ) in said
    assert "INFO" not in said


@pytest.mark.slow
def test_a_column_that_is_pinned_later_is_of_that_type_after_a_full_refresh(api, run):
    api.lists["orders"] = Listed([order(1, price=9.5)])
    loose = run("")

    pinned = run('price = "decimal(18,2)"')
    anew = run('price = "decimal(18,2)"', "--full-refresh")

    assert (loose.types["price"], pinned.types["price"]) == ("DOUBLE", "DOUBLE")
    assert anew.types["price"] == "DECIMAL(18,2)"
    assert anew.prices == {1: Decimal("9.50")}


@pytest.mark.slow
def test_rows_without_a_key_are_there_once_however_often_a_day_is_read(api, run):
    keyless = PROJECT.replace('key = "id"\n', "")
    api.lists["orders"] = Listed(
        [
            {**order(1, price=1), "updated_at": f"2025-05-01T10:00:00.{n}00Z", "id": n}
            for n in range(1, 5)
        ]
    )
    first = run("", project=keyless)
    api.lists["orders"].rows.append(order(5, price=1))

    run("", project=keyless)
    third = run("", project=keyless)

    assert first.ids == [1, 2, 3, 4]
    assert third.ids == [1, 2, 3, 4, 5]
