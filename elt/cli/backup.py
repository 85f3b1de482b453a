"""`elt backup` and `elt restore`: warehouse and run log, as one pair in one file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli.consent import agree
from elt.cli.options import (
    AsJson,
    Environment,
    examples,
    note,
    open_project,
    print_json,
    say,
)
from elt.errors import ConfigError

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.runner.upkeep.archive import Manifest
    from elt.runner.upkeep.restore import Restored

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@examples(
    ("elt backup", "into `backups/`, with the time in its name"),
    ("elt backup --keep 7", "and delete all but the newest seven there"),
    ("elt backup /mnt/disk/acme.tar.gz", "to a place of your own, packed"),
)
def backup(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="A new file or a folder; `.tar.gz` packs it, slower and a third"
            " smaller. Nothing: a name with the time, in `backups/`.",
            show_default=False,
        ),
    ] = None,
    *,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep",
            metavar="NUMBER",
            min=1,
            help="Keep so many backups with names of elt's in that folder.",
        ),
    ] = None,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Save the warehouse and the run log as they are at one moment.

    Under the project's lock, so no run is half in it. elt.toml and secrets are not in
    it: keep those in git and where your secrets live.
    """
    import msgspec

    from elt.runner.upkeep.backup import backup as back_up
    from elt.runner.upkeep.disk import size

    project = open_project(context, environment)
    made = back_up(project, file, keep=keep, tell=note)
    for old in made.removed:
        note(f"deleted {old.name}")
    if as_json:
        told = msgspec.to_builtins(made.manifest)
        removed = [str(path) for path in made.removed]
        path = str(made.path)
        print_json({"path": path, "bytes": made.bytes, "removed": removed} | told)
    else:
        say(str(made.path))
        note(f"{size(made.bytes)}; put it back with `elt restore {_shown(made.path)}`")


@examples(
    ("elt restore backups/acme-20261121T060000Z.tar", "checks it, shows it, asks"),
    ("elt restore", "finishes a restore that was broken off"),
)
def restore(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="A file that `elt backup` wrote.",
            show_default=False,
        ),
    ] = None,
    *,
    yes: Yes = False,
    environment: Environment = None,
) -> None:
    """Put a backup in the place of the warehouse and the run log.

    Its checksums are compared before anything is asked. The files before are kept
    beside the new ones, with `before-restore` in their names.
    """
    from elt.runner.upkeep import restore as restoring

    project = open_project(context, environment)
    if restoring.broken_off(project):
        note("a restore was broken off; finishing it")
        _tell_kept(restoring.go_on(project))
        if file is None:
            say("restored")
            return
    if file is None:
        raise ConfigError("which backup?", hint=_newest(project))
    checked = restoring.check(project, file.expanduser().absolute())
    restored = restoring.restore(
        project,
        checked,
        confirm=lambda: _confirm(project, checked.manifest, yes=yes),
        tell=note,
    )
    _tell(restored)


def _confirm(project: Project, manifest: Manifest, *, yes: bool) -> None:
    from elt.runner.upkeep.disk import bytes_of, size

    say(f"backup of {_local(manifest.made_at)}, elt {manifest.elt}")
    say(f"  warehouse  {size(manifest.warehouse.bytes)}")
    say(f"  run log    {size(manifest.store.bytes)}, last run {manifest.last_run}")
    now = project.warehouse_path
    if now.exists():
        changed = _local(datetime.fromtimestamp(now.stat().st_mtime).astimezone())
        say(f"in place of {now.name}, {size(bytes_of(now))}, changed {changed}")
    agree("Put it back?", yes=yes)


def _tell(restored: Restored) -> None:
    say(f"restored the backup of {_local(restored.manifest.made_at)}")
    _tell_kept(restored.kept)
    note("")
    note("Taps go on from the bookmarks of the backup: what they loaded since, they")
    note("read again. `elt plan` shows it.")
    for sync in restored.unsettled:
        note(f"Sync `{sync}` ran after this backup, and its destination keeps what it")
        note("was sent. Its guard stops it until you have looked:")
        note("  elt run")
        note(f"  elt sync plan {sync}")
        note(f"  elt run sync:{sync} --accept baseline")
    for sync in restored.sent_again:
        note(f"Sync `{sync}` ran after this backup, too. Its destination is on this")
        note("machine, so nobody is asked: what changed is sent again by the next run.")


def _tell_kept(kept: tuple[Path, ...]) -> None:
    for path in kept:
        note(f"kept what was there before: {_shown(path)}")


def _newest(project: Project) -> str:
    from elt.runner.upkeep.backup import backups

    newest = next(iter(backups(project)), None)
    if newest is None:
        return "`elt backup` makes one"
    return f"The newest is {_shown(newest)}"


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _local(moment: str | datetime) -> str:
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{at.astimezone():%Y-%m-%d %H:%M}"
