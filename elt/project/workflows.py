"""The workflows that `elt ci init` writes: a run each night, on GitHub or GitLab."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution, version
from pathlib import Path
from shlex import quote
from typing import Any, Literal
from urllib.parse import unquote

from msgspec import to_builtins

from elt.project.references import REFERENCE
from elt.project.remote import extra_of
from elt.project.settings import BASE_ENVIRONMENT, Project
from elt.project.workflow_texts import (
    GITHUB,
    GITHUB_FETCH_CACHE,
    GITHUB_FILE,
    GITHUB_KEEP_CACHE,
    GITHUB_PULL,
    GITHUB_PUSH,
    GITLAB,
    GITLAB_AFTER,
    GITLAB_CACHE,
    GITLAB_STORAGE,
)

Place = Literal["github", "gitlab"]

_EXTRAS = ("mysql", "postgres")  # plugins of destinations that need more packages
# What fsspec's packages look for in the environment, by our extra.
_CREDENTIALS: dict[str, tuple[str, ...]] = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "azure": ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"),
}
# Google's is a file, and the variable says where it lies.
_GOOGLES = "GOOGLE_APPLICATION_CREDENTIALS"
_GOOGLES_FILE = ".elt/google-credentials.json"


@dataclass(frozen=True, slots=True)
class Needed:
    """The secrets that elt.toml refers to: environment variables, and files."""

    variables: tuple[str, ...]
    files: tuple[str, ...]


def needed_secrets(project: Project) -> Needed:
    """Find what the project as it is in its environment refers to."""
    tables = to_builtins(project.file)
    tables.pop("environments", None)  # the chosen one is laid over already
    found = dict.fromkeys(_references(tables))
    return Needed(
        variables=tuple(name for kind, name in found if kind == "env"),
        files=tuple(name for kind, name in found if kind == "file"),
    )


def _references(value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            for reference in REFERENCE.finditer(value):
                kind, _, name = (reference.group(1) or "").partition(":")
                yield kind, name
        case dict():
            yield from (each for below in value.values() for each in _references(below))
        case list():
            yield from (each for below in value for each in _references(below))
        case _:
            pass


def secret_name(variable: str) -> str:
    """Name the CI's secret for a variable; GitHub keeps `GITHUB_...` for itself."""
    return f"ELT_{variable}" if variable.upper().startswith("GITHUB_") else variable


def file_secret_name(path: str) -> str:
    """Name the CI's secret that holds a file: `keys/crm.json` is `KEYS_CRM_JSON`."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", path).strip("_").upper()
    return secret_name(plain if plain[:1].isalpha() else f"FILE_{plain}")


def storage_secrets(url: str) -> tuple[str, ...]:
    """Name the CI's secrets that open a place in object storage."""
    extra = extra_of(url) or ""
    return (_GOOGLES,) if extra == "gcs" else _CREDENTIALS.get(extra, ())


def workflow(project: Project, place: Place, top: Path, storage: str = "") -> str:
    """Write the text of a workflow; `top` is the folder of the repository.

    The warehouse is kept in a cache of the CI, or in the object storage that is named.
    """
    known = _Known(project, _inside(project.root, top), storage)
    return known.github() if place == "github" else known.gitlab()


def _inside(folder: Path, top: Path) -> str:
    found = folder.resolve().relative_to(top.resolve()).as_posix()
    return "" if found == "." else found


@dataclass(frozen=True, slots=True)
class _Known:
    project: Project
    folder: str  # as seen from the repository's; empty where it is the same
    storage: str

    @property
    def name(self) -> str:
        return re.sub(r"[^A-Za-z0-9_-]+", "-", f"elt-{self.project.name}")

    def path(self, path: str) -> str:
        return f"{self.folder}/{path}" if self.folder else path

    def kept(self) -> list[str]:
        """Name what a later run goes on from; the ends stand for `.wal` files."""
        warehouse = self.project.file.warehouse.path
        here = warehouse if Path(warehouse).is_absolute() else self.path(warehouse)
        return [f"{here}*", self.path(".elt/elt.db*")]

    def environment(self) -> str:
        chosen = self.project.environment
        return "" if chosen == BASE_ENVIRONMENT else f" --env {chosen}"

    def run(self) -> str:
        return f"elt run{self.environment()} --junit elt-junit.xml --json"

    def pull(self) -> str:
        return f"elt pull {quote(self.storage)}{self.environment()}"

    def push(self) -> str:
        return f"elt push {quote(self.storage)}{self.environment()}"

    def install(self) -> list[str]:
        stored = extra_of(self.storage)
        if (self.project.root / "requirements.txt").exists():
            lines = ["pip install -r requirements.txt"]
            lines += [f'pip install "elt-toolkit[{stored}]"'] if stored else []
        else:
            lines = [f'pip install "elt-toolkit{self._extras()}=={_elt_version()}"']
        file = self.project.file
        packages = [tap.package for tap in file.taps.values()]
        packages += [target.package for target in file.targets.values()]
        if any(packages):
            lines.append("elt install")
        return lines

    def _extras(self) -> str:
        plugins = {table.plugin for table in self.project.file.destinations.values()}
        needed = [name for name in _EXTRAS if name in plugins]
        needed += [stored] if (stored := extra_of(self.storage)) else []
        return f"[{','.join(needed)}]" if needed else ""

    def github(self) -> str:
        needed = needed_secrets(self.project)
        names = {name: secret_name(name) for name in needed.variables}
        files = {path: file_secret_name(path) for path in needed.files}
        if _GOOGLES in storage_secrets(self.storage):
            files[_GOOGLES_FILE] = _GOOGLES
        return GITHUB.format(
            name=self.name,
            folder=_quoted(self.folder or "."),
            secrets=_lines(_github_variables(names), 6),
            install=_lines(self.install(), 10),
            files=_github_files(files),
            fetch=self._github_step(GITHUB_PULL, self.pull(), GITHUB_FETCH_CACHE),
            run=self.run(),
            keep=self._github_step(GITHUB_PUSH, self.push(), GITHUB_KEEP_CACHE),
            left=_lines([self.path("elt-junit.xml"), self.path("elt-result.json")], 12),
        )

    def _github_step(self, stored: str, run: str, cached: str) -> str:
        if not self.storage:
            return cached.format(name=self.name, kept=_lines(self.kept(), 12))
        secrets = _github_storage_variables(storage_secrets(self.storage))
        return stored.format(secrets=secrets, run=_quoted(run))

    def gitlab(self) -> str:
        needed = needed_secrets(self.project)
        files = {path: file_secret_name(path) for path in needed.files}
        stored = storage_secrets(self.storage)
        plain = (*needed.variables, *(name for name in stored if name != _GOOGLES))
        # GitLab gives a variable that is a file as the path of the file.
        as_files = (*files.values(), *(name for name in stored if name == _GOOGLES))
        names = [*plain, *(f"{name} (a file)" for name in as_files)]
        prepare = [_required(name) for name in (*plain, *as_files)]
        prepare += [
            f'mkdir -p {_folder_of(path)} && cp "${name}" {quote(path)}'
            for path, name in files.items()
        ]
        prepare += [*self.install(), *([self.pull()] if self.storage else [])]
        return GITLAB.format(
            name=self.name,
            secrets="".join(f"#       {name}\n" for name in names) or "#       none\n",
            cache=self._gitlab_cache(),
            prepare=_items([*self._enter(), *prepare], 4),
            script=_items(self._gitlab_script(), 4),
            after=self._gitlab_after(),
            junit=_quoted(self.path("elt-junit.xml")),
            result=_quoted(self.path("elt-result.json")),
        )

    def _enter(self) -> list[str]:
        return [f"cd {quote(self.folder)}"] if self.folder else []

    def _gitlab_cache(self) -> str:
        if self.storage:
            return GITLAB_STORAGE
        return GITLAB_CACHE.format(name=self.name, kept=_items(self.kept(), 6))

    def _gitlab_script(self) -> list[str]:
        run = f"{self.run()} $ARGUMENTS > elt-result.json"
        if not self.storage:
            return [run]
        # Pushed after a failure too; of two exit codes the run's is told.
        return [
            f"{run} || ended=$?",
            f"{self.push()} || exit ${{ended:-$?}}",
            "exit ${ended:-0}",
        ]

    def _gitlab_after(self) -> str:
        if not self.storage:
            return ""
        push = f'if [ "$CI_JOB_STATUS" = canceled ]; then {self.push()}; fi'
        return GITLAB_AFTER.format(lines=_items([*self._enter(), push], 4))


def _elt_version() -> str:
    return version("elt-toolkit")


def installed_from() -> str:
    """Say where elt was installed from; empty where it came from an index."""
    text = distribution("elt-toolkit").read_text("direct_url.json")
    origin: dict[str, Any] = json.loads(text) if text else {}
    url = str(origin.get("url", ""))
    match origin.get("vcs_info"):
        case {"vcs": kind, "commit_id": commit}:
            return f"{kind}+{url}@{commit}"
        case _:
            return unquote(url.removeprefix("file://"))


def _github_variables(names: dict[str, str]) -> Iterator[str]:
    for variable, secret in names.items():
        yield f"{variable}: {_secret(secret)}"
    # A text, so that what somebody types is never taken for a part of the script.
    yield "ARGUMENTS: ${{ inputs.arguments }}"


def _github_storage_variables(names: Sequence[str]) -> str:
    """Write the `env` of a step: only what opens the storage sees its secrets."""
    if not names:
        return ""
    lines = (
        f"{name}: {_GOOGLES_FILE if name == _GOOGLES else _secret(name)}"
        for name in names
    )
    return f"        env:\n{_lines(lines, 10)}\n"


def _secret(name: str) -> str:
    return f"${{{{ secrets.{name} }}}}"


def _github_files(files: dict[str, str]) -> str:
    steps = (
        GITHUB_FILE.format(
            title=_quoted(f"Write {path}"),
            folder=_folder_of(path),
            path=quote(path),
            name=name,
        )
        for path, name in files.items()
    )
    return "".join(steps)


def _folder_of(path: str) -> str:
    return quote(Path(path).parent.as_posix())


def _required(name: str) -> str:
    return f': "${{{name}:?Set it under Settings > CI/CD > Variables}}"'


def _lines(lines: Iterable[str], indent: int) -> str:
    return "\n".join(" " * indent + line for line in lines)


def _items(lines: Sequence[str], indent: int) -> str:
    return _lines((f"- {_quoted(line)}" for line in lines), indent)


def _quoted(text: str) -> str:
    """Quote a text for YAML, which reads JSON's texts too."""
    return json.dumps(text, ensure_ascii=False)
