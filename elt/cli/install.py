"""`elt install`: the packages of taps and targets, before a run needs them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elt.cli import completion, failures
from elt.cli.options import (
    AsJson,
    Environment,
    examples,
    note,
    open_project,
    print_json,
)
from elt.errors import ConfigError, EltError

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.singer.installed import Installed
    from elt.singer.packages import Package
    from elt.singer.process import OnLine

_SIDE_BY_SIDE = 4


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of one package; `changes` are the versions that are new."""

    package: Package
    installed: Installed | None = None
    changes: tuple[str, ...] = ()
    error: EltError | None = None


@examples(
    ("elt install", "all packages, at the versions of locks/"),
    ("elt install github", "one tap's or target's"),
    ("elt install --upgrade", "the newest that elt.toml allows; renews the locks"),
)
def install(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Taps and targets; nothing: all that have a `package`.",
            show_default=False,
            autocompletion=completion.packages,
        ),
    ] = None,
    *,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", help="Find versions anew, write the locks.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Install again what is there already.")
    ] = False,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Install the packages of taps and targets.

    A run installs what it needs by itself; this does it beforehand, for a container's
    image or for CI. Needs no secrets. Exit codes: 0 all are there, 2 something to
    mend, 75 the index cannot be reached.
    """
    project = open_project(context, environment)
    chosen = _chosen(project, names or [])
    outcomes = _install_all(project, chosen, renew=upgrade, again=force)
    if as_json:
        print_json([_document(outcome) for outcome in outcomes])
    raise typer.Exit(_tell(outcomes, is_json=as_json))


def _chosen(project: Project, names: Sequence[str]) -> list[Package]:
    """Find the packages meant; a name may begin with `tap:` or `target:`."""
    from elt.project.nearest import did_you_mean
    from elt.singer.packages import packages_of

    packages = packages_of(project)
    known = {*project.file.taps, *project.file.targets}
    known |= {f"tap:{tap}" for tap in project.file.taps}
    known |= {f"target:{target}" for target in project.file.targets}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"there is no tap or target `{name}`",
                hint=did_you_mean(name, {*project.file.taps, *project.file.targets}),
            )
    asked = {*names} or known
    chosen = [p for p in packages if {p.name, f"{p.kind}:{p.name}"} & asked]
    for name in names:
        if not any(name in {p.name, f"{p.kind}:{p.name}"} for p in chosen):
            note(f"{name}: nothing to install, it has no `package`")
    return chosen


def _install_all(
    project: Project, packages: Sequence[Package], *, renew: bool, again: bool
) -> list[_Outcome]:
    from elt.project.secrets import Secrets
    from elt.runner.alone import alone

    environ = Secrets(project.root).environ
    saying = threading.Lock()

    def one(package: Package) -> _Outcome:
        def on_line(text: str) -> None:
            with saying:
                note(f"{package.kind}:{package.name}  {text}")

        return _install_one(package, environ, on_line, renew=renew, again=again)

    # A tap that runs must keep its files: a run and this never go side by side.
    with alone(project, "elt install"):
        pool = ThreadPoolExecutor(_SIDE_BY_SIDE)
        try:
            return list(pool.map(one, packages))
        finally:
            pool.shutdown(cancel_futures=True)


def _install_one(
    package: Package, environ: Mapping[str, str], on_line: OnLine, **how: bool
) -> _Outcome:
    from elt.singer.environments import ensure
    from elt.singer.installed import Installed, look
    from elt.singer.programs import program_in

    try:
        before = look(package)
        installed = ensure(package, environ=environ, on_line=on_line, **how)
        program_in(package, installed)
    except EltError as error:
        return _Outcome(package, error=error)
    if isinstance(before, Installed):
        changes = tuple(_changes(before.pins, installed.pins))
        return _Outcome(package, installed, changes)
    return _Outcome(package, installed)


def _changes(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Say which versions are not what they were: `requests 2.31 -> 2.32`."""
    old, new = (
        dict(pin.split("==") for pin in pins if "==" in pin) for pins in (before, after)
    )
    return [
        f"{name} {old.get(name, 'new')} -> {new.get(name, 'gone')}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _tell(outcomes: Sequence[_Outcome], *, is_json: bool) -> int:
    """Say what is there now and what failed; give the exit code."""
    if not outcomes:
        note("Nothing to install: no tap or target here has a `package`")
    codes = {0}
    for outcome in outcomes:
        if outcome.error is not None:
            note("")
            codes.add(failures.report(_named(outcome.package, outcome.error)))
        elif not is_json:
            _tell_installed(outcome)
    # What has to be mended comes before what only has to be waited for.
    return next(code for code in (130, 1, 2, 75, 0) if code in codes)


def _tell_installed(outcome: _Outcome) -> None:
    package, installed = outcome.package, outcome.installed
    assert installed is not None  # noqa: S101  there was no error
    name = f"{package.kind}:{package.name}"
    note(f"{name}  {installed.distribution} {installed.version} is there")
    for change in outcome.changes:
        note(f"{name}    {change}")


def _named(package: Package, error: EltError) -> EltError:
    error.what = f"{package.kind} `{package.name}`: {error.what}"
    return error


def _document(outcome: _Outcome) -> dict[str, Any]:
    package, installed = outcome.package, outcome.installed
    return {
        "kind": package.kind,
        "name": package.name,
        "package": package.spec.text,
        "distribution": installed.distribution if installed else None,
        "version": installed.version if installed else None,
        "folder": installed.home if installed else None,
        "changes": list(outcome.changes),
        "error": outcome.error.what if outcome.error else None,
    }
