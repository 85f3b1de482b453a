"""A plugin's settings: taken from `--set`, asked for on a terminal, or left open."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli
import typer

from elt.cli.options import note
from elt.errors import ConfigError
from elt.project.nearest import did_you_mean
from elt.project.plugin_settings import (
    Setting,
    looks_secret,
    nested,
    parse,
    told,
    variable_name,
)
from elt.project.references import REFERENCE, flaw
from elt.project.secrets import read_dotenv
from elt.project.settings import FILE_NAME
from elt.remote.masking import SHORTEST

Path_ = tuple[str, ...]

# More of them are ways to log in of which one is chosen; they are left as comments.
_OPTIONAL_SECRETS = 2


@dataclass(slots=True)
class Answers:
    """`secrets` are for `.env`, by variable; `open` is what still has to be written."""

    values: dict[Path_, object] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    unset: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    @property
    def config(self) -> dict[str, Any]:
        return nested(self.values)

    def has(self, setting: Setting) -> bool:
        """Tell whether a setting, or something in it, has a value."""
        return any(path[: len(setting.path)] == setting.path for path in self.values)


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked about one table: `kind` is TAP, TARGET or DESTINATION."""

    kind: str
    name: str
    root: Path
    settings: Sequence[Setting]

    def variable(self, path: Path_) -> str:
        return variable_name(self.kind, self.name, path)

    def setting(self, path: Path_) -> Setting | None:
        return next((s for s in self.settings if s.path == path), None)

    def is_secret(self, path: Path_, value: str) -> bool:
        """Tell whether it is declared as one; where nobody says, the name does.

        A guess is not made of a value that could not be hidden anyway.
        """
        setting = self.setting(path)
        if setting is not None:
            return setting.secret
        return looks_secret(path[-1]) and len(value.strip()) >= SHORTEST

    def is_set(self, variable: str) -> bool:
        known = read_dotenv(self.root / ".env") | dict(os.environ)
        return bool(known.get(variable))


def answer(questions: Questions, given: Sequence[str]) -> Answers:
    """Take what `--set` gives and what is set already, and ask for the rest.

    Asked for is what is required, what the plugin wants asked, and where that is no
    secret, a secret or two that are not required. Without a terminal nobody is asked:
    required secrets become references to the environment, and ConfigError names all
    else that is missing.
    """
    answers = Answers()
    for text in given:
        _take(questions, answers, text)
    left = [s for s in questions.settings if not answers.has(s)]
    for setting in (s for s in left if s.secret):
        if questions.is_set(questions.variable(setting.path)):
            note(f"{questions.variable(setting.path)} is set already, and is used")
            _leave_secret(questions, answers, setting.path)
    left = [s for s in left if not answers.has(s)]
    missing = [s for s in left if s.required]
    if sys.stdin.isatty():
        _ask_all(questions, answers, [*missing, *_worth_asking(left)])
    else:
        _refer(questions, answers, missing)
    return answers


def _worth_asking(settings: Sequence[Setting]) -> list[Setting]:
    """Choose among optional settings; a plugin says best which of its secrets is it."""
    optional = [s for s in settings if not s.required]
    asked = [s for s in optional if s.asked]
    others = [s for s in optional if s.secret and not s.asked]
    is_choice = len(others) > _OPTIONAL_SECRETS or any(s.secret for s in asked)
    return asked if is_choice else [*others, *asked]


def say_what_is_unknown(questions: Questions, answers: Answers) -> None:
    """Tell of settings that the plugin does not declare: it may take them yet."""
    known = {setting.path[0] for setting in questions.settings}
    for name in {path[0] for path in answers.values} - known:
        hint = did_you_mean(name, known) or ""
        note(f"note: `{name}` is none of its declared settings. {hint}".rstrip())


def ask(label: str, *, hidden: bool = False, default: str = "") -> str:
    """Ask one question on stderr; an empty answer gives the default."""
    answered: str = typer.prompt(
        label, default=default, show_default=False, hide_input=hidden, err=True
    )
    return answered.strip()


def _take(questions: Questions, answers: Answers, text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(
            f"`--set {text}` is not `KEY=VALUE`", hint="For example --set user=ann"
        )
    path = _key(key.strip())
    setting = questions.setting(path)
    found = parse(setting, value)
    # A secret of digits alone is text all the same.
    is_text = isinstance(found, int | float) and not isinstance(found, bool)
    if questions.is_secret(path, value) and (setting is not None or is_text):
        _keep(questions, answers, path, value)
        return
    for inner, leaf in _leaves(path, found):
        _keep(questions, answers, inner, leaf)


def _leaves(path: Path_, value: object) -> Iterator[tuple[Path_, object]]:
    """Take a table apart, for there may be secrets in it."""
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for key, inner in value.items():
        yield from _leaves((*path, key), inner)


def _keep(questions: Questions, answers: Answers, path: Path_, value: object) -> None:
    is_secret = isinstance(value, str) and questions.is_secret(path, value)
    if is_secret and not REFERENCE.search(str(value)):
        _keep_secret(questions, answers, path, _long_enough(str(value)))
    else:
        answers.values[path] = value


def _key(text: str) -> Path_:
    """Read a dotted key as TOML does, so that a part may stand in quotes."""
    try:
        table: object = tomli.loads(f"{text} = 0")
    except tomli.TOMLDecodeError:
        return tuple(text.split("."))
    path: list[str] = []
    while isinstance(table, dict):
        ((part, table),) = table.items()
        path.append(part)
    return tuple(path)


def _refer(questions: Questions, answers: Answers, missing: Sequence[Setting]) -> None:
    """Do without a person: secrets may come later, other settings may not."""
    for setting in (s for s in missing if s.secret):
        _leave_secret(questions, answers, setting.path)
    others = [setting.name for setting in missing if not setting.secret]
    if others:
        names = " and ".join(f"`{name}`" for name in others)
        flags = " ".join(f"--set {name}=..." for name in others)
        raise ConfigError(
            f"`{questions.name}` needs a value for {names}",
            where="there is no terminal to ask on",
            hint=f"Add {flags}",
        )


def _ask_all(
    questions: Questions, answers: Answers, missing: Sequence[Setting]
) -> None:
    count = sum(setting.required for setting in missing)
    if count:
        note(f"It needs {count} setting{'s' * (count > 1)}. Enter leaves one open.")
    for setting in missing:
        _ask(questions, answers, setting)


def _ask(questions: Questions, answers: Answers, setting: Setting) -> None:
    about = told(setting)
    note(f"\n{about}" if about else "")
    if setting.secret:
        _ask_secret(questions, answers, setting)
    elif setting.entry:
        _ask_entries(answers, setting)
    else:
        _ask_value(answers, setting, setting.path)


def _ask_value(answers: Answers, setting: Setting, path: Path_) -> None:
    hint = {"list": " (a, b, c)", "boolean": " (true or false)"}.get(setting.kind, "")
    label = f"{setting.name}{hint}" + ("" if setting.required else ", or Enter")
    value = _until_right(label, lambda text: parse(setting, _without_references(text)))
    if value is not None:
        answers.values[path] = value
    elif setting.required:
        answers.open.append(".".join(path))


def _ask_secret(questions: Questions, answers: Answers, setting: Setting) -> None:
    remark = "not shown" if setting.required else "optional, not shown"
    value = _until_right(f"{setting.name} ({remark})", _long_enough, hidden=True)
    if value is None and setting.required:
        _leave_secret(questions, answers, setting.path)
    elif value is not None:
        _keep_secret(questions, answers, setting.path, str(value))


def _ask_entries(answers: Answers, setting: Setting) -> None:
    """Ask for tables by names of the person's choice, as long as there is one more."""
    label = f"{setting.name}: a name"
    count = 0
    while name := ask(label):
        count += 1
        for inner in (each for each in setting.entry if each.required or each.asked):
            note(f"  {inner.description}")
            _ask_value(answers, inner, (*setting.path, name, *inner.path))
        label = f"{setting.name}: another name, or Enter"
    if not count:
        answers.open.append(setting.name)


def _until_right(
    label: str, read: Callable[[str], object], *, hidden: bool = False
) -> object:
    """Ask until the answer can be read; None for an empty one."""
    while text := ask(label, hidden=hidden):
        try:
            return read(text)
        except ConfigError as error:
            note(f"  {error.what}. {error.hint or ''}".rstrip())
    return None


def _long_enough(secret: str) -> str:
    if len(secret.strip()) < SHORTEST:
        raise ConfigError(
            f"a secret has at least {SHORTEST} characters",
            hint="A shorter one cannot be struck out of logs",
        )
    return secret


def _without_references(text: str) -> str:
    """Let `${` be text, as a person means it, where it refers to no secret."""
    if all(flaw(reference) is None for reference in REFERENCE.finditer(text)):
        return text
    return text.replace("${", "$${")


def _leave_secret(questions: Questions, answers: Answers, path: Path_) -> None:
    variable = questions.variable(path)
    answers.values[path] = f"${{env:{variable}}}"
    if not questions.is_set(variable):
        answers.unset.append(variable)


def _keep_secret(
    questions: Questions, answers: Answers, path: Path_, secret: str
) -> None:
    variable = questions.variable(path)
    reference = f"${{env:{variable}}}"
    if reference in (questions.root / FILE_NAME).read_text("utf-8"):
        raise ConfigError(
            f"the secret `{variable}` is used by another table of {FILE_NAME} already",
            hint="Choose a name that differs by more than `-`, `_` and capitals",
        )
    answers.values[path] = reference
    answers.secrets[variable] = secret


def secrets_environment(answers: Answers) -> Mapping[str, str]:
    """Give the environment with what is about to be written into `.env`."""
    return {**answers.secrets, **os.environ}
