"""The catalogs of a project's taps: asked for, remembered, asked for again.

Asking costs the start of a program, and for many taps calls to their API. What a tap
of our own kinds answered stands until its settings, its code or its files change,
unless it says that its source changes it; such a tap and a foreign program are asked
again by every run, and only the preview trusts its memory.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from elt.errors import ConfigError, EltError, Unavailable
from elt.events import Listener, LogLine, ignore
from elt.plugins import find, tap_program
from elt.project.atomic import make_private_folder
from elt.project.check import named
from elt.project.map_rules import Known, map_problems, misspelt
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.project.stream_settings import StreamTable
from elt.project.tap_settings import TapTable
from elt.runner.attempt import Edges, Stop
from elt.runner.limits import step_limits
from elt.runner.retries import delay_seconds, worth_another
from elt.runner.tap_lines import tap_line
from elt.singer.catalog import CHANGES, Stream, select, selected_streams
from elt.singer.discover import discover
from elt.singer.installed import versions_of
from elt.singer.packages import package_of
from elt.singer.process import TapProgram

_SIDE_BY_SIDE = 4
_FILES = ("path", "schemas", "tracking_plan")  # settings that name files


@dataclass(frozen=True, slots=True)
class Discovered:
    """The selected catalogs of the taps that answered, and why the others did not."""

    catalogs: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    errors: Mapping[str, EltError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Again:
    """What asking more than once goes by: who may end it, and the clock."""

    stop: Stop = field(default_factory=Stop)
    edges: Edges = field(default_factory=Edges)


def discover_all(
    project: Project,
    secrets: Secrets,
    *,
    preview: bool,
    listen: Listener,
    wanted: Collection[str] | None = None,
    again: Again | None = None,
) -> Discovered:
    """Ask the taps of the project, several side by side.

    Of those that are not `wanted`, or do not answer, what they answered last stands.
    With `again`, a tap whose source is not there is asked as often as its step would
    be tried.
    """
    catalogs: dict[str, dict[str, Any]] = {}
    errors: dict[str, EltError] = {}

    def recall(tap: str) -> None:
        known = remembered_catalog(project, tap)
        if known is not None:
            with suppress(EltError):  # the settings may name what it does not have
                catalogs[tap] = selected_in(project, tap, known)

    def ask(tap: str) -> None:
        if wanted is not None and tap not in wanted:
            recall(tap)
            return
        try:
            catalogs[tap] = catalog_of(
                project, tap, secrets, preview=preview, listen=listen, again=again
            )
        except EltError as error:
            errors[tap] = error
            recall(tap)

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        list(pool.map(ask, project.file.taps))
    in_order = {tap: catalogs[tap] for tap in project.file.taps if tap in catalogs}
    return Discovered(in_order, errors)


def catalog_of(
    project: Project,
    tap: str,
    secrets: Secrets,
    *,
    preview: bool,
    listen: Listener,
    again: Again | None = None,
) -> dict[str, Any]:
    """Give a tap's catalog with the project's selection in it."""
    memory = _memory(project, tap)
    catalog = None
    if preview or _answers_alike(project, tap):
        catalog = _remembered(memory, _identity(project, tap))
    if catalog is None:
        catalog = (
            ask_for_catalog(project, tap, secrets, listen=listen)
            if again is None
            else _asked_again(project, tap, secrets, listen=listen, again=again)
        )
        _tell_of_gone(project, tap, catalog, listen=listen)
        # Asking may have installed a package: another version, another catalog.
        _remember(memory, _identity(project, tap), catalog)
    return selected_in(project, tap, catalog)


def _tell_of_gone(
    project: Project, tap: str, catalog: Mapping[str, Any], *, listen: Listener
) -> None:
    """Warn once of streams that the source has let go, or shows us no more."""
    known = _remembered(_memory(project, tap), _identity(project, tap))
    if known is None:  # the settings are others, and the person who set them knows
        return
    offered = {entry["tap_stream_id"] for entry in catalog.get("streams") or []}
    with suppress(EltError):  # the settings may name what it did not have
        for stream in selected_streams(selected_in(project, tap, known)):
            if stream.id not in offered:
                text = f"`{stream.id}` is not offered any more; its table stays"
                step = f"tap:{tap}"
                listen(LogLine(step=step, source="elt", level="warning", text=text))


def _asked_again(
    project: Project, tap: str, secrets: Secrets, *, listen: Listener, again: Again
) -> dict[str, Any]:
    """Ask a tap for its catalog; where its source is not there, a little later too."""
    limits = step_limits(project.file, f"tap:{tap}")
    attempt = 1
    while True:
        again.stop.heed()  # before anything is started
        try:
            return ask_for_catalog(
                project, tap, secrets, listen=listen, stop=again.stop
            )
        except Unavailable as error:
            if again.stop.is_set() or not worth_another(error, attempt, limits):
                raise
            chance = again.edges.random()
            delay = delay_seconds(error, attempt, limits, chance=chance)
            text = f"{error.what}; it is asked again in {delay:.0f} s"
            step = f"tap:{tap}"
            listen(LogLine(step=step, source="elt", level="warning", text=text))
            again.edges.sleep(again.stop, delay)
            attempt += 1


def remembered_catalog(project: Project, tap: str) -> dict[str, Any] | None:
    """Give what the tap answered last, even if its settings have changed since."""
    return _remembered(_memory(project, tap), None)


def selected_in(
    project: Project, tap: str, catalog: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the project's selection of a tap into its catalog."""
    table = project.file.taps[tap]
    try:
        chosen = select(catalog, table.select, table.streams)
    except EltError as error:
        error.where = error.where or project.where("taps", tap)
        raise
    for stream in selected_streams(chosen):
        _check_maps(project, tap, stream)
    return chosen


def _check_maps(project: Project, tap: str, stream: Stream) -> None:
    """Raise ConfigError for maps that the stream, as it is, cannot have."""
    settings = stream_settings(project, tap, stream)
    name = stream.id if stream.id in project.file.taps[tap].streams else stream.name
    path = ("taps", tap, "streams", name)
    properties = stream.schema.get("properties") or {}
    for told, meant in misspelt(settings, properties):
        raise ConfigError(
            f"{named(path)} has no column `{told}`",
            where=project.where(*path),
            hint=f"Did you mean `{meant}`?",
        )
    known = Known(
        key=stream.key_properties,
        replication_key=stream.replication_key,
        properties=properties,
    )
    for problem in map_problems(path, settings, known):
        raise ConfigError(problem.what, where=project.where(*path), hint=problem.hint)


def stream_settings(project: Project, tap: str, stream: Stream) -> StreamTable:
    """Give what the project says of a stream, under its id or its name."""
    tables = project.file.taps[tap].streams
    return tables.get(stream.id) or tables.get(stream.name) or StreamTable()


def program_of(
    project: Project, tap: str, secrets: Secrets, *, listen: Listener = ignore
) -> TapProgram:
    """Give the tap's program, with the variables of `.env` in its environment.

    `listen` hears of the installation of its package.
    """

    def on_line(text: str) -> None:
        listen(LogLine(step=f"tap:{tap}", source="elt", level="info", text=text))

    return tap_program(project, tap, environ=secrets.environ, on_line=on_line)


def config_of(
    project: Project, tap: str, secrets: Secrets, *, rows: bool = False
) -> dict[str, Any]:
    """Give a tap's settings with its secrets in them.

    Our own taps of files name files instead of writing out their rows, unless
    somebody else than our loader reads it and asks for `rows`.
    """
    table = project.file.taps[tap]
    config = secrets.resolve(table.config, f"[taps.{tap}.config]")
    if rows:
        return dict(config)
    if _takes_batches(table):
        root = (project.private_dir / "tmp").absolute()
        config = {
            "batch_config": {
                "encoding": {"format": "jsonl", "compression": "none"},
                "storage": {"root": root.as_uri()},
            },
            **config,
        }
    return dict(config)


def _takes_batches(table: TapTable) -> bool:
    name = table.plugin
    return name in ("files", "events") and find("tap", name, None).origin == "built in"


def ask_for_catalog(
    project: Project,
    tap: str,
    secrets: Secrets,
    *,
    listen: Listener,
    stop: Stop | None = None,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Ask a tap for its catalog, whatever is remembered of it.

    `settings` are laid over the tap's config.
    """
    stop = stop or Stop()
    is_asked_once = _answers_alike(project, tap)

    def on_line(text: str) -> None:
        # What is asked at every run would warn of the same at every run.
        listen(tap_line(f"tap:{tap}", tap, text, with_warnings=is_asked_once))

    with secrets.kept_out_of_errors():
        return discover(
            program_of(project, tap, secrets, listen=listen),
            {**config_of(project, tap, secrets), **(settings or {})},
            on_line=on_line,
            should_stop=stop.is_set,
        )


def _answers_alike(project: Project, tap: str) -> bool:
    """Say whether the same settings, code and files always give the same catalog.

    As far as is known: a tap tells with its catalog that this is not so.
    """
    known = remembered_catalog(project, tap) or {}
    return project.file.taps[tap].plugin is not None and not known.get(CHANGES)


def _identity(project: Project, tap: str) -> str:
    """Sum up what a tap's catalog depends on."""
    table = project.file.taps[tap]
    digest = hashlib.sha256(msgspec.json.encode(table, order="deterministic"))
    if table.plugin is not None:
        plugin = find("tap", table.plugin, project.root)
        digest.update(f"{plugin.target} {plugin.where}".encode())
        code = Path(plugin.target.rpartition(":")[0] or plugin.target)
        if plugin.origin == "project":
            digest.update(_content(code))
    package = package_of(project, "tap", tap)
    if package is not None:
        digest.update(repr(versions_of(package)).encode())
    for path in sorted(_files(project.root, table.config)):
        digest.update(_stat(path))
    return digest.hexdigest()


def _content(code: Path) -> bytes:
    path = code if code.suffix == ".py" else code.with_suffix(".py")
    return path.read_bytes() if path.is_file() else b""


def _files(root: Path, config: Mapping[str, Any]) -> Iterator[Path]:
    """Find the files that settings name, however deep in them they stand."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _files(root, value)
        elif isinstance(value, list):
            for entry in value:
                if isinstance(entry, Mapping):
                    yield from _files(root, entry)
        elif key in _FILES and isinstance(value, str):
            yield from _matches(root, value)


def _matches(root: Path, pattern: str) -> Iterator[Path]:
    # Not Path.glob: a pattern may be absolute and then has no root to start from.
    for name in glob.glob(str(root / pattern), recursive=True):  # noqa: PTH207
        path = Path(name)
        yield from path.rglob("*") if path.is_dir() else (path,)


def _stat(path: Path) -> bytes:
    name = os.fsencode(path)
    try:
        seen = path.stat()
    except OSError:  # gone since it was listed, or a link to nowhere
        return name
    return name + f" {seen.st_size} {seen.st_mtime_ns}".encode()


def _memory(project: Project, tap: str) -> Path:
    return project.private_dir / "catalogs" / f"{project.environment}.{tap}.json"


def _remembered(memory: Path, identity: str | None) -> dict[str, Any] | None:
    try:
        found = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    if identity is not None and found.get("identity") != identity:
        return None
    catalog: dict[str, Any] = found["catalog"]
    return catalog


def _remember(memory: Path, identity: str, catalog: Mapping[str, Any]) -> None:
    make_private_folder(memory.parent)
    aside = memory.with_suffix(f".{os.getpid()}")
    aside.write_text(json.dumps({"identity": identity, "catalog": catalog}))
    aside.replace(memory)
