"""`elt tap`: what a tap offers, what of it is chosen, and whether it works."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from elt.cli import completion
from elt.cli.options import (
    AsJson,
    Environment,
    examples,
    note,
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
from elt.cli.tap_catalogs import (
    more_of,
    opened,
    raw_catalog,
    select_in_catalog,
    selected_catalog,
    selected_leniently,
    tell_of_fallen,
    told_of,
)
from elt.errors import ConfigError, EltError

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
    project, secrets = opened(context, name, environment)
    catalog = selected_catalog(project, name, secrets, verbose=verbose)
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
    project, secrets = opened(context, name, environment)
    catalog = raw_catalog(project, name, secrets, verbose=False)
    before = list(project.file.taps[name].select)
    asked = [] if clear else _patterns(before, patterns or [], only=only)
    chosen = select_in_catalog(project, name, catalog, asked)
    if asked != before:
        from elt.project.edit import set_value

        set_value(project.root, ("taps", name, "select"), asked or None)
        told = f"select = {json.dumps(asked)}" if asked else "no `select` any more"
        note(f"elt.toml: [taps.{name}] {told}")
        tell_of_fallen(project, name, catalog, chosen)
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

    project, secrets = opened(context, name, environment)
    settings = impatient(project, name, secrets)
    catalog = selected_catalog(
        project, name, secrets, verbose=verbose, settings=settings
    )
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
                on_line=told_of(name, verbose=verbose),
                settings=settings,
            )
        except EltError as error:
            error.hint = error.hint or more_of(name)
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

    project, secrets = opened(context, name, environment)
    probes = []
    on_line = told_of(name, verbose=False)
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
    from elt.runner.catalog_memory import CatalogMemory

    project, secrets = opened(context, name, environment)
    known = CatalogMemory(project, name).last
    if known is None:
        note(f"Tap `{name}` was never discovered here; `elt plan` or `elt run` does it")
        return
    after = selected_catalog(project, name, secrets, verbose=False)
    changes = catalog_changes(selected_leniently(project, name, known), after)
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


def _patterns(before: list[str], asked: Sequence[str], *, only: bool) -> list[str]:
    """Put new patterns behind the old ones; one takes its own opposite away."""
    kept = [] if only else list(before)
    for pattern in asked:
        opposite = pattern[1:] if pattern.startswith("!") else f"!{pattern}"
        kept = [old for old in kept if old not in {pattern, opposite}]
        kept.append(pattern)
    return before if not asked and not only else kept
