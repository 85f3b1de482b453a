"""A tiny dbt project with one of everything, and a few ways to go wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from elt.project.settings import File, Project, ProjectTable, TransformTable
from elt.warehouse.duckdb import Warehouse

FILES = {
    "dbt_project.yml": """
        name: shop
        version: "1.0"
        config-version: 2
        profile: shop
        seeds: {+schema: seeded}
    """,
    "models/staging/orders.sql": """
        SELECT id, customer, amount FROM {{ source('raw_shop', 'orders') }}
    """,
    "models/staging/sources.yml": """
        sources:
          - name: raw_shop
            tables: [{name: orders}]
    """,
    "models/only_here.sql": """
        {{ config(materialized='ephemeral') }}
        SELECT customer, sum(amount) AS total FROM {{ ref('orders') }} GROUP BY ALL
    """,
    "models/customers.sql": """
        {{ config(materialized='table', tags=['finance']) }}
        {% do print('printed by ' ~ this.identifier) %}
        SELECT customer, total FROM {{ ref('only_here') }}
    """,
    "models/customers/reports.sql": """
        SELECT count(*) AS customers FROM {{ ref('customers') }}
    """,
    "models/untested.sql": "SELECT 1 AS id UNION ALL SELECT 1",
    "models/below_untested.sql": "SELECT id FROM {{ ref('untested') }}",
    "models/broken.sql": "SELECT nothing_of_this_name FROM {{ ref('orders') }}",
    "models/below_broken.sql": "SELECT * FROM {{ ref('broken') }}",
    "models/slow.sql": """
        {{ config(materialized='table') }}
        SELECT count(*) AS n FROM range(10_000_000_000_000) r(i) WHERE hash(i) % 7 = 3
    """,
    "models/after_slow.sql": "SELECT n FROM {{ ref('slow') }}",
    "models/schema.yml": """
        models:
          - name: customers
            columns:
              - name: customer
                data_tests:
                  - not_null
                  - accepted_values:
                      name: only_ann,or_nobody
                      arguments: {values: [ann]}
                      config: {severity: warn}
          - name: untested
            columns:
              - name: id
                data_tests: [unique]
        unit_tests:
          - name: sums, by customer
            model: customers
            given:
              - input: ref('only_here')
                format: sql
                rows: SELECT 'ann' AS customer, 3 AS total
            expect:
              rows: [{customer: ann, total: 3}]
    """,
    "models/in_python.py": """
        def model(dbt, session):
            dbt.config(materialized="table")
            print("printed by Python")
            return session.sql("SELECT 1 AS n")
    """,
    "seeds/colours.csv": "id,name\n1,red\n2,blue\n3,green\n",
    "snapshots/kept.sql": """
        {% snapshot kept %}
        {{ config(unique_key='customer', strategy='check', check_cols=['total'],
                  schema='history') }}
        SELECT * FROM {{ ref('customers') }}
        {% endsnapshot %}
    """,
    "tests/customers.sql": "SELECT * FROM {{ ref('customers') }} WHERE total < 0",
}


def write_files(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))


@pytest.fixture(scope="session")
def write() -> Callable[[Path, dict[str, str]], None]:
    return write_files


@pytest.fixture(scope="session")
def make_project() -> Callable[..., Project]:
    def make(root: Path, files: dict[str, str] = FILES) -> Project:
        write_files(root / "transform", files)
        file = File(project=ProjectTable(name="shop"), transform=TransformTable())
        return Project(root=root, environment="default", file=file)

    return make


@pytest.fixture
def project(tmp_path: Path, make_project: Callable[..., Project]) -> Project:
    return make_project(tmp_path)


@pytest.fixture(scope="session")
def make_warehouse() -> Callable[[Project], Warehouse]:
    def make(project: Project) -> Warehouse:
        warehouse = Warehouse(project.warehouse_path)
        with warehouse.writer() as cursor:
            cursor.execute("CREATE SCHEMA raw_shop")
            cursor.execute(
                "CREATE TABLE raw_shop.orders AS"
                " SELECT * FROM (VALUES (1, 'ann', 10), (2, 'bob', 5), (3, 'ann', 1))"
                " AS orders (id, customer, amount)"
            )
        return warehouse

    return make
