"""The versions that a package was installed with, in a file that is committed.

`locks/tap.github.txt` is a requirements file. Its first line says for which `package`
it holds; while that stays the same, every machine installs these versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from elt.errors import ConfigError

_FIRST_LINE = re.compile(r"# elt: (?P<spec>.+) \(Python (?P<python>[^()]+)\)")
_PIN = re.compile(r"[A-Za-z0-9][\w.-]*(?:==\S+| @ git\+\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """`pins` are lines such as `requests==2.32.3` and `tap-x @ git+https://...@abc`."""

    spec: str
    python: str
    pins: tuple[str, ...]

    @property
    def versions(self) -> tuple[str, ...]:
        return tuple(pin for pin in self.pins if "==" in pin)

    def revision(self, repository: str) -> str | None:
        """Give the revision at which a repository was installed."""
        pins = (pin.partition(" @ ")[2].rpartition("@") for pin in self.pins)
        found = {address: revision for address, _, revision in pins}
        return found.get(f"git+{repository}") if repository else None


def read_lock(path: Path) -> Lock | None:
    """Read a lock; None where there is none, or one that does not say for what.

    Raises ConfigError for a line that pins nothing, such as one of a merge.
    """
    try:
        first, *lines = path.read_text("utf-8").splitlines() or [""]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"a lock cannot be read: {error}", where=str(path)) from None
    for number, line in enumerate(lines, start=2):
        if line.strip() and not line.startswith("#") and not _PIN.fullmatch(line):
            raise ConfigError(
                f"this line pins no version: {line}",
                where=f"{path.parent.name}/{path.name}:{number}",
                hint="Mend it, or delete the file: the next install writes it anew",
            )
    said = _FIRST_LINE.fullmatch(first)
    if said is None:
        return None
    pins = tuple(line for line in lines if _PIN.fullmatch(line))
    return Lock(spec=said["spec"], python=said["python"], pins=pins)


def write_lock(path: Path, lock: Lock, *, name: str, unpinned: Iterable[str]) -> None:
    """Write a lock; `unpinned` are remarks on what a version does not tell apart.

    Raises OSError where the project cannot be written.
    """
    lines = [
        f"# elt: {lock.spec} (Python {lock.python})",
        f"# Commit this file. `elt install {name} --upgrade` resolves it anew.",
        *(f"# {remark}" for remark in unpinned),
        *lock.pins,
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.new")
    aside.write_text("\n".join(lines) + "\n", "utf-8")
    aside.replace(path)
