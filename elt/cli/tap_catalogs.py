"""What commands of `elt tap` ask a tap for: its catalog, and what is chosen of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from elt.cli.options import note, open_project
from elt.errors import EltError

if TYPE_CHECKING:
    from elt.events import Event
    from elt.project.secrets import Secrets
    from elt.project.settings import Project


def opened(
    context: typer.Context, name: str, environment: str | None
) -> tuple[Project, Secrets]:
    from elt.project.secrets import Secrets
    from elt.runner.preview import known_tap

    project = open_project(context, environment)
    known_tap(project, name)
    return project, Secrets(project.root)


def raw_catalog(
    project: Project,
    name: str,
    secrets: Secrets,
    *,
    verbose: bool,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    from elt.events import LogLine
    from elt.runner.discovery import ask_for_catalog

    def listen(event: Event) -> None:
        if not isinstance(event, LogLine):
            return
        if verbose or event.source != name:
            note(secrets.scrub(event.text))
        elif event.level == "warning":
            note(f"warning: {secrets.scrub(event.text)}")

    try:
        return ask_for_catalog(project, name, secrets, listen=listen, settings=settings)
    except EltError as error:
        error.hint = error.hint or more_of(name)
        raise


def more_of(name: str) -> str:
    return f"`elt tap test {name}` tells what of it works"


def selected_catalog(
    project: Project,
    name: str,
    secrets: Secrets,
    *,
    verbose: bool,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    from elt.runner.discovery import selected_in

    found = raw_catalog(project, name, secrets, verbose=verbose, settings=settings)
    return selected_in(project, name, found)


def selected_leniently(
    project: Project, name: str, catalog: Mapping[str, Any]
) -> dict[str, Any]:
    """Select in an old catalog, which may not know what the settings name now."""
    from elt.runner.discovery import selected_in
    from elt.singer.catalog import select as select_in

    try:
        return selected_in(project, name, catalog)
    except EltError:
        return select_in(catalog, (), {})


def select_in_catalog(
    project: Project, name: str, catalog: Mapping[str, Any], patterns: Sequence[str]
) -> dict[str, Any]:
    from elt.singer.catalog import select as select_in

    try:
        return select_in(catalog, patterns, project.file.taps[name].streams)
    except EltError as error:
        error.where = error.where or project.where("taps", name)
        raise


def tell_of_fallen(
    project: Project, name: str, catalog: Mapping[str, Any], chosen: Mapping[str, Any]
) -> None:
    """Say how many streams are not selected any more: patterns may name only others."""
    from elt.report.figures import counted
    from elt.singer.catalog import selected_streams

    before = selected_streams(selected_leniently(project, name, catalog))
    fallen = {one.id for one in before} - {one.id for one in selected_streams(chosen)}
    if not fallen:
        return
    text = f"{counted(len(fallen), 'stream')} not selected any more"
    if not project.file.taps[name].select:
        text += ": without `select` the tap's own choice was; `'*'` first adds to all"
    note(text)


def told_of(name: str, *, verbose: bool) -> Callable[[str], None]:
    """Make what tells a line of the tap: each, or those that say that it waits."""
    from elt.singer.log_lines import said_of_a_wait

    def tell(text: str) -> None:
        if verbose:
            note(text)
        elif waits := said_of_a_wait(text):
            note(f"{name}: {waits}")

    return tell
