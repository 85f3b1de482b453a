"""The warehouse file to and from object storage, for runners that keep no disk.

Bookmarks and baselines are in the file, so a runner that has pulled it goes on where
the one before it stopped. Nobody is ever overwritten: a push names the generation that
it was made from, and is refused when there is a newer one.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from elt.errors import ConfigError, EltError, Guarded
from elt.project.remote import KEPT_GENERATIONS
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.alone import alone
from elt.runner.store import history
from elt.runner.upkeep.archive import digest_of
from elt.runner.upkeep.disk import bytes_of, make_durable, require_space, size
from elt.runner.upkeep.generations import Folder, Generation, Taken, data_name
from elt.warehouse.duckdb import Warehouse, warehouse_of
from elt.warehouse.standstill import HELD, log_of, real_path, standstill
from elt.warehouse.tables import warehouse_id

Tell = Callable[[str], None]


class Origin(msgspec.Struct, frozen=True):
    """What the local file was when it last equalled a generation."""

    url: str
    number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Which generation the file is now; None where there is none yet."""

    generation: Generation | None
    changed: bool


def push(  # noqa: PLR0913  its edges, each named
    project: Project,
    url: str,
    *,
    force: bool = False,
    keep: int = KEPT_GENERATIONS,
    secrets: Secrets | None = None,
    now: history.Now = history.now_utc,
    tell: Tell = lambda _: None,
) -> Exchanged:
    """Write the warehouse file as the next generation.

    Raises Guarded when there is a generation that this file was not made from; `force`
    puts it on top all the same. Raises Unavailable when somebody is at work.
    """
    folder = Folder(url)
    warehouse = warehouse_of(project, secrets or Secrets(project.root))
    if not warehouse.exists():
        raise ConfigError(
            "there is no warehouse yet", where=str(warehouse.path), hint="Run `elt run`"
        )
    with alone(project, "elt push"), _still(warehouse) as (path, digest, identity):
        newest, origin = folder.newest(), _origin(project, folder)
        if newest is not None and newest.sha256 == digest:
            _remember(project, folder, newest)
            return Exchanged(newest, changed=False)
        if newest is not None and newest.number != origin.number and not force:
            raise _overtaken(folder, newest, origin)
        number = max(newest.number if newest else 0, origin.number) + 1
        made = Generation(
            number=number,
            data=data_name(number),
            bytes=bytes_of(path),
            sha256=digest,
            warehouse_id=identity,
            pushed_at=now().isoformat(timespec="seconds"),
            host=socket.gethostname(),
        )
        tell(f"sending {path.name}, {size(made.bytes)}, as generation {number}")
        _send(folder, path, made, origin)
        _remember(project, folder, made)
    with suppress(EltError):  # it is pushed; what is old goes with the next one
        folder.forget_before(number - keep + 1)
    return Exchanged(made, changed=True)


def pull(
    project: Project,
    url: str,
    *,
    force: bool = False,
    secrets: Secrets | None = None,
    tell: Tell = lambda _: None,
) -> Exchanged:
    """Make the local warehouse the newest generation; nothing where there is none.

    Raises Guarded when the local file has changes that were never pushed; with `force`
    it is kept beside the new one.
    """
    folder = Folder(url)
    warehouse = warehouse_of(project, secrets or Secrets(project.root))
    with alone(project, "elt pull"):
        newest = folder.newest()
        if newest is None:
            return Exchanged(None, changed=False)
        with ExitStack() as still:
            if warehouse.exists():
                _, digest, _ = still.enter_context(_still(warehouse))
                if digest == newest.sha256:
                    _remember(project, folder, newest)
                    return Exchanged(newest, changed=False)
                if digest != _origin(project, folder).sha256 and not force:
                    raise _never_pushed(warehouse, folder, newest)
            tell(f"fetching generation {newest.number}, {size(newest.bytes)}")
            _take(folder, newest, real_path(warehouse), keep=force)
        _remember(project, folder, newest)
    return Exchanged(newest, changed=True)


@contextmanager
def _still(warehouse: Warehouse) -> Iterator[tuple[Path, str, str]]:
    """Hold the file still; give its path, its digest and the warehouse's identity."""
    path = real_path(warehouse)
    # Closed last: closing a file gives back DuckDB's lock on it too.
    with path.open("rb") as file, standstill(warehouse) as connection:
        connection.execute(f"USE {HELD}")
        yield path, digest_of(file), warehouse_id(connection)


def _send(folder: Folder, path: Path, made: Generation, origin: Origin) -> None:
    folder.send(path, made.data)
    try:
        folder.create(made)
    except Taken:
        folder.delete(made.data)
        raise _overtaken(folder, folder.newest() or made, origin) from None
    except BaseException:
        folder.delete(made.data)
        raise


def _take(folder: Folder, newest: Generation, place: Path, *, keep: bool) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    require_space(place.parent, newest.bytes, "the warehouse")
    with TemporaryDirectory(dir=place.parent, prefix=".elt-") as aside:
        new = Path(aside) / place.name
        folder.fetch(newest, new)
        with new.open("rb") as file:
            digest = digest_of(file)
        if digest != newest.sha256:
            raise EltError(
                f"generation {newest.number} came damaged: its sha256 is {digest[:12]}…"
                f" and should be {newest.sha256[:12]}…",
                where=folder.url,
                hint="Try again; if it stays so, push the warehouse anew with --force",
            )
        make_durable(new)
        if keep and place.exists():
            shutil.copy2(place, _before_pull(place))
        with suppress(FileNotFoundError):  # a log of a file that is gone
            log_of(place).replace(_before_pull(log_of(place)))
        new.replace(place)
    make_durable(place.parent)


def _before_pull(path: Path) -> Path:
    return path.with_name(f"{path.name}.before-pull")


def _overtaken(folder: Folder, newest: Generation, origin: Origin) -> Guarded:
    since = (
        f"since generation {origin.number}, which this warehouse was made from"
        if origin.number
        else "and this warehouse was not made from it"
    )
    return Guarded(
        f"{newest.host} has pushed generation {newest.number} ({newest.pushed_at})"
        f" {since}",
        where=folder.url,
        hint=f"`elt pull {folder.url} --force` takes it, and the next run does again"
        f" what is lost here; `elt push {folder.url} --force` puts this one on top",
    )


def _never_pushed(warehouse: Warehouse, folder: Folder, newest: Generation) -> Guarded:
    return Guarded(
        "the local warehouse has changes that were never pushed",
        where=str(warehouse.path),
        hint=f"`elt push {folder.url}` saves them; `elt pull {folder.url} --force`"
        f" takes generation {newest.number} and keeps this file as"
        f" `{warehouse.path.name}.before-pull`",
    )


def _origin(project: Project, folder: Folder) -> Origin:
    nothing = Origin(folder.url, 0, "")
    try:
        origin = msgspec.json.decode(_note(project).read_bytes(), type=Origin)
    except (OSError, msgspec.MsgspecError):
        return nothing
    return origin if origin.url == folder.url else nothing


def _remember(project: Project, folder: Folder, now: Generation) -> None:
    note = _note(project)
    note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = note.with_suffix(".new")
    origin = Origin(folder.url, now.number, now.sha256)
    aside.write_bytes(msgspec.json.encode(origin))
    aside.replace(note)


def _note(project: Project) -> Path:
    return project.private_dir / "generation.json"
