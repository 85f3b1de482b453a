"""Environments as they lie on disk: what is in one, and whether it can be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from elt.errors import ConfigError
from elt.singer.distributions import (
    catalog_flag_of,
    main_distribution,
    name_of,
    pin_of,
    programs_of,
    read_distributions,
    remark_of,
)
from elt.singer.locks import Lock
from elt.singer.packages import Package
from elt.singer.requirements import content_of, looks_of

STAMP = "elt.json"


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A whole environment: what its `elt.json` says. Paths are absolute."""

    spec: str
    home: str
    interpreter: str  # what its `bin/python` led to
    distribution: str
    version: str
    programs: tuple[str, ...]
    pins: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    content: str = ""  # of local folders and files
    catalog_flag: str | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there is no environment to use; `is_new` where there never was one."""

    reason: str
    is_new: bool = False


def look(package: Package) -> Installed | Missing:
    """Find the environment that a package would run in; nothing is installed."""
    lock = package.lock_in_force()
    content = content_of(looks_of(package.spec))
    judged = [_judge(home, content, lock) for home in homes(package.folder)]
    whole = [found for found in judged if isinstance(found, Installed)]
    if whole:
        return whole[-1]
    return judged[-1] if judged else Missing("not installed yet", is_new=True)


def versions_of(package: Package) -> tuple[str, ...]:
    """Give all that tells one installation from another; empty where there is none."""
    found = look(package)
    if isinstance(found, Missing):
        return ()
    return (found.distribution, found.version, found.content, *found.pins)


def describe(home: Path, package: Package, content: str) -> Installed:
    there = read_distributions(home)
    main = main_distribution(package.spec, there)
    if main is None:
        raise ConfigError(
            f"`{package.spec.text}` installed no package of that name",
            where=package.where,
            hint="The first requirement is the tap; what it needs stands after it",
        )
    pins = [pin_of(each, package.spec) for each in there]
    unpinned = [each for each, pin in zip(there, pins, strict=True) if pin is None]
    remarks = [remark_of(each, package.root) for each in unpinned]
    return Installed(
        spec=package.spec.text,
        home=str(home.resolve()),
        interpreter=str((home / "bin" / "python").resolve()),
        distribution=name_of(main),
        version=main.version,
        programs=tuple(programs_of(main, home)),
        pins=tuple(pin for pin in pins if pin),
        remarks=tuple(remark for remark in remarks if remark),
        content=content,
        catalog_flag=catalog_flag_of(main) if package.kind == "tap" else None,
    )


def stamp(home: Path, made: Installed) -> None:
    aside = home / f"{STAMP}.new"
    aside.write_bytes(msgspec.json.format(msgspec.json.encode(made)))
    aside.replace(home / STAMP)


def homes(folder: Path) -> list[Path]:
    """Give the environments of a package, the newest last."""
    try:
        found = [path for path in folder.iterdir() if path.name.isdigit()]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda path: int(path.name))


def _judge(home: Path, content: str, lock: Lock | None) -> Installed | Missing:
    try:
        found = msgspec.json.decode((home / STAMP).read_bytes(), type=Installed)
    except (OSError, msgspec.MsgspecError):
        return Missing("its installation was cut short")
    python = home / "bin" / "python"
    gone = [name for name in found.programs if not (home / "bin" / name).is_file()]
    flaws = {
        "the project was moved": found.home != str(home.resolve()),
        "its Python is gone": not python.exists()
        or str(python.resolve()) != found.interpreter,
        f"its program `{''.join(gone[:1])}` is gone": bool(gone),
        "its code has changed": found.content != content,
        "the lock has other versions": lock is not None and not _fits(found, lock),
    }
    flaw = next((text for text, is_so in flaws.items() if is_so), None)
    return Missing(flaw) if flaw else found


def _fits(installed: Installed, lock: Lock) -> bool:
    """Tell whether an environment contradicts no line of a lock.

    On another system a package may need more or less than where it was locked.
    """
    separators = ("==", "@ git+")
    pairs = [
        {pin.rpartition(mark)[0]: pin for pin in pins if mark in pin}
        for mark in separators
        for pins in (installed.pins, lock.pins)
    ]
    return all(
        theirs.get(name, pin) == pin
        for ours, theirs in (pairs[:2], pairs[2:])
        for name, pin in ours.items()
    )
