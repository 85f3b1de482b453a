"""`elt init`: a new project."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from elt.cli.options import examples, note


class Template(StrEnum):
    BLANK = "blank"
    DEMO = "demo"


@examples(
    ("elt init shop", "a small project in the folder `shop`"),
    ("elt init shop --template demo", "the demo's project, to look at and change"),
)
def init(
    name: Annotated[
        Path, typer.Argument(metavar="NAME", help="The folder to make; also its name.")
    ],
    template: Annotated[
        Template, typer.Option("--template", help="What to begin with.")
    ] = Template.BLANK,
) -> None:
    """Make a new project that runs.

    It has an elt.toml, a small dbt project and a plugin, to be changed into yours.
    """
    from elt.project.scaffold import scaffold

    files = scaffold(name, template.value)
    if template is Template.DEMO:
        from elt.testing.company import generate

        generate(name / "data")
    note(f"Made {len(files)} files in {name}. Next:\n")
    note(f"  cd {name}\n  elt plan\n  elt run")
