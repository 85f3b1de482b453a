"""Where the project lies: permissions, disk, kind of file system, clock, git."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from elt.runner.store.database import NETWORK_FILE_SYSTEMS, file_system
from elt.runner.upkeep.disk import bytes_of, size
from elt.runner.upkeep.finding import Finding, Subject

AREA = "folder"
_FOR_OTHERS = 0o077
_LITTLE_BYTES = 500_000_000
_CLOCK_SECONDS = 2.0
_GIT_TIMEOUT_SECONDS = 5.0


def look(subject: Subject) -> Iterator[Finding]:
    root = subject.root
    if root is None:
        return
    found = [*_permissions(root), *_disk(subject, root), *_file_system(root)]
    found += [*_clock(root), *_git(subject, root)]
    yield from found
    if not any(each.level == "problem" for each in found):
        free = size(shutil.disk_usage(root).free)
        yield Finding("ok", AREA, f"{root}, {free} free")


def _permissions(root: Path) -> Iterator[Finding]:
    private = root / ".elt"
    if not os.access(private if private.exists() else root, os.W_OK | os.X_OK):
        place = private if private.exists() else root
        yield Finding(
            "problem",
            AREA,
            "elt cannot write here, and keeps its run log in `.elt`",
            where=str(place),
            fix=f"sudo chown -R $(id -un) {place}",
        )
    store = private / "elt.db"
    if store.exists() and not os.access(store, os.R_OK | os.W_OK):
        yield Finding(
            "problem",
            AREA,
            "the run log cannot be written by this user; did somebody run elt with"
            " sudo?",
            where=str(store),
            fix=f"sudo chown -R $(id -un) {private}",
        )
    for path, mode in ((private, "700"), (store, "600"), (root / ".env", "600")):
        if path.exists() and path.stat().st_mode & _FOR_OTHERS:
            yield Finding(
                "warning",
                AREA,
                f"`{path.name}` can be read by other users of this machine",
                where=str(path),
                fix=f"chmod {mode} {path}",
            )


def _disk(subject: Subject, root: Path) -> Iterator[Finding]:
    project = subject.project
    warehouse = project.warehouse_path.resolve() if project else root
    folder = warehouse.parent if warehouse.parent.is_dir() else root
    free = shutil.disk_usage(folder).free
    needed = bytes_of(warehouse) if warehouse.is_file() else 0
    if free < needed:
        yield Finding(
            "warning",
            AREA,
            f"{size(free)} are free, and the warehouse has {size(needed)}:"
            " `elt compact` and `elt backup` need room for a copy",
            where=str(folder),
            fix="elt clean",
        )
    elif free < _LITTLE_BYTES:
        yield Finding(
            "warning", AREA, f"only {size(free)} are free", str(folder), "elt clean"
        )


def _file_system(root: Path) -> Iterator[Finding]:
    kind = file_system(root)
    if kind in NETWORK_FILE_SYSTEMS:
        yield Finding(
            "warning",
            AREA,
            f"the project lies on a network file system ({kind}): locks may not keep"
            " two machines apart, and the run log is slower there",
            where=str(root),
            fix="Keep it on a local disk, or run it on one machine only",
        )


def _clock(root: Path) -> Iterator[Finding]:
    """Compare the clock that stamps files here with the system's."""
    folder = root / ".elt" if (root / ".elt").is_dir() else root
    try:
        with NamedTemporaryFile(dir=folder, prefix=".clock-") as file:
            ahead = os.fstat(file.fileno()).st_mtime - time.time()
    except OSError:
        return  # told as a matter of permissions
    if abs(ahead) > _CLOCK_SECONDS:
        yield Finding(
            "warning",
            AREA,
            f"files here are stamped {abs(ahead):.0f} s"
            f" {'ahead of' if ahead > 0 else 'behind'} this machine's clock",
            where=str(folder),
            fix="Set the clocks: `timedatectl set-ntp true`",
        )


def _git(subject: Subject, root: Path) -> Iterator[Finding]:
    """See that git leaves out what holds secrets or data."""
    if _git_says(root, "rev-parse", "--is-inside-work-tree") != 0:
        return
    names = [".env", ".elt", "backups"]
    if subject.project is not None:
        names.append(subject.project.file.warehouse.path)
    for name in names:
        if not (root / name).exists() or not (root / name).is_relative_to(root):
            continue
        if _git_says(root, "ls-files", "--error-unmatch", name) == 0:
            yield Finding(
                "problem" if name == ".env" else "warning",
                AREA,
                f"git has `{name}`, which holds secrets"
                if name == ".env"
                else f"git has `{name}`, which is data and no code",
                where=str(root / name),
                fix=f"git rm -r --cached {name}, ignore it"
                + (", and change the secrets in it" if name == ".env" else ""),
            )
        elif _git_says(root, "check-ignore", "-q", name) != 0:
            yield Finding(
                "warning",
                AREA,
                f"git does not ignore `{name}`",
                where=str(root / ".gitignore"),
                fix=f"echo {name} >> {root / '.gitignore'}",
            )


def _git_says(root: Path, *arguments: str) -> int:
    """Give git's exit code; that of a failure where there is no git."""
    git = shutil.which("git")
    if git is None:
        return 128
    try:
        return subprocess.run(
            [git, "-C", str(root), *arguments],
            capture_output=True,
            check=False,
            timeout=_GIT_TIMEOUT_SECONDS,
        ).returncode
    except (OSError, subprocess.TimeoutExpired):
        return 128
