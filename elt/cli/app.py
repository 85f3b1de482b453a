"""The `elt` command: its options, its commands, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperGroup

from elt.cli import (
    backfill,
    backup,
    check,
    clean,
    compact,
    dbt,
    demo,
    doctor,
    exchange,
    failures,
    init,
    install,
    plan,
    plugins,
    query,
    retry,
    run,
    runs,
    schema,
    status,
)
from elt.cli.options import examples_text
from elt.errors import EltError, of_the_disk

# As a shell shows a program that SIGPIPE ended: `elt query ... | head`.
READER_GONE_EXIT_CODE = 141
INTERRUPTED_EXIT_CODE = 130
_DUCKDBS_CTRL_C = "Query interrupted"  # a RuntimeError in place of KeyboardInterrupt

Command = Callable[..., None]


class Commands(TyperGroup):
    """The group of all commands; quiet when whoever read the output has left."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Python would complain again when it flushes stdout at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(READER_GONE_EXIT_CODE) from None
        return result


class Group(TyperGroup):
    """Commands of one first word, imported when one of them is asked for."""

    of: ClassVar[tuple[str, ...]] = ()

    _loaded: Any = None

    @property
    def commands(self) -> Any:
        self._loaded = self._loaded or self._load()
        return self._loaded

    @commands.setter
    def commands(self, commands: object) -> None:
        """Take none: typer knows of none when it makes the group."""

    def _load(self) -> Any:
        found = [_found(address) for address in self.of]
        made = typer.Typer(rich_markup_mode=None)
        made.callback()(lambda: None)  # without it, a single command is no group
        for command in found:
            _add(made, command)
        self.epilog = self.epilog or examples_text(found[0])
        commands: Any = typer.main.get_command(made)
        return commands.commands


def _found(address: str) -> Command:
    module, _, function = address.partition(".")
    command: Command = getattr(import_module(f"elt.cli.{module}"), function)
    return command


def main(arguments: Sequence[str]) -> int:
    """Run one command line; print what failed; give the exit code."""
    command = _command()
    try:
        # Anything but an int is what a command returned: nothing of interest.
        code = command.main([*arguments], prog_name="elt", standalone_mode=False)
    except EltError as error:
        return failures.report(error)
    except failures.UsageError as error:
        return failures.report_usage(error)
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED_EXIT_CODE
    except Exception as error:  # noqa: BLE001  the last place that can explain it
        if str(error) == _DUCKDBS_CTRL_C:
            return INTERRUPTED_EXIT_CODE
        full = of_the_disk(error)
        if full is not None:
            return failures.report(full)
        return failures.report_unexpected(error, _project_argument(arguments))
    return code if isinstance(code, int) else 0


@cache  # for who runs several in one process, as tests do
def _command() -> Any:
    return typer.main.get_command(app)


def elt(
    context: typer.Context,
    project: Annotated[
        Path | None,
        typer.Option(
            "-C",
            "--project",
            metavar="DIR",
            help="Folder of the project; otherwise the one around this folder.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.")
    ] = False,
) -> None:
    """Take your tools' data to a warehouse, through dbt, and back into your tools."""
    if version:
        from importlib.metadata import version as installed

        sys.stdout.write(f"elt {installed('elt-toolkit')}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stdout.write(f"{context.get_help()}\n")
    context.obj = project


def _project_argument(arguments: Sequence[str]) -> Path | None:
    for option, value in pairwise(arguments):
        if option in {"-C", "--project"}:
            return Path(value)
    return None


def _app() -> typer.Typer:
    made = typer.Typer(
        name="elt",
        cls=Commands,
        rich_markup_mode=None,  # rich costs as much again as typer
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="\b\nFirst steps:\n"
        "  elt demo            a small company, made up, loaded and synced here\n"
        "  elt init NAME       a project of your own\n",
    )
    made.callback(invoke_without_command=True)(elt)
    for command in _commands():
        _add(made, command)
    made.add_typer(_runs(), name="runs")
    for name in GROUPS:
        made.add_typer(_group(name), name=name)
    # From the first word on, everything is dbt's: `elt dbt build --help` too.
    passed_on = {"ignore_unknown_options": True, "allow_interspersed_args": False}
    _add(made, dbt.dbt, context_settings=passed_on)
    return made


def _group(name: str) -> typer.Typer:
    about, addresses = GROUPS[name]

    class Named(Group):
        of = addresses

    return typer.Typer(
        cls=Named, rich_markup_mode=None, no_args_is_help=True, help=about
    )


def _runs() -> typer.Typer:
    """Make the one group that is a command by itself, too."""

    class Named(Group):
        of = RUNS

    about = examples_text(runs.runs)
    made = typer.Typer(cls=Named, rich_markup_mode=None, epilog=about)
    made.callback(invoke_without_command=True)(runs.runs)
    return made


def _add(
    made: typer.Typer,
    command: Command,
    context_settings: dict[str, Any] | None = None,
) -> None:
    # Python's own words may not be shadowed: `list_` is the command `list`.
    name = command.__name__.rstrip("_").replace("_", "-")
    made.command(
        name, epilog=examples_text(command), context_settings=context_settings
    )(command)


def _commands() -> tuple[Command, ...]:
    """Give the commands in the order of a first day with elt."""
    first: tuple[Command, ...] = (demo.demo, init.init, check.check, plan.plan, run.run)
    then: tuple[Command, ...] = (
        retry.retry,
        backfill.backfill,
        status.status,
        runs.logs,
        query.query,
    )
    care: tuple[Command, ...] = (
        doctor.doctor,
        clean.clean,
        compact.compact,
        backup.backup,
        backup.restore,
        exchange.pull,
        exchange.push,
    )
    return (*first, *then, install.install, plugins.plugins, *care, schema.schema)


# Commands of two words, by the first: what the group is for, and its second words with
# their modules, which are imported only when the first word has been said.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "add": (
        "Add a tap, a target or a destination to elt.toml.",
        ("add.tap", "add.target", "add.destination"),
    ),
    "ci": ("Let GitHub or GitLab run the project.", ("ci.init",)),
    "import": ("Take over a project of another tool.", ("import_.meltano",)),
    "tap": (
        "Look into taps: what they offer, what is chosen.",
        ("tap.discover", "tap.select", "tap.preview", "tap.test_", "tap.diff"),
    ),
    "rejects": (
        "Records that were set aside: look at them, load them again.",
        ("rejects.list_", "rejects.show", "rejects.retry", "rejects.drop"),
    ),
    "state": (
        "How far each tap has been read: look, and change it.",
        (
            "state.list_",
            "state.show",
            "state_changes.set_",
            "state_changes.reset",
            "state.history",
            "state_changes.undo",
            "state.export",
            "state_changes.import_",
        ),
    ),
    "sync": ("Look into single syncs.", ("sync.plan",)),
    "testing": (
        "Vendors' APIs, played on this machine, to try things on.",
        ("testing.serve",),
    ),
}

# What can be said behind `elt runs`.
RUNS = (
    "run_detail.show",
    "runs.result",
    "run_marks.mark",
    "run_marks.clear",
    "run_marks.undo",
    "run_detail.changes",
)

app = _app()
