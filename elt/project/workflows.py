"""The workflows that `elt ci init` writes: a run each night, on GitHub or GitLab."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from shlex import quote
from typing import Any, Literal

from msgspec import to_builtins

from elt.project.references import REFERENCE
from elt.project.settings import BASE_ENVIRONMENT, Project

Place = Literal["github", "gitlab"]

_EXTRAS = ("mysql", "postgres")  # plugins of destinations that need more packages


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


def workflow(project: Project, place: Place, top: Path) -> str:
    """Write the text of a workflow; `top` is the folder of the repository."""
    known = _Known(project, _inside(project.root, top))
    return known.github() if place == "github" else known.gitlab()


def _inside(folder: Path, top: Path) -> str:
    found = folder.resolve().relative_to(top.resolve()).as_posix()
    return "" if found == "." else found


@dataclass(frozen=True, slots=True)
class _Known:
    project: Project
    folder: str  # as seen from the repository's; empty where it is the same

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

    def run(self) -> str:
        chosen = self.project.environment
        environment = "" if chosen == BASE_ENVIRONMENT else f" --env {chosen}"
        return f"elt run{environment} --junit elt-junit.xml --json"

    def install(self) -> list[str]:
        if (self.project.root / "requirements.txt").exists():
            lines = ["pip install -r requirements.txt"]
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
        return f"[{','.join(needed)}]" if needed else ""

    def github(self) -> str:
        needed = needed_secrets(self.project)
        names = {name: secret_name(name) for name in needed.variables}
        files = {path: file_secret_name(path) for path in needed.files}
        return _GITHUB.format(
            name=self.name,
            folder=_quoted(self.folder or "."),
            secrets=_lines(_github_variables(names), 6),
            install=_lines(self.install(), 10),
            files=_github_files(files),
            memory=_GITHUB_MEMORY,
            kept=_lines(self.kept(), 12),
            run=self.run(),
            left=_lines([self.path("elt-junit.xml"), self.path("elt-result.json")], 12),
        )

    def gitlab(self) -> str:
        needed = needed_secrets(self.project)
        files = {path: file_secret_name(path) for path in needed.files}
        names = [*needed.variables, *(f"{name} (a file)" for name in files.values())]
        prepare = [f"cd {_quoted(self.folder)}"] if self.folder else []
        prepare += [_required(name) for name in (*needed.variables, *files.values())]
        prepare += [
            f'mkdir -p {_folder_of(path)} && cp "${name}" {quote(path)}'
            for path, name in files.items()
        ]
        return _GITLAB.format(
            name=self.name,
            secrets="".join(f"#       {name}\n" for name in names) or "#       none\n",
            prepare=_items([*prepare, *self.install()], 4),
            kept=_items(self.kept(), 6),
            run=_quoted(f"{self.run()} $ARGUMENTS > elt-result.json"),
            junit=_quoted(self.path("elt-junit.xml")),
            result=_quoted(self.path("elt-result.json")),
        )


def _elt_version() -> str:
    return version("elt-toolkit")


def _github_variables(names: dict[str, str]) -> Iterator[str]:
    for variable, secret in names.items():
        yield f"{variable}: ${{{{ secrets.{secret} }}}}"
    # A text, so that what somebody types is never taken for a part of the script.
    yield "ARGUMENTS: ${{ inputs.arguments }}"


def _github_files(files: dict[str, str]) -> str:
    steps = (
        _GITHUB_FILE.format(
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


_GITHUB = """\
# Written by `elt ci init github`; yours to change.
name: {name}

on:
  schedule:
    # In UTC. GitHub starts schedules late when it is busy, at full hours most of all,
    # and switches them off after 60 days without a commit.
    - cron: "17 5 * * *"
  workflow_dispatch:
    inputs:
      arguments:
        description: "More for `elt run`, as `tap:crm+ --full-refresh`, or `--first`"
        default: ""

permissions:
  contents: read

# Never two runs side by side: a second one waits, and none is stopped half-way.
concurrency:
  group: {name}
  cancel-in-progress: false

jobs:
  run:
    runs-on: ubuntu-latest
    timeout-minutes: 120
    defaults:
      run:
        working-directory: {folder}
    env:
{secrets}
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-python@v6
        with:
          python-version: "3.12"
      - name: Install
        run: |
{install}
{files}{memory}      - name: Fetch the warehouse
        uses: actions/cache/restore@v4
        with:
          path: |
{kept}
          key: {name}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
          restore-keys: {name}-
      - name: elt run
        # `exec`: the signal of a cancelled workflow reaches elt, not only the shell.
        run: exec {run} $ARGUMENTS > elt-result.json
      - name: Keep the warehouse
        # After a failure too: what was committed is not read again.
        if: always()
        uses: actions/cache/save@v4
        with:
          path: |
{kept}
          key: {name}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
      - name: Keep the result
        if: always()
        uses: actions/upload-artifact@v4
        with:
          name: elt-result
          path: |
{left}
"""
_GITHUB_MEMORY = """\
      # The warehouse holds rows, bookmarks and what syncs have sent, and goes from run
      # to run in a cache. GitHub deletes a cache that was not used for 7 days, or when
      # the repository's caches grow beyond their limit. What is lost then: the next run
      # reads every source from its start, history that a source no longer has is gone,
      # and syncs stop (exit code 3) until a run is started with `--first`. Whoever can
      # run a workflow on a pull request here can read the cache. If that is not good
      # enough, run elt where the file stays, on a machine of your own.
"""
_GITHUB_FILE = """\
      - name: {title}
        env:
          CONTENT: ${{{{ secrets.{name} }}}}
        run: |
          umask 077
          mkdir -p {folder}
          printf '%s\\n' "$CONTENT" > {path}
"""
_GITLAB = """\
# Written by `elt ci init gitlab`; yours to change. It needs:
#
#   a schedule, under Build > Pipeline schedules
#   variables, masked and protected, under Settings > CI/CD > Variables:
{secrets}#
elt:
  image: python:3.12-slim
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule"
    - if: $CI_PIPELINE_SOURCE == "web"
  # Never two runs side by side: a second one waits for the first.
  resource_group: {name}
  timeout: 2h
  variables:
    ARGUMENTS: ""  # of a run by hand: `tap:crm+ --full-refresh`, or `--first`
  # The warehouse holds rows, bookmarks and what syncs have sent, and goes from run to
  # run in a cache. A cache is no promise: runners that share none, or somebody who
  # clears it, lose it. The next run then reads every source from its start, history
  # that a source no longer has is gone, and syncs stop (exit code 3) until a run is
  # started with `--first`. If that is not good enough, run elt where the file stays, on
  # a machine of your own.
  cache:
    key: {name}
    when: always
    paths:
{kept}
  before_script:
{prepare}
  script:
    - {run}
  artifacts:
    when: always
    expire_in: 30 days
    paths:
      - {result}
    reports:
      junit: {junit}
"""
