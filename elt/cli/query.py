"""`elt query`: one SELECT on the warehouse, nothing changed."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from elt.cli.options import AsJson, Environment, examples, open_project


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@examples(
    ('elt query "FROM customers LIMIT 10"', "DuckDB's SQL"),
    ('elt query "SHOW ALL TABLES"', "what there is"),
    ('elt query "FROM customers" --format csv > c.csv', "every row, exact values"),
    ("elt query - < question.sql", "the SQL from stdin"),
)
def query(
    context: typer.Context,
    sql: Annotated[
        str, typer.Argument(metavar="SQL", help="One statement; `-` reads stdin.")
    ],
    *,
    format_: Annotated[
        Format, typer.Option("--format", "-f", help="How to write the rows.")
    ] = Format.TABLE,
    as_json: AsJson = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Rows that a table shows.")
    ] = 100,
    environment: Environment = None,
) -> None:
    """Ask the warehouse a question in SQL. Nothing can be changed this way."""
    from elt.cli import answers

    project = open_project(context, environment)
    with answers.ask(project, sys.stdin.read() if sql == "-" else sql) as answer:
        match Format.JSON if as_json else format_:
            case Format.TABLE:
                answers.print_as_table(answer, limit)
            case Format.CSV:
                answers.write_csv(answer, sys.stdout)
            case Format.JSON:
                answers.write_json(answer, sys.stdout)
