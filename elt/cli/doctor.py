"""`elt doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli.options import AsJson, Environment, examples, print_json, project_folder
from elt.errors import ConfigError

if TYPE_CHECKING:
    from elt.runner.upkeep.finding import Finding


@examples(
    ("elt doctor", "everything around the project, each finding with its fix"),
    ("elt doctor --deep", "reads every table, too, and imports dbt"),
    ("elt doctor --json", "for programs"),
)
def doctor(
    context: typer.Context,
    *,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Read every table and import dbt, which takes a while."
        ),
    ] = False,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong here, and say how to mend it.

    Versions, locks and who holds them, secrets, disk and permissions, dbt, plugins,
    the run log and the warehouse. It works where things are broken, changes nothing
    and calls nobody. It ends with 2 when there is a problem.
    """
    from elt.report.findings import print_findings
    from elt.runner.upkeep.doctor import examine

    found: list[Finding] = []

    def heard() -> Iterator[Finding]:
        for each in examine(project_folder(context), environment, deep=deep):
            found.append(each)
            yield each

    if as_json:
        document = [asdict(each) for each in heard()]
        print_json({"ok": not _problems(found), "findings": document})
    else:
        print_findings(heard(), sys.stdout)
    if _problems(found):
        raise typer.Exit(ConfigError.exit_code)


def _problems(findings: list[Finding]) -> list[Finding]:
    return [each for each in findings if each.level == "problem"]
