"""uv where it is on the PATH, else venv and pip: how an environment is filled.

Each is asked for the same in its own words; what they say is kept for the error.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Protocol

from elt.errors import ConfigError, Interrupted
from elt.singer.install_errors import install_error
from elt.singer.process import bound_to_parent
from elt.singer.requirements import without_passwords

_KEPT_LINES = 2000
_PIP_WITH_PYTHON_OPTION = (22, 3)
# Of our own environment, which must not be taken for the one that is filled.
_OURS = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "PIP_TARGET")
_OURS_TOO = ("PIP_USER", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "UV_PROJECT")
# pip's own variables are what people have set; uv calls the same things otherwise.
_UV_NAMES = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CERT": "SSL_CERT_FILE",
    "PIP_NO_BUILD_ISOLATION": "UV_NO_BUILD_ISOLATION",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to install into which folder, for which Python: by default for ours.

    `constraints` are the versions that the lock allows.
    """

    home: Path
    python: str | None = None
    requirements: Sequence[str]
    constraints: Sequence[str] = ()
    has_paths: bool = False  # folders of this machine, which a cache may know older


class Installer(Protocol):
    """Something that makes a virtual environment and fills it."""

    @property
    def name(self) -> str: ...

    def commands(self, order: Order, constraints: Path | None) -> list[list[str]]:
        """Give the command lines, to be run one after the other."""

    def environ(self, ours: Mapping[str, str]) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Uv:
    program: str
    no_index: bool = False  # pip has a variable for it, uv only the option
    name: str = "uv"

    def commands(self, order: Order, constraints: Path | None) -> list[list[str]]:
        python = str(order.home / "bin" / "python")
        make = [
            "venv",
            "--quiet",
            "--no-project",
            "--python",
            order.python or sys.executable,
        ]
        install = ["pip", "install", "--no-progress", "--python", python]
        if constraints is not None:
            install += ["--constraints", str(constraints)]
        if order.has_paths:
            install.append("--refresh")
        if self.no_index:
            install.append("--no-index")
        return [
            [self.program, *make, str(order.home)],
            [self.program, *install, *order.requirements],
        ]

    def environ(self, ours: Mapping[str, str]) -> dict[str, str]:
        translated = {uv: ours[pip] for pip, uv in _UV_NAMES.items() if pip in ours}
        return {"NO_COLOR": "1", **translated, **_without_ours(ours)}


@dataclass(frozen=True, slots=True)
class Pip:
    name: str = "pip"

    def commands(self, order: Order, constraints: Path | None) -> list[list[str]]:
        home, inside = str(order.home), str(order.home / "bin" / "python")
        make = [_find_python(order.python), "-m", "venv"]
        pip = [inside, "-I", "-m", "pip"]
        # Our own pip fills another environment just as well, and is there already.
        if order.python is None and _has_pip():
            make.append("--without-pip")
            pip = [sys.executable, "-P", "-m", "pip", "--python", inside]
        install = [*pip, "install", "--no-input", "--progress-bar", "off"]
        # Without a retry pip does not tell a missing network from a missing package.
        install += ["--retries", "2"]
        if constraints is not None:
            install += ["--constraint", str(constraints)]
        return [[*make, home], [*install, *order.requirements]]

    def environ(self, ours: Mapping[str, str]) -> dict[str, str]:
        quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COLOR": "1"}
        return {**quiet, **_without_ours(ours)}


def find_installer(environ: Mapping[str, str]) -> Installer:
    uv = shutil.which("uv", path=environ.get("PATH", os.defpath))
    no_index = environ.get("PIP_NO_INDEX", "").lower() in {"1", "true", "yes", "on"}
    return Uv(uv, no_index) if uv else Pip()


def run_installer(
    installer: Installer, order: Order, *, cwd: Path, environ: Mapping[str, str]
) -> None:
    """Make and fill an environment; its folder must not be there yet.

    Raises Unavailable without a network, ConfigError for what no waiting mends, and
    Interrupted when the installer was stopped by a signal.
    """
    with tempfile.TemporaryDirectory(prefix="elt-install-") as folder:
        constraints = None
        if order.constraints:
            constraints = Path(folder, "constraints.txt")
            constraints.write_text("\n".join(order.constraints) + "\n", "utf-8")
        for command in installer.commands(order, constraints):
            code, lines = _run(command, cwd, installer.environ(environ))
            if code in {-signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT}:
                raise Interrupted(f"{installer.name} was stopped")
            if code != 0:
                raise install_error(installer.name, lines)


def _run(
    command: Sequence[str], cwd: Path, environ: Mapping[str, str]
) -> tuple[int, list[str]]:
    """Run to the end; give the exit code and the last lines of all that was said."""
    lines: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(
        bound_to_parent(command),
        cwd=cwd,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as running:
        assert running.stdout is not None  # noqa: S101  a pipe was asked for
        try:
            lines.extend(without_passwords(line.rstrip()) for line in running.stdout)
        except BaseException:
            running.terminate()
            raise
    return running.returncode, [*lines]


def _without_ours(environ: Mapping[str, str]) -> dict[str, str]:
    left_out = {*_OURS, *_OURS_TOO}
    return {name: value for name, value in environ.items() if name not in left_out}


def _find_python(asked: str | None) -> str:
    if asked is None:
        return sys.executable
    found = shutil.which(asked if os.sep in asked else f"python{asked}")
    if found is None:
        raise ConfigError(
            f"there is no Python `{asked}` here",
            hint="Install it so that it is on the PATH, or install uv, which brings it",
        )
    return found


def _has_pip() -> bool:
    """Tell whether our Python has a pip that can fill another environment."""
    try:
        major, minor = metadata.version("pip").split(".")[:2]
    except (metadata.PackageNotFoundError, ValueError):
        return False
    return (int(major), int(minor)) >= _PIP_WITH_PYTHON_OPTION
