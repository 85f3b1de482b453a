"""`elt dbt`: plain dbt, with the project's own profile."""

from __future__ import annotations

from typing import Annotated

import typer

from elt.cli.options import Environment, examples, open_project, project_warehouse
from elt.errors import ConfigError


@examples(
    ("elt dbt ls", "what dbt sees"),
    ("elt dbt test --select customers", "any dbt command and option"),
    ("elt dbt docs generate", "dbt's own pages about the project"),
    ("elt dbt --env prod build", "`--env` stands before dbt's words"),
)
def dbt(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGUMENTS", help="Given to dbt as they are."),
    ] = None,
    *,
    environment: Environment = None,
) -> None:
    """Run dbt on the project's models, in the project's warehouse."""
    from elt.project.secrets import Secrets
    from elt.transform.dbt import Dbt

    project = open_project(context, environment)
    if project.transform_dir is None:
        raise ConfigError(
            "this project has no dbt project",
            where=project.where("transform"),
            hint='Add `[transform]` with `project_dir = "transform"`',
        )
    secrets = Secrets(project.root)
    dbt = Dbt(project, project_warehouse(project), resolve=secrets.resolve)
    raise typer.Exit(dbt.command(arguments or ["--help"]))
