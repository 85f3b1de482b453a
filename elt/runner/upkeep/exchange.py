"""The warehouse file to and from object storage, for runners that keep no disk.

Bookmarks and baselines are in the file, so a runner that has pulled it goes on where
the one before it stopped. Nobody is ever overwritten: a push is refused when the newest
generation is not one that the file descends from, or when somebody was quicker.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from elt.errors import ConfigError, EltError, Guarded
from elt.project.remote import KEPT_GENERATIONS
from elt.project.secrets import Secrets
from elt.project.settings import BASE_ENVIRONMENT, Project
from elt.runner.alone import alone
from elt.runner.store.moments import Now, now_utc
from elt.runner.upkeep.archive import digest_of
from elt.runner.upkeep.disk import bytes_of, make_durable, require_space, size
from elt.runner.upkeep.generations import WAY_OUT, Folder, Generation, Taken, data_name
from elt.runner.upkeep.origins import Origin, Origins
from elt.warehouse.duckdb import Warehouse, warehouse_of
from elt.warehouse.standstill import HELD, log_of, real_path, standstill
from elt.warehouse.tables import warehouse_id

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Which generation the file is now; None where there is none yet."""

    generation: Generation | None
    changed: bool


@dataclass(frozen=True, slots=True)
class AtRest:
    """The warehouse file while nobody can write to it."""

    path: Path
    sha256: str
    warehouse_id: str


@contextmanager
def at_rest(warehouse: Warehouse) -> Iterator[AtRest]:
    path = real_path(warehouse)
    # Closed last: closing a file gives back DuckDB's lock on it too.
    with path.open("rb") as file, standstill(warehouse) as connection:
        connection.execute(f"USE {HELD}")
        yield AtRest(path, digest_of(file), warehouse_id(connection))


Rest = Callable[[Warehouse], AbstractContextManager[AtRest]]


def push(  # noqa: PLR0913  its edges, each named
    project: Project,
    url: str,
    *,
    force: bool = False,
    keep: int = KEPT_GENERATIONS,
    secrets: Secrets | None = None,
    now: Now = now_utc,
    tell: Tell = lambda _: None,
    opened: Callable[[str], Folder] = Folder,
    rest: Rest = at_rest,
) -> Exchanged:
    """Write the warehouse file as the next generation.

    Raises Guarded when the newest generation is not one that this file was made from;
    `force` puts it on top all the same, whatever the newest is. Raises Unavailable when
    somebody is at work.
    """
    folder = opened(url)
    warehouse = warehouse_of(project, secrets or Secrets(project.root))
    if not warehouse.exists():
        raise ConfigError(
            "there is no warehouse yet", where=str(warehouse.path), hint="Run `elt run`"
        )
    with alone(project, "elt push"), rest(warehouse) as file:
        origins, last = Origins(project, file.path), folder.last()
        origin = origins.at(folder.place)
        if last and not force:
            newest = folder.read(last)
            if newest.sha256 == file.sha256:
                origins.note(folder.place, _origin(newest))
                return Exchanged(newest, changed=False)
            if newest.warehouse_id != file.warehouse_id:
                raise _another(project, folder, newest)
            if not origins.descends_from(newest.sha256):
                raise _overtaken(project, folder, newest, origin)
            origin = _origin(newest)
        made = _next(last, file, now())
        tell(f"sending {file.path.name}, {size(made.bytes)}, as generation {last + 1}")
        origins.note(folder.place, replace(origin, tried=file.sha256))
        try:
            _send(folder, file.path, made)
        except Taken:
            winner = folder.read(made.number)
            raise _overtaken(project, folder, winner, origin) from None
        origins.note(folder.place, _origin(made))
    with suppress(EltError):  # it is pushed; what is old goes with the next one
        folder.forget_data_before(made.number - keep + 1)
    return Exchanged(made, changed=True)


def pull(  # noqa: PLR0913  its edges, each named
    project: Project,
    url: str,
    *,
    force: bool = False,
    secrets: Secrets | None = None,
    now: Now = now_utc,
    tell: Tell = lambda _: None,
    opened: Callable[[str], Folder] = Folder,
    rest: Rest = at_rest,
) -> Exchanged:
    """Make the local warehouse the newest generation; nothing where there is none.

    Raises Guarded when the local file has changes that were never pushed there; with
    `force` it is kept beside the new one.
    """
    folder = opened(url)
    warehouse = warehouse_of(project, secrets or Secrets(project.root))
    with alone(project, "elt pull"), ExitStack() as held:
        last = folder.last()
        if not last:
            return Exchanged(None, changed=False)
        newest, path = folder.read(last), real_path(warehouse)
        origins, is_lost = Origins(project, path), False
        if warehouse.exists():
            file = held.enter_context(rest(warehouse))
            if file.sha256 == newest.sha256:
                origins.note(folder.place, _origin(newest))
                return Exchanged(newest, changed=False)
            if newest.warehouse_id != file.warehouse_id and not force:
                raise _another(project, folder, newest)
            origin = origins.at(folder.place)
            # A number that is no higher: the place was emptied and begun anew.
            is_lost = file.sha256 != origin.sha256 or newest.number <= origin.number
            if is_lost and not force:
                raise _never_pushed(project, folder, newest, path)
        tell(f"fetching generation {newest.number}, {size(newest.bytes)}")
        with _fetched(folder, newest, path) as new:
            kept = _put_aside(path, now(), is_lost=is_lost)
            origins.forget()  # before: when killed in between, it descends from nothing
            new.replace(path)
        make_durable(path.parent)
        origins.note(folder.place, _origin(newest))
    for each in kept:
        tell(f"kept what was there before: {each.name}")
    return Exchanged(newest, changed=True)


def _next(last: int, file: AtRest, moment: datetime) -> Generation:
    return Generation(
        number=last + 1,
        data=data_name(last + 1),
        bytes=bytes_of(file.path),
        sha256=file.sha256,
        warehouse_id=file.warehouse_id,
        pushed_at=moment.isoformat(timespec="seconds"),
        host=socket.gethostname(),
    )


def _origin(equal: Generation) -> Origin:
    return Origin(equal.number, equal.sha256)


def _send(folder: Folder, path: Path, made: Generation) -> None:
    """Write a generation. Raises Taken when somebody was quicker.

    Its data goes only where it is known that nothing will ever name it.
    """
    try:
        folder.send(path, made.data)
    except BaseException:
        folder.delete(made.data)
        raise
    try:
        folder.create(made)
    except Taken:
        folder.delete(made.data)
        raise


@contextmanager
def _fetched(folder: Folder, newest: Generation, place: Path) -> Iterator[Path]:
    """Lay the data of a generation beside the file that it will replace, checked."""
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
                hint=f"Try again. If it stays so, {WAY_OUT}",
            )
        make_durable(new)
        yield new


def _put_aside(place: Path, moment: datetime, *, is_lost: bool) -> list[Path]:
    """Keep a file that would be lost, and the log of one that is gone."""
    kept = []
    if is_lost:
        kept.append(_free(place, moment))
        _copy(place, kept[-1])
    if log_of(place).exists():
        kept.append(_free(log_of(place), moment))
        log_of(place).replace(kept[-1])
    return kept


def _copy(place: Path, to: Path) -> None:
    try:
        os.link(place, to)
    except OSError:  # a file system without links
        shutil.copy2(place, to)


def _free(path: Path, moment: datetime) -> Path:
    """Name a file beside this one that is not there yet."""
    stamp = f"before-pull-{moment:%Y%m%dT%H%M%SZ}"
    found = path.with_name(f"{path.stem}.{stamp}{path.suffix}")
    for number in count(2):
        if not found.exists():
            break
        found = path.with_name(f"{path.stem}.{stamp}-{number}{path.suffix}")
    return found


def _overtaken(
    project: Project, folder: Folder, newest: Generation, origin: Origin
) -> Guarded:
    since = (
        f"since generation {origin.number}, which this warehouse was made from"
        if origin.number
        else "and this warehouse was not made from it"
    )
    return Guarded(
        f"{newest.host} has pushed generation {newest.number} ({newest.pushed_at})"
        f" {since}",
        where=folder.url,
        hint=f"{_command(project, folder, 'pull', '--force')} takes what was pushed"
        " last, and the next run does again what is lost here;"
        f" {_command(project, folder, 'push', '--force')} puts this one on top",
    )


def _another(project: Project, folder: Folder, newest: Generation) -> Guarded:
    return Guarded(
        f"generation {newest.number}, which {newest.host} has pushed"
        f" ({newest.pushed_at}), is of another warehouse than the one here",
        where=folder.url,
        hint="Each environment needs a place of its own. If this one was made anew:"
        f" {_command(project, folder, 'push', '--force')} puts it on top,"
        f" {_command(project, folder, 'pull', '--force')} takes the other",
    )


def _never_pushed(
    project: Project, folder: Folder, newest: Generation, path: Path
) -> Guarded:
    return Guarded(
        "the local warehouse has changes that were never pushed",
        where=str(path),
        hint=f"{_command(project, folder, 'push')} saves them;"
        f" {_command(project, folder, 'pull', '--force')} takes generation"
        f" {newest.number} and keeps this file as"
        f" `{path.stem}.before-pull-…{path.suffix}`",
    )


def _command(project: Project, folder: Folder, *words: str) -> str:
    """Write a command as it is to be given: for this environment, not another."""
    verb, *flags = words
    if project.environment != BASE_ENVIRONMENT:
        flags += ["--env", project.environment]
    return f"`{shlex.join(['elt', verb, folder.url, *flags])}`"
