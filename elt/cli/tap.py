"""`elt tap`: what a tap offers, what of it is chosen, and whether it works."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elt.cli import completion
from elt.cli.options import (
    AsJson,
    Environment,
    examples,
    note,
    open_project,
    print_json,
)
from elt.cli.tap_answers import (
    print_changes,
    print_failed_probes,
    print_json_lines,
    print_preview,
    print_probe,
    print_tree,
    probe_document,
    shown,
)
from elt.errors import ConfigError, EltError

if TYPE_CHECKING:
    from elt.events import Event
    from elt.project.secrets import Secrets
    from elt.project.settings import Project

Tap = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A tap of elt.toml, under `[taps]`.",
        autocompletion=completion.taps,
    ),
]
Streams = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STREAM", help="Only these streams. Nothing: all.", show_default=False
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show what the tap writes on stderr.")
]


@examples(
    ("elt tap discover crm", "its streams and columns, and what is selected"),
    ("elt tap discover crm contacts", "one stream, with all of its columns"),
    ("elt tap discover crm --json", "the Singer catalog"),
)
def discover(
    context: typer.Context,
    name: Tap,
    streams: Streams = None,
    *,
    columns: Annotated[
        bool, typer.Option("--columns", help="Show columns however many there are.")
    ] = False,
    environment: Environment = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Show what a tap offers, and how it would load.

    Streams and columns, with their types and keys, as a tree.
    """
    project, secrets = _opened(context, name, environment)
    catalog = _selected(project, name, secrets, verbose=verbose)
    streams_shown = shown(project, name, catalog, streams or ())
    if as_json:
        print_json(_only_named(catalog, streams or ()))
        return
    print_tree(name, streams_shown, with_columns=columns or bool(streams))


@examples(
    ("elt tap select crm", "what is selected now"),
    ("elt tap select crm contacts 'deals.*' '!contacts.ssn'", "add to it, take away"),
    ("elt tap select crm --only contacts", "this and nothing else"),
)
def select(
    context: typer.Context,
    name: Tap,
    patterns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATTERN",
            help="A stream, or stream.column; `*` for any; `!` in front takes away.",
            show_default=False,
        ),
    ] = None,
    *,
    only: Annotated[
        bool, typer.Option("--only", help="In place of what was selected before.")
    ] = False,
    clear: Annotated[
        bool,
        typer.Option(
            "--clear",
            help="Take `select` out of elt.toml: the tap's own choice is what is left.",
        ),
    ] = False,
    environment: Environment = None,
) -> None:
    """Choose streams and columns, in elt.toml.

    Without patterns, show what is chosen.
    """
    if clear and (patterns or only):
        raise ConfigError(
            "`--clear` leaves nothing chosen, so it goes with no pattern",
            hint="To choose something in place of the rest: `--only`",
        )
    project, secrets = _opened(context, name, environment)
    catalog = _raw(project, name, secrets, verbose=False)
    before = list(project.file.taps[name].select)
    asked = [] if clear else _patterns(before, patterns or [], only=only)
    chosen = _select_in(project, name, catalog, asked)
    if asked != before:
        from elt.project.edit import set_value

        set_value(project.root, ("taps", name, "select"), asked or None)
        told = f"select = {json.dumps(asked)}" if asked else "no `select` any more"
        note(f"elt.toml: [taps.{name}] {told}")
        _tell_of_fallen(project, name, catalog, chosen)
        note("")
    streams_shown = [each for each in shown(project, name, chosen, ()) if each.selected]
    print_tree(name, streams_shown, with_columns=False)


@examples(
    ("elt tap preview crm contacts", "its first ten records, loaded nowhere"),
    ("elt tap preview crm --limit 3", "three of each selected stream"),
    ("elt tap preview crm contacts --json | jq .", "a record a line"),
)
def preview(
    context: typer.Context,
    name: Tap,
    streams: Streams = None,
    *,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Records of each stream.")
    ] = 10,
    environment: Environment = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Print the first records of a tap's streams. Nothing is loaded or remembered."""
    from elt.runner.preview import chosen_streams, first_records, impatient

    project, secrets = _opened(context, name, environment)
    settings = impatient(project, name, secrets)
    catalog = _selected(project, name, secrets, verbose=verbose, settings=settings)
    chosen = chosen_streams(catalog, streams or ())
    if not chosen:
        note(f"Nothing of tap `{name}` is selected; `elt tap select {name} '*'`")
    for stream in chosen:
        try:
            seen = first_records(
                project,
                name,
                catalog,
                stream,
                secrets=secrets,
                limit=limit,
                on_line=_told_of(name, verbose=verbose),
                settings=settings,
            )
        except EltError as error:
            error.hint = error.hint or _more_of(name)
            raise
        print_json_lines(seen) if as_json else print_preview(seen)


@examples(
    ("elt tap test crm", "network, credentials, and the right to read each stream"),
    ("elt tap test crm contacts", "one stream"),
)
def test_(
    context: typer.Context,
    name: Tap,
    streams: Streams = None,
    *,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Try a tap: network, credentials, rights.

    It reaches the source, logs in, and reads one record of each stream.

    What fails is told apart: network, limits, credentials, permissions, settings.
    """
    from elt.runner.preview import probe, probe_exit_code

    project, secrets = _opened(context, name, environment)
    probes = []
    on_line = _told_of(name, verbose=False)
    for each in probe(project, name, streams or (), secrets, on_line=on_line):
        probes.append(each)
        if not as_json and each.error is None:
            print_probe(each)
    if as_json:
        print_json([probe_document(name, each) for each in probes])
    else:
        print_failed_probes(name, probes)
    code = probe_exit_code(probes)
    if code:
        raise typer.Exit(code)
    note("\nAll is well; nothing was loaded")


@examples(("elt tap diff crm", "what changed at the source since the last discovery"))
def diff(
    context: typer.Context,
    name: Tap,
    *,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Show what a fresh discovery would change.

    Streams and columns that came and went, types, keys.
    """
    from elt.runner.catalog_changes import catalog_changes
    from elt.runner.discovery import remembered_catalog

    project, secrets = _opened(context, name, environment)
    known = remembered_catalog(project, name)
    if known is None:
        note(f"Tap `{name}` was never discovered here; `elt plan` or `elt run` does it")
        return
    after = _selected(project, name, secrets, verbose=False)
    changes = catalog_changes(_selected_leniently(project, name, known), after)
    if as_json:
        print_json([asdict(change) for change in changes])
        return
    if not changes:
        note(f"Nothing has changed: tap `{name}` offers what it did")
        return
    print_changes(changes)


def _only_named(catalog: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Leave out the other streams; without names, give the whole catalog."""
    streams = [
        entry
        for entry in catalog["streams"]
        if not names or {entry["tap_stream_id"], entry.get("stream")} & set(names)
    ]
    return {**catalog, "streams": streams}


def _opened(
    context: typer.Context, name: str, environment: str | None
) -> tuple[Project, Secrets]:
    from elt.project.secrets import Secrets
    from elt.runner.preview import known_tap

    project = open_project(context, environment)
    known_tap(project, name)
    return project, Secrets(project.root)


def _raw(
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
        error.hint = error.hint or _more_of(name)
        raise


def _more_of(name: str) -> str:
    return f"`elt tap test {name}` tells what of it works"


def _selected(
    project: Project,
    name: str,
    secrets: Secrets,
    *,
    verbose: bool,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    from elt.runner.discovery import selected_in

    found = _raw(project, name, secrets, verbose=verbose, settings=settings)
    return selected_in(project, name, found)


def _selected_leniently(
    project: Project, name: str, catalog: Mapping[str, Any]
) -> dict[str, Any]:
    """Select in an old catalog, which may not know what the settings name now."""
    from elt.runner.discovery import selected_in
    from elt.singer.catalog import select as select_in

    try:
        return selected_in(project, name, catalog)
    except EltError:
        return select_in(catalog, (), {})


def _select_in(
    project: Project, name: str, catalog: Mapping[str, Any], patterns: Sequence[str]
) -> dict[str, Any]:
    from elt.singer.catalog import select as select_in

    try:
        return select_in(catalog, patterns, project.file.taps[name].streams)
    except EltError as error:
        error.where = error.where or project.where("taps", name)
        raise


def _tell_of_fallen(
    project: Project, name: str, catalog: Mapping[str, Any], chosen: Mapping[str, Any]
) -> None:
    """Say how many streams are not selected any more: patterns may name only others."""
    from elt.report.figures import counted
    from elt.singer.catalog import selected_streams

    before = selected_streams(_selected_leniently(project, name, catalog))
    fallen = {one.id for one in before} - {one.id for one in selected_streams(chosen)}
    if not fallen:
        return
    text = f"{counted(len(fallen), 'stream')} not selected any more"
    if not project.file.taps[name].select:
        text += ": without `select` the tap's own choice was; `'*'` first adds to all"
    note(text)


def _patterns(before: list[str], asked: Sequence[str], *, only: bool) -> list[str]:
    """Put new patterns behind the old ones; one takes its own opposite away."""
    kept = [] if only else list(before)
    for pattern in asked:
        opposite = pattern[1:] if pattern.startswith("!") else f"!{pattern}"
        kept = [old for old in kept if old not in {pattern, opposite}]
        kept.append(pattern)
    return before if not asked and not only else kept


def _told_of(name: str, *, verbose: bool) -> Callable[[str], None]:
    """Make what tells a line of the tap: each, or those that say that it waits."""
    from elt.singer.log_lines import said_of_a_wait

    def tell(text: str) -> None:
        if verbose:
            note(text)
        elif waits := said_of_a_wait(text):
            note(f"{name}: {waits}")

    return tell
