"""A new table's way into elt.toml: its answers, its comments, its secrets."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from elt.cli.options import note
from elt.errors import ConfigError

if TYPE_CHECKING:
    from elt.cli.questions import Answers, Questions
    from elt.project.plugin_settings import Setting
    from elt.project.settings import Project

# So many settings and none required: one of several ways to log in is needed.
_MANY = 4

Below = Mapping[tuple[str, ...], Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """A table on its way into elt.toml; `told` is what is known of its settings."""

    group: str
    name: str
    table: Mapping[str, Any]
    settings: tuple[Setting, ...]
    hint: str = ""  # what stands in place of settings that nobody declares

    @property
    def path(self) -> tuple[str, str]:
        return self.group, self.name


def write(project: Project, addition: Addition, given: Sequence[str]) -> bool:
    """Get the answers, then write everything at once; say whether it may be enough.

    It is not where a setting is open, or there are many and none was given.
    """
    from elt.cli.questions import Questions, answer, say_what_is_unknown

    kind = addition.group.removesuffix("s").upper()
    questions = Questions(kind, addition.name, project.root, addition.settings)
    try:
        answers = answer(questions, given)
        table = _table(project, addition, answers)
    except typer.Abort:
        note("\nNothing was written.")
        raise
    if addition.settings:
        say_what_is_unknown(questions, answers)
    _put(project, addition, table, questions, answers)
    _tell(addition, answers)
    return bool(answers.values or not _needs_some(addition)) and not answers.open


def _needs_some(addition: Addition) -> bool:
    from elt.project.plugin_settings import OF_THE_SDK

    own = [s for s in addition.settings if s.path[0] not in OF_THE_SDK]
    return sum(setting.default is None for setting in own) >= _MANY


def project_with(project: Project, **tables: Any) -> Project:
    """Give the project as it will be with a table that is not written yet."""
    import msgspec

    file = msgspec.structs.replace(project.file, **tables)
    return msgspec.structs.replace(project, file=file)


def _table(project: Project, addition: Addition, answers: Answers) -> dict[str, Any]:
    table = {**addition.table, "config": answers.config}
    if addition.group == "destinations":
        table["send_in"] = _send_in(project, addition.name, table, answers)
    return {key: value for key, value in table.items() if value not in ({}, [])}


def _send_in(
    project: Project, name: str, table: Mapping[str, Any], answers: Answers
) -> list[str]:
    """Ask where syncs may send, unless that was said or cannot harm."""
    from elt.cli.questions import ask

    is_local = _is_local(project, name, table, answers)
    said = list(table["send_in"])
    if said or is_local or not sys.stdin.isatty():
        return said
    known = ", ".join(f"`{e}`" for e in project.file.environments) or "none yet"
    note(
        f"\nSyncs send to `{name}` only in environments that are named here (there is"
        f" {known});\neverywhere else, as in a fresh clone, they only plan."
    )
    answered = ask("send_in, as `prod` (Enter: nowhere)")
    return [each.strip() for each in answered.split(",") if each.strip()]


def _is_local(
    project: Project, name: str, table: Mapping[str, Any], answers: Answers
) -> bool:
    """Make the destination once, to know. Raises ConfigError for wrong settings."""
    import msgspec

    from elt.cli.questions import secrets_environment
    from elt.project.secrets import Secrets
    from elt.project.sync_settings import DestinationTable
    from elt.runner.sending import destination_of

    made = msgspec.convert(dict(table), DestinationTable)
    destinations = {**project.file.destinations, name: made}
    secrets = Secrets(project.root, secrets_environment(answers))
    try:
        there = destination_of(
            project_with(project, destinations=destinations), name, secrets
        )
    except ConfigError:
        if answers.open or answers.unset:
            return False  # what is still open is the reason
        raise
    return there.traits.is_local


def _put(
    project: Project,
    addition: Addition,
    table: Mapping[str, Any],
    questions: Questions,
    answers: Answers,
) -> None:
    from elt.project.dotenv_file import keep_out_of_git, set_variables
    from elt.project.edit import editing

    below = _comments(addition, questions, answers)
    with editing(project.root) as file:
        for environment in table.get("send_in", ()):
            if environment not in {"default", *project.file.environments}:
                file.add_table(("environments", environment), {})
                note(f"Added an empty [environments.{environment}]")
        file.add_table(addition.path, _with_config(table, below), below=below)
        file.check()
        set_variables(project.root, answers.secrets)
    if answers.secrets and keep_out_of_git(project.root):
        note("Added .env to .gitignore")


def _comments(addition: Addition, questions: Questions, answers: Answers) -> Below:
    """Describe what was not given, below what was."""
    from elt.project.plugin_settings import as_comments

    others = [s for s in addition.settings if not answers.has(s)]
    lines = as_comments(others, answers.config, questions.variable)
    if addition.hint:
        lines[()] = [addition.hint]
    return {("config", *path): found for path, found in lines.items()}


def _with_config(table: Mapping[str, Any], below: Below) -> dict[str, Any]:
    return {**table, "config": table.get("config", {})} if below else dict(table)


def _tell(addition: Addition, answers: Answers) -> None:
    header = f"[{'.'.join(addition.path)}]"
    note(f"Added {header} to elt.toml")
    if answers.secrets:
        note(f"Wrote {', '.join(answers.secrets)} to .env")
    if answers.unset:
        note(f"Still to be set, in .env or outside: {', '.join(answers.unset)}")
    if answers.open:
        note(f"Still to be filled in, in elt.toml: {', '.join(answers.open)}")
    if not all(answers.has(setting) for setting in addition.settings):
        note("What else it takes stands there as comments")
    if addition.hint:
        note(addition.hint + f": [{'.'.join(addition.path)}.config]")
