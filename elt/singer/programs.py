"""The programs of foreign taps and targets: on the PATH, by path, or in a package."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from elt.errors import ConfigError
from elt.project.nearest import listed, nearest
from elt.singer.installed import Installed
from elt.singer.packages import Kind, Package


def program_in(package: Package, installed: Installed) -> Path:
    """Choose the program of a package: the one asked for, else the one that fits.

    Raises ConfigError, with the programs there are, when none or several do.
    """
    folder = Path(installed.home) / "bin"
    asked, all_programs = package.executable, installed.programs
    if asked is not None:
        if (folder / asked).is_file():
            return folder / asked
        raise _no_program(f"brings no program `{asked}`", package, installed)
    singer = [name for name in all_programs if name.startswith(f"{package.kind}-")]
    same = [name for name in all_programs if name == installed.distribution]
    chosen = singer if len(singer) == 1 else same
    if not chosen:
        what = f"brings no program `{package.kind}-...`"
        if singer:
            what = f"brings {len(singer)} programs: {listed(singer)}"
        raise _no_program(what, package, installed)
    return folder / chosen[0]


def child_environ(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Give a program of an environment its own world, without ours."""
    path = environ.get("PATH", os.defpath).split(os.pathsep)
    ours = environ.get("VIRTUAL_ENV")
    others = [entry for entry in path if not ours or entry != str(Path(ours, "bin"))]
    left_out = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH"}
    kept = {name: value for name, value in environ.items() if name not in left_out}
    return {**kept, "PATH": os.pathsep.join([str(home / "bin"), *others])}


def _no_program(what: str, package: Package, installed: Installed) -> ConfigError:
    there = installed.programs
    hint = "Is this the right package? It brings no program at all"
    if there:
        meant = nearest(package.executable or "", there) or there[0]
        hint = f'Write `executable = "{meant}"` below `package`'
    return ConfigError(
        f"`{installed.distribution}` {installed.version} {what}",
        where=package.where,
        hint=hint if len(there) < 2 else f"{hint}; there is {listed(there)}",  # noqa: PLR2004  one is in the hint
    )


def find_executable(kind: Kind, name: str, root: Path) -> str:
    """Find a program: a path as seen from the project, or a name.

    Raises ConfigError, with the nearest name, when it is not there.
    """
    if os.sep in name:
        path = (root / Path(name).expanduser()).absolute()
        if os.access(path, os.X_OK) and path.is_file():
            return str(path)
        problem = "is not executable" if path.is_file() else "does not exist"
        raise ConfigError(f"`{name}` {problem}", hint="A path is from the project")
    # Beside our Python first: elt may be started without its environment being
    # active, and a program installed together with it is the one that was meant.
    beside = str(Path(sys.executable).parent)
    folders = [beside, *os.environ.get("PATH", os.defpath).split(os.pathsep)]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is not None:
        return str(Path(found).absolute())
    close = nearest(name, _programs(folders, kind))
    install = f'Let elt install it, by `package = "{name}"` in place of `executable`'
    raise ConfigError(
        f"the program `{name}` is not installed",
        hint=f"Did you mean `{close}`?" if close else install,
    )


def _programs(folders: Sequence[str], kind: Kind) -> set[str]:
    names: set[str] = set()
    for folder in filter(os.path.isdir, folders):
        names.update(entry.name for entry in os.scandir(folder))
    return {name for name in names if name.startswith(f"{kind}-")}
