"""A virtual environment for each `package` of the project, made on demand.

    .elt/environments/tap-github-1f0c9a2b7d3e/lock       held while it is filled
                                              1/, 2/     environments, newest last
                                              2/elt.json written last: this one is whole

A package and a Python version have a folder. An environment is never changed once it
is whole: another is made beside it, so that a tap that runs keeps its files. What was
cut short has no `elt.json`, and goes with the next installation.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from elt.errors import ConfigError, EltError
from elt.project.atomic import make_private_folder
from elt.singer.installed import STAMP, Installed, Missing, describe, homes, look, stamp
from elt.singer.installer import Installer, Order, find_installer, run_installer
from elt.singer.locks import Lock, write_lock
from elt.singer.packages import Package
from elt.singer.process import OnLine
from elt.singer.programs import program_in
from elt.singer.requirements import content_of, looks_of

_KEPT = 3  # taps of one package may be locked to different versions
_POLL_SECONDS = 0.2


def ensure(
    package: Package,
    *,
    environ: Mapping[str, str],
    on_line: OnLine,
    renew: bool = False,
    again: bool = False,
) -> Installed:
    """Give the environment of a package; install it where there is none to use.

    `renew` resolves versions anew and writes the lock; `again` installs what is there
    once more. Raises ConfigError, Unavailable or EltError with the installer's words.
    """
    found = look(package)
    if isinstance(found, Missing) or renew or again:
        with _alone(package, on_line):
            now = look(package)
            if isinstance(now, Missing) or renew or again:
                found = _install(package, now, environ, on_line, renew=renew)
            else:
                found = now  # by another process, while this one waited
    _keep_lock(package, found, on_line, renew=renew)
    return found


def _install(
    package: Package,
    found: Installed | Missing,
    environ: Mapping[str, str],
    on_line: OnLine,
    *,
    renew: bool,
) -> Installed:
    installer = find_installer(environ)
    on_line(_announcement(package, found, installer))
    started = time.monotonic()
    before = looks_of(package.spec)
    lock = None if renew else package.lock_in_force()
    home = _next_home(package.folder)
    try:
        _fill(home, package, installer, environ, lock)
        made = describe(home, package, _content(package, before))
        program_in(package, made)  # nobody shall wait for a run to hear of it
        stamp(home, made)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    _sweep(package.folder)
    seconds = time.monotonic() - started
    count = len(made.pins) + len(made.remarks)
    on_line(
        f"installed {made.distribution} {made.version}, with {count - 1} packages"
        f" that it needs, in {seconds:.1f} s"
    )
    return made


def _content(package: Package, before: Mapping[str, str]) -> str:
    """Sum up the package's own files as they were when they were built.

    A build may leave files of its own among them, such as `_version.py`; what changed
    otherwise was edited meanwhile, and is installed the next time.
    """
    after = looks_of(package.spec)
    return content_of(after if before.items() <= after.items() else before)


def _announcement(
    package: Package, found: Installed | Missing, installer: Installer
) -> str:
    how = f"with {installer.name}, for Python {package.python}"
    match found:
        case Missing(is_new=False, reason=reason):
            return f"installing `{package.spec.text}` again, {how}: {reason}"
        case _:
            return f"installing `{package.spec.text}` {how}"


def _fill(
    home: Path,
    package: Package,
    installer: Installer,
    environ: Mapping[str, str],
    lock: Lock | None,
) -> None:
    order = Order(
        home=home,
        python=package.asked_python,
        requirements=[
            each.at(lock.revision(each.repository)) if lock else each.text
            for each in package.spec.requirements
        ],
        constraints=lock.versions if lock else (),
        has_paths=bool(package.spec.paths),
    )
    try:
        run_installer(installer, order, cwd=package.root, environ=environ)
    except EltError as error:
        said = f"\n{error.where}" if error.where else ""
        error.where = f"{package.where}{said}"
        if lock is not None and isinstance(error, ConfigError):
            error.hint = _lock_hint(package, lock)
        raise


def _lock_hint(package: Package, lock: Lock) -> str:
    made = f"`{package.shown_lock}` held it to certain versions"
    if lock.python != package.python:
        made += f", found with Python {lock.python}, and this is"
        made += f" {package.python}"
    return f"{made}; `elt install {package.name} --upgrade` looks for others"


def _keep_lock(
    package: Package, installed: Installed, on_line: OnLine, *, renew: bool
) -> None:
    """Write the lock where there is none for this `package`."""
    if not renew and package.lock_in_force() is not None:
        return
    lock = Lock(spec=package.spec.text, python=package.python, pins=installed.pins)
    try:
        write_lock(package.lock, lock, name=package.name, unpinned=installed.remarks)
    except OSError as error:
        on_line(f"`{package.shown_lock}` cannot be written: {error.strerror}")


def _next_home(folder: Path) -> Path:
    there = homes(folder)
    return folder / str(int(there[-1].name) + 1 if there else 1)


def _sweep(folder: Path) -> None:
    """Delete what was cut short, and all but the newest environments."""
    there = homes(folder)
    whole = [home for home in there if (home / STAMP).is_file()]
    for home in set(there) - set(whole[-_KEPT:]):
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _alone(
    package: Package,
    on_line: OnLine,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Hold the package's kernel lock, which ends with this process however it ends."""
    path = package.folder / "lock"
    try:
        make_private_folder(package.folder)
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"nothing can be installed into `.elt/`: {error.strerror}",
            where=str(path),
            hint="Let the user that runs elt write there",
        ) from error
    try:
        if not _is_locked(file):
            on_line(f"waiting: `{package.spec.text}` is being installed already")
            while not _is_locked(file):
                sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(file)


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
