"""What lies about: leftovers of what was killed, a restore that was broken off."""

from __future__ import annotations

from collections.abc import Iterator

from elt.project.settings import Project
from elt.runner.alone import journal_of
from elt.runner.lock import is_alive, read_owner
from elt.runner.upkeep.disk import bytes_of, size
from elt.runner.upkeep.finding import Finding, Subject
from elt.runner.upkeep.leftovers import leftovers
from elt.runner.upkeep.restore import broken_off

AREA = "leftovers"


def look(subject: Subject) -> Iterator[Finding]:
    project = subject.project
    if project is None:
        return
    if broken_off(project):
        yield Finding(
            "problem",
            AREA,
            "a restore was broken off: warehouse and run log may be of different times",
            str(journal_of(project.private_dir)),
            "elt restore",
        )
    yield from _kept_aside(project)
    owner = read_owner(project.private_dir / "lock")
    if owner is not None and is_alive(owner):
        return  # its files are in use
    found = leftovers(project)
    if found:
        count = "1 thing" if len(found) == 1 else f"{len(found)} things"
        total = size(sum(each.bytes for each in found))
        yield Finding(
            "note", AREA, f"{count} can go, {total}: {found[0].why}", fix="elt clean"
        )
    else:
        yield Finding("ok", AREA, "none")


def _kept_aside(project: Project) -> Iterator[Finding]:
    """Tell of what restores and pulls kept: only a person knows when it can go."""
    warehouse = project.warehouse_path.resolve()
    kept = [
        *warehouse.parent.glob(f"{warehouse.stem}.before-restore-*"),
        *warehouse.parent.glob(f"{warehouse.stem}.before-pull-*"),
        *project.private_dir.glob("elt.before-restore-*"),
    ]
    if kept:
        total = size(sum(bytes_of(path) for path in kept))
        yield Finding(
            "note",
            AREA,
            f"{len(kept)} files from before a restore are kept, {total}",
            fix=f"rm {' '.join(str(path) for path in sorted(kept))}",
        )
