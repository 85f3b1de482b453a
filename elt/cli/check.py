"""`elt check`: whether everything is there that a run will need."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import typer

from elt.cli.built_in_taps import check_built_in
from elt.cli.foreign_targets import (
    refuse_stale_sources,
    relayed_finding,
    target_finding,
)
from elt.cli.options import (
    AsJson,
    Environment,
    examples,
    open_project,
    print_json,
    say,
)
from elt.errors import ConfigError, ConfigErrors, EltError

if TYPE_CHECKING:
    from elt.project.secrets import Secrets
    from elt.project.settings import Project


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `problem` is empty where all is well.

    A `warning` leaves it as well as it was.
    """

    subject: str
    fine: str = ""
    problem: str = ""
    warning: str = ""
    where: str = ""
    hint: str = ""


@examples(
    ("elt check", "the file, secrets, plugins and the dbt project"),
    ("elt check --env prod", "with the tables of [environments.prod] laid over"),
)
def check(
    context: typer.Context, environment: Environment = None, as_json: AsJson = False
) -> None:
    """Check the project without running it.

    Every problem is shown at once: of elt.toml, of secrets that are not there, of
    plugins and programs that are not found, of the dbt project.
    """
    findings = list(_findings(context, environment))
    problems = [finding for finding in findings if finding.problem]
    if as_json:
        print_json({"ok": not problems, "findings": [asdict(f) for f in findings]})
    else:
        _print(findings)
    if problems:
        raise typer.Exit(ConfigError.exit_code)


def _findings(context: typer.Context, environment: str | None) -> Iterator[Finding]:
    from elt.project.secrets import Secrets

    try:
        project = open_project(context, environment)
    except ConfigError as error:
        yield from _problems("elt.toml", error)
        return
    yield Finding("elt.toml", _contents(project))
    secrets = Secrets(project.root)
    for subject, look in _looks(project, secrets):
        try:
            with secrets.kept_out_of_errors():
                fine = look()
        except ConfigError as error:
            yield from _problems(subject, error)
        else:
            yield Finding(subject, fine)
    for name in project.file.taps:
        yield from _window_warnings(project, name)


def _window_warnings(project: Project, tap: str) -> Iterator[Finding]:
    from elt.cli.window_settings import unknown_settings

    found = unknown_settings(project, tap)
    if found is not None:
        where = project.where("taps", tap, "window")
        warning, hint = found
        yield Finding(f"tap {tap}", warning=warning, where=where, hint=hint)


def _problems(subject: str, error: ConfigError) -> Iterator[Finding]:
    for each in error.errors if isinstance(error, ConfigErrors) else (error,):
        where, hint = each.where or "", each.hint or ""
        yield Finding(subject, problem=each.what, where=where, hint=hint)


def _looks(
    project: Project, secrets: Secrets
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Give what to look at; each look says what it found or raises ConfigError."""
    for name in project.file.taps:
        yield f"tap {name}", partial(_tap, project, secrets, name)
        if project.file.taps[name].target is not None:
            yield f"tap {name}'s target", partial(relayed_finding, project, name)
    for name in project.file.targets:
        yield f"target {name}", partial(target_finding, project, secrets, name)
    for name in project.file.destinations:
        subject = f"destination {name}"
        yield subject, partial(_destination, project, secrets, name)
    if project.file.transform is not None:
        yield "dbt project", partial(_dbt_project, project, secrets)
    if project.file.selections:
        yield "selections", partial(_selections, project)
    yield "warehouse", partial(_warehouse, project)


def _contents(project: Project) -> str:
    from elt.report.figures import counted

    file = project.file
    taps, syncs = counted(len(file.taps), "tap"), counted(len(file.syncs), "sync")
    return f"{taps}, {syncs} in {project.root}"


def _tap(project: Project, secrets: Secrets, name: str) -> str:
    from elt.cli.packages import package_finding
    from elt.plugins import find, tap_program
    from elt.singer.packages import package_of

    table = project.file.taps[name]
    config = secrets.resolve(table.config, project.where("taps", name))
    package = package_of(project, "tap", name)
    if package is not None:
        return package_finding(package)
    program = tap_program(project, name)
    if table.executable is not None:
        return f"program {program.argv[0]}"
    plugin = find("tap", table.plugin or "", project.root)
    if plugin.origin == "built in":
        check_built_in(project, name, config)
    return f"plugin `{plugin.name}`, {plugin.origin} ({plugin.where})"


def _destination(project: Project, secrets: Secrets, name: str) -> str:
    from elt.plugins import find
    from elt.runner.sending import check_destination

    table, place = (
        project.file.destinations[name],
        project.where("destinations", name),
    )
    try:
        plugin = find("destination", table.plugin, project.root)
    except EltError as error:
        raise ConfigError(error.what, where=place, hint=error.hint) from error
    check_destination(project, name, secrets)
    return f"plugin `{plugin.name}`, {plugin.origin} ({plugin.where})"


def _dbt_project(project: Project, secrets: Secrets) -> str:
    from elt.report.figures import counted
    from elt.runner.sending import read_dbt_project

    folder = project.transform_dir
    assert folder is not None  # noqa: S101  looked at only where there is one
    if not (folder / "dbt_project.yml").is_file():
        raise ConfigError(
            f"`{folder}` is no dbt project: it has no dbt_project.yml",
            where=project.where("transform"),
            hint="Set `project_dir` to the folder of one, or make one: `dbt init`",
        )
    try:
        manifest = read_dbt_project(project, secrets)
    except ConfigError as error:
        if "depends on a source" in error.what:
            return f"{folder}, read when the first run has written its sources"
        raise
    refuse_stale_sources(project, manifest)
    models = [node for node in manifest.nodes.values() if node.kind == "model"]
    return f"{folder} ({counted(len(models), 'model')})"


def _selections(project: Project) -> str:
    from elt.report.figures import counted
    from elt.runner.selection import check_words

    check_words(project.file.selections, project.where)
    return counted(len(project.file.selections), "selection")


def _warehouse(project: Project) -> str:
    path = project.warehouse_path
    return str(path) if path.exists() else f"{path}, which the first run makes"


def _print(findings: list[Finding]) -> None:
    from elt.report.clean import encoding
    from elt.report.marks import mark

    written = encoding(sys.stdout)
    for finding in findings:
        said = finding.problem or finding.warning
        if said:
            status = "failed" if finding.problem else "warned"
            say(f"{mark(status, written)} {finding.subject}: {said}")
            detail = (finding.where, f"hint: {finding.hint}" if finding.hint else "")
            for line in filter(None, detail):
                say(f"    {line}")
        else:
            say(f"{mark('done', written)} {finding.subject}: {finding.fine}")
    problems = sum(1 for finding in findings if finding.problem)
    say()
    say(f"{problems} to mend" if problems else "All is well; `elt plan` shows a run")
