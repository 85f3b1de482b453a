"""`elt schema`: what editors need to know about elt.toml."""

from __future__ import annotations

from elt.cli.options import examples, print_json


@examples(
    ("elt schema > elt.schema.json", "then begin elt.toml with the line"),
    ("", "`#:schema ./elt.schema.json`"),
)
def schema() -> None:
    """Write the JSON Schema of elt.toml, for editors."""
    from elt.project.schema import json_schema

    print_json(json_schema())
