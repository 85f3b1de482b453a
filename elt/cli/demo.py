"""`elt demo`: a small company, made up, loaded, built and synced on this machine."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli.options import examples, note, project_folder
from elt.cli.run import watched_run
from elt.errors import ConfigError

if TYPE_CHECKING:
    from elt.testing.apis.kept import Written
    from elt.testing.company import Exported

DEFAULT_FOLDER = Path("elt-demo")
WRITES = Path("crm", "writes.jsonl")
_DAYS = {"d": 1, "w": 7}


@examples(
    ("elt demo", "make it in ./elt-demo and run it"),
    ("elt demo --advance 7d", "let a week go by there, and run again"),
    ("elt demo shop", "the same in a folder of your choice"),
)
def demo(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR", help="Where; by default ./elt-demo.", show_default=False
        ),
    ] = None,
    *,
    advance: Annotated[
        str | None,
        typer.Option(
            "--advance", metavar="TIME", help="Let time go by first: `7d`, `2w`."
        ),
    ] = None,
) -> None:
    """Make a small company with data; load, build and sync it.

    It needs no account and no network. In a demo that is there already it runs again.
    """
    from elt.project.load import load_project
    from elt.runner.plan import RunRequest

    chosen = folder or _default_folder(project_folder(context) or Path())
    days = _days(advance) if advance else 0
    if is_demo(chosen):
        _tell_of_time(chosen, days)
    else:
        _make(chosen, advance)
    before = len(_written(chosen))
    code = watched_run(load_project(chosen), RunRequest()).exit_code
    if code == 0:
        _tell_what_next(chosen, _written(chosen)[before:])
    raise typer.Exit(code)


def is_demo(folder: Path) -> bool:
    """Say whether a folder has a project with made-up data."""
    return all((folder / name).is_file() for name in ("elt.toml", "data/clock.json"))


def _default_folder(here: Path) -> Path:
    return here if is_demo(here) else here / DEFAULT_FOLDER


def _days(text: str) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,2})([dw])", text.strip().lower())
    if match is None:
        raise typer.BadParameter(
            f"`{text}` is no time: write days or weeks, `7d` or `2w`",
            param_hint="--advance",
        )
    return int(match[1]) * _DAYS[match[2]]


def _make(folder: Path, advance: str | None) -> None:
    from elt.project.scaffold import scaffold
    from elt.testing.company import generate

    if advance:
        raise ConfigError(
            "there is no demo yet whose time could go by",
            where=str(folder),
            hint=f"Make it first: `{_demo_command(folder)}`",
        )
    scaffold(folder, "demo")
    exported = generate(folder / "data")
    note(f"Made {folder}: {_in_words(exported)}\n")


def _tell_of_time(folder: Path, days: int) -> None:
    from elt.testing.company import advance

    if not days:
        note(f"Found {folder}: running it again; `--advance 7d` would add a week\n")
        return
    exported = advance(folder / "data", days=days)
    note(
        f"It is now {exported.today} in {folder};"
        f" {exported.files_written} files are new or changed\n"
    )


def _in_words(exported: Exported) -> str:
    return (
        f"a company with {exported.customers} customers, {exported.invoices:,} invoices"
        f" and {exported.event_lines:,} lines of events,\n"
        f"of which {exported.late} came late, {exported.doubled} twice and"
        f" {exported.broken} is broken"
    )


def _written(folder: Path) -> list[Written]:
    """List the requests that changed something in the demo's HubSpot so far."""
    from elt.testing.apis.kept import written_in

    return written_in(folder / WRITES)


def _tell_what_next(folder: Path, written: Sequence[Written]) -> None:
    note(f"\nHubSpot was sent   {_sent(written)}, see {folder / WRITES}")
    note(f"The warehouse is   {folder / 'warehouse.duckdb'}")
    note(f"The sync's file    {folder / 'exports' / 'customer_list.csv'}")
    note(f"What to look at    {folder / 'README.md'}")
    note("\nTry next:\n")
    activate = Path(sys.prefix, "bin", "activate")
    if shutil.which("elt") is None and activate.exists():
        note(f"  source {shlex.quote(str(activate))}")
    if folder.resolve() != Path.cwd():
        note(f"  cd {shlex.quote(str(folder))}")
    note('  elt query "FROM monthly_recurring_revenue"')
    note("  elt run                  # nothing is new, so nothing is sent")
    note("  elt demo --advance 7d    # a week goes by")


def _sent(written: Sequence[Written]) -> str:
    from elt.report.figures import counted

    if not written:
        return "nothing this time: no score has changed"
    companies = sum(len(json.loads(each.body)["inputs"]) for each in written)
    found = f"{companies} {'company' if companies == 1 else 'companies'}"
    return f"the health of {found} in {counted(len(written), 'request')}"


def _demo_command(folder: Path) -> str:
    if folder == DEFAULT_FOLDER:
        return "elt demo"
    return f"elt demo {shlex.quote(str(folder))}"
