"""The catalogs of a project's taps: asked for, chosen from, asked for again.

A tap whose answer stands is not asked; only the preview trusts what others said last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from elt.errors import ConfigError, EltError, Unavailable
from elt.events import Listener, LogLine, ignore
from elt.plugins import find, tap_program
from elt.project.check import named
from elt.project.map_rules import Known, map_problems, misspelt
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.project.stream_settings import StreamTable
from elt.project.tap_settings import TapTable
from elt.runner.attempt import Edges, Stop
from elt.runner.catalog_memory import CatalogMemory
from elt.runner.limits import step_limits
from elt.runner.retries import delay_seconds, worth_another
from elt.runner.tap_lines import tap_line
from elt.singer.catalog import Stream, select, selected_streams
from elt.singer.discover import discover
from elt.singer.process import TapProgram

_SIDE_BY_SIDE = 4


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
        known = CatalogMemory(project, tap).last
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
    memory = CatalogMemory(project, tap)
    catalog = memory.current if preview or memory.answers_alike else None
    if catalog is None:
        catalog = (
            ask_for_catalog(project, tap, secrets, listen=listen)
            if again is None
            else _asked_again(project, tap, secrets, listen=listen, again=again)
        )
        _tell_of_gone(project, tap, memory.current, catalog, listen=listen)
        memory.keep(catalog)
    return selected_in(project, tap, catalog)


def _tell_of_gone(
    project: Project,
    tap: str,
    known: Mapping[str, Any] | None,
    catalog: Mapping[str, Any],
    *,
    listen: Listener,
) -> None:
    """Warn once of streams that the source has let go, or shows us no more."""
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
    is_asked_once = CatalogMemory(project, tap).answers_alike

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
