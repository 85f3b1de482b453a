"""What commands say of the packages of taps and targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elt.singer.packages import Package


def package_finding(package: Package) -> str:
    """Say what is there of a package; it is not installed for that."""
    from elt.singer.installed import Missing, look
    from elt.singer.programs import program_in

    found = look(package)
    if isinstance(found, Missing):
        return f"package `{package.spec.text}`, {found.reason}: `elt install`"
    program = program_in(package, found)
    return f"package {found.distribution} {found.version}, program `{program.name}`"
