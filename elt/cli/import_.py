"""`elt import`: a project of another tool, taken over into an elt.toml."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli.options import examples, say
from elt.errors import ConfigError

if TYPE_CHECKING:
    from elt.project.meltano.project import Imported
    from elt.project.meltano.source import Source
    from elt.project.meltano.states import State

StateFiles = Sequence[tuple["State", Path]]

STATES = "meltano-state"


@examples(
    ("elt import meltano .", "an elt.toml beside this meltano.yml"),
    ("elt import meltano old --into new", "into another folder"),
    ("elt import meltano . --warehouse", "load into DuckDB in place of the loaders"),
)
def meltano(
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="The folder of meltano.yml, or that file."),
    ],
    into: Annotated[
        Path | None,
        typer.Option("--into", metavar="DIR", help="Where elt.toml goes; else beside."),
    ] = None,
    *,
    to_warehouse: Annotated[
        bool,
        typer.Option(
            "--warehouse", help="Let all taps load into DuckDB, whatever the loaders."
        ),
    ] = False,
    states: Annotated[
        list[Path] | None,
        typer.Option(
            "--state",
            metavar="FILE",
            help="What `meltano state get ID > ID.json` wrote. May be repeated.",
        ),
    ] = None,
) -> None:
    """Write an elt.toml from a meltano.yml.

    It says what it could not take over.

    Nothing of the Meltano project is changed but its `.env` and `.gitignore`, and these
    only where elt.toml stands beside meltano.yml.
    """
    from elt.project.meltano.project import import_project
    from elt.project.meltano.source import read_source
    from elt.project.meltano.states import read_states

    source = read_source(path)
    folder = (into or source.root).resolve()
    _refuse_known(folder)
    found = read_states(source, _existing(states or ()))
    imported = import_project(source, folder, to_warehouse=to_warehouse)
    files = _write(source, imported, found, folder)
    _report(source, imported, folder)
    _report_states(source, imported, files)
    _say_next(source, imported, files, folder)


def _refuse_known(folder: Path) -> None:
    if (folder / "elt.toml").exists():
        raise ConfigError(
            "there is an elt.toml already, and it is not written over",
            where=str(folder / "elt.toml"),
            hint="Move it away, or import into another folder with `--into DIR`",
        )


def _existing(files: Sequence[Path]) -> Sequence[Path]:
    for file in files:
        if not file.exists():
            raise ConfigError(
                f"there is no file `{file}`",
                hint="Write one: `meltano state get ID > ID.json`",
            )
    return files


def _write(
    source: Source, imported: Imported, states: Sequence[State], folder: Path
) -> StateFiles:
    """Write states and secrets, then elt.toml; give the file of each state."""
    from elt.project.atomic import make_folder, write_whole
    from elt.project.dotenv_file import keep_out_of_git, set_variables

    make_folder(folder)
    files = _state_files(imported, states)
    for state, file in files:
        make_folder(folder / file.parent)
        text = json.dumps(state.state, indent=2)
        write_whole(folder / file, f"{text}\n")
    set_variables(folder, _secrets(source, imported, folder))
    write_whole(folder / "elt.toml", imported.text)
    for pattern in (".env", ".elt/", "*.duckdb", "*.duckdb.wal"):
        keep_out_of_git(folder, pattern)
    return files


def _secrets(source: Source, imported: Imported, folder: Path) -> dict[str, str]:
    """Give what `.env` lacks: secrets out of meltano.yml, and another folder's."""
    from elt.project.references import REFERENCE

    secrets = dict(imported.report.secrets)
    if folder != source.root:
        names = (match[1] or "" for match in REFERENCE.finditer(imported.text))
        used = {name.removeprefix("env:") for name in names}
        secrets |= {k: v for k, v in source.dotenv.items() if k in used}
    return secrets


def _state_files(imported: Imported, states: Sequence[State]) -> StateFiles:
    files: list[tuple[State, Path]] = []
    taken: set[str] = set()
    for state in states:
        tap = imported.taps.get(state.tap or "")
        name = ".".join(n for n in (tap, state.environment) if n) if tap else ""
        if not name or name in taken:
            name = _plain(state.id)
        taken.add(name)
        files.append((state, Path(STATES, f"{name}.json")))
    return files


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)


def _report(source: Source, imported: Imported, folder: Path) -> None:
    report = imported.report
    say(f"{source.root / 'meltano.yml'} -> {folder / 'elt.toml'}")
    _section("Taken over", _aligned(report.taken))
    left = [
        line
        for what, hint in report.left.items()
        for line in (what, *([f"    {hint}"] if hint else []))
    ]
    _section("Not taken over", left)
    _section("Schedules: lines for `crontab -e`", report.schedules)
    secrets = [f"{name}, out of meltano.yml" for name in report.secrets]
    _section("Written into .env", secrets)
    missing = sorted(imported.missing)
    _section("Still to be set, in .env or outside", missing)


def _report_states(source: Source, imported: Imported, files: StateFiles) -> None:
    lines = {
        state.id: str(file) + ("" if state.tap in imported.taps else ", of which tap?")
        for state, file in files
    }
    _section("State", _aligned(lines))
    elsewhere = source.settings.get(
        "database_uri", source.settings.get("state_backend")
    )
    if elsewhere and not files:
        _section("State", ["Not found; `meltano state get ID > ID.json` gives it"])


def _say_next(
    source: Source, imported: Imported, files: StateFiles, folder: Path
) -> None:
    from elt.project.meltano.runs import environment_of

    lines = [f"cd {os.path.relpath(folder)}"] if folder != Path.cwd() else []
    lines += ["elt check", "elt plan"]
    goes_on: list[str] = []
    begins: list[str] = []
    for state, file in files:
        tap = imported.taps.get(state.tap or "", "TAP")
        known = state.environment in source.environments
        option = [f"--env {state.environment}"] if known else []
        command = " ".join(["elt state import", str(file), "--tap", tap, *option])
        (goes_on if tap in imported.continued else begins).append(command)
    lines += [*goes_on, " ".join(["elt run", *environment_of(source)])]
    _section("Next", lines)
    if begins:
        _section(
            "Only where you bring the old tables into the new warehouse, before the"
            " run;\notherwise it has no rows from before, and reads everything",
            begins,
        )


def _aligned(pairs: Mapping[str, str]) -> list[str]:
    width = max(map(len, pairs), default=0)
    return [f"{left:<{width}}  {right}" for left, right in pairs.items()]


def _section(title: str, lines: Sequence[str]) -> None:
    if lines:
        say(f"\n{title}")
        for line in lines:
            say(f"  {line}")
