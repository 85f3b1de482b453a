"""`elt schema`: what editors need to know about elt.toml, and programs of a result."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from elt.cli.options import examples, print_json


class Document(StrEnum):
    PROJECT = "project"
    RESULT = "result"


@examples(
    ("elt schema > elt.schema.json", "then begin elt.toml with the line"),
    ("", "`#:schema ./elt.schema.json`"),
    ("elt schema result", "of what `elt run --json` writes"),
)
def schema(
    document: Annotated[
        Document,
        typer.Argument(
            metavar="DOCUMENT",
            help="`project`: elt.toml; `result`: what `elt run --json` writes.",
        ),
    ] = Document.PROJECT,
) -> None:
    """Write the JSON Schema of elt.toml, or of a result.

    Editors complete and check elt.toml by it.
    """
    if document is Document.RESULT:
        from elt.report.result import result_schema

        print_json(result_schema())
        return
    from elt.project.schema import json_schema

    print_json(json_schema())
