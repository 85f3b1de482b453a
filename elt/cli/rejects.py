"""`elt rejects`: records that were set aside, by cause, and what is done about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elt.cli import completion
from elt.cli.consent import agree
from elt.cli.options import (
    AsJson,
    Environment,
    Yes,
    examples,
    note,
    open_project,
    print_json,
    say,
)
from elt.cli.reject_answers import (
    counted,
    line,
    pretty,
    print_answers,
    print_causes,
    print_rejects,
    write_to,
)
from elt.errors import ConfigError
from elt.report.figures import local

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from elt.project.settings import Project
    from elt.warehouse.rejects import Cause, Reject, Wanted

Ids = Annotated[
    list[int] | None,
    typer.Argument(metavar="ID", help="Single rejects.", show_default=False),
]
Id = Annotated[int, typer.Argument(metavar="ID", help="A reject, by its number.")]
Tap = Annotated[
    str | None,
    typer.Option(
        "--tap",
        metavar="TAP",
        help="Only those of this tap.",
        autocompletion=completion.taps,
    ),
]
Stream = Annotated[
    str | None,
    typer.Option("--stream", metavar="STREAM", help="Only those of this stream."),
]
Run = Annotated[
    str | None,
    typer.Option(
        "--run", metavar="RUN", help="Only those of this run: its id, or `last`."
    ),
]
Reason = Annotated[
    str | None,
    typer.Option(
        "--reason", metavar="TEXT", help="Only those with this in their reason."
    ),
]


@examples(
    ("elt rejects list", "what was wrong, how often, with an example"),
    ("elt rejects list --tap crm --all", "each one, with its id"),
    ("elt rejects list --run last --json", "of the last run that had any"),
)
def list_(
    context: typer.Context,
    *,
    tap: Tap = None,
    stream: Stream = None,
    run: Run = None,
    reason: Reason = None,
    every: Annotated[
        bool, typer.Option("--all", help="Each reject, and not their causes.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Lines that a table shows.")
    ] = 100,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """List why records were set aside, most frequent first."""
    from elt.warehouse.rejects import Wanted

    project = open_project(context, environment)
    wanted = Wanted(tap=tap, stream=stream, run=run, reason=reason)
    found: Sequence[Any] = (
        _rejects(project, wanted) if every else _causes(project, wanted)
    )
    if as_json:
        print_json([asdict(one) for one in found])
    elif not found:
        note("There are no rejects." if wanted == Wanted() else "There are none such.")
    elif every:
        print_rejects(found[:limit])
    else:
        print_causes(found[:limit])
    if not as_json and len(found) > limit:
        note(f"the first {limit:,} of {len(found):,}; `--limit N` shows more")


@examples(
    ("elt rejects show 12", "the record as it came, and what is wrong with it"),
    ("elt rejects show 12 --json", "for programs"),
)
def show(
    context: typer.Context,
    id_: Id,
    *,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Show one reject: its record, the column, the reason."""
    from elt.warehouse.rejects import Wanted

    project = open_project(context, environment)
    (reject,) = _rejects(project, Wanted(ids=(id_,)))
    if as_json:
        print_json(asdict(reject))
        return
    about = {
        "stream": f"{reject.tap}.{reject.stream}",
        "column": reject.column,
        "value": reject.value,
        "reason": reject.reason,
        "stale": reject.stale,
        "file": reject.constants,
        "run": f"{reject.run}, {local(reject.rejected_at)}",
    }
    for name, value in about.items():
        if value is not None:
            note(f"{name:<8}{line(value)}")
    note("")
    say(pretty(reject.record))


@examples(
    ("elt rejects retry", "all of them, after the schema or the tap was mended"),
    ("elt rejects retry --tap crm --stream deals", "some of them"),
    ("elt rejects retry 12 13", "single ones"),
)
def retry(
    context: typer.Context,
    ids: Ids = None,
    *,
    tap: Tap = None,
    stream: Stream = None,
    run: Run = None,
    reason: Reason = None,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Load rejects again, as their streams are now.

    What fits moves into its table; the rest stays, with its new reason.
    """
    from elt.project.secrets import Secrets
    from elt.runner.rejected import retry_rejects
    from elt.warehouse.rejects import Wanted

    project = open_project(context, environment)
    wanted = Wanted(
        ids=tuple(ids or ()), tap=tap, stream=stream, run=run, reason=reason
    )
    with _looked_at(project, wanted):
        pass  # only whether the names are right
    answers = retry_rejects(project, Secrets(project.root), wanted)
    if as_json:
        print_json([asdict(answer) for answer in answers])
        return
    if not answers:
        note("There are no rejects to load.")
        return
    print_answers(answers)


@examples(
    ("elt rejects drop --tap crm --to crm.jsonl", "kept in a file first"),
    ("elt rejects drop --reason stale --yes", "those that are too old"),
    ("elt rejects drop 12 13", "single ones; it asks"),
)
def drop(
    context: typer.Context,
    ids: Ids = None,
    *,
    tap: Tap = None,
    stream: Stream = None,
    run: Run = None,
    reason: Reason = None,
    every: Annotated[bool, typer.Option("--all", help="All there are.")] = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write them to this file first."),
    ] = None,
    yes: Yes = False,
    environment: Environment = None,
) -> None:
    """Delete rejects for good, after asking."""
    from elt.project.secrets import Secrets
    from elt.runner.lock import Held
    from elt.runner.rejected import drop_rejects
    from elt.warehouse.rejects import Wanted

    project = open_project(context, environment)
    wanted = Wanted(
        ids=tuple(ids or ()), tap=tap, stream=stream, run=run, reason=reason
    )
    if (wanted == Wanted()) != every:
        raise ConfigError(
            "say which rejects: by id, by a filter, or `--all`",
            hint="`elt rejects list` shows what there is",
        )
    found = _rejects(project, wanted)
    if not found:
        note("There are no rejects to drop.")
        return
    agree(f"Drop {counted(len(found))} for good?", yes=yes)
    if to is not None:
        write_to(to, found)
    try:
        drop_rejects(project, Secrets(project.root), [reject.id for reject in found])
    except Held:  # nothing was dropped, and the same words shall do it later
        if to is not None:
            to.unlink()
        raise
    kept = f"; they are kept in {to}" if to else ""
    note(f"Dropped {counted(len(found))}{kept}")


def _rejects(project: Project, wanted: Wanted) -> list[Reject]:
    from elt.warehouse.rejects import rejects

    with _looked_at(project, wanted) as cursor:
        return rejects(cursor, project.environment, wanted) if cursor else []


def _causes(project: Project, wanted: Wanted) -> list[Cause]:
    from elt.warehouse.rejects import causes

    with _looked_at(project, wanted) as cursor:
        return causes(cursor, project.environment, wanted) if cursor else []


@contextmanager
def _looked_at(project: Project, wanted: Wanted) -> Iterator[DuckDBPyConnection | None]:
    """Lend a connection that reads rejects, once all that is wanted is there."""
    from elt.project.secrets import Secrets
    from elt.runner.rejected import check_names, looked_at

    with looked_at(project, Secrets(project.root)) as cursor:
        check_names(project, cursor, wanted)
        yield cursor
