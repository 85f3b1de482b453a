"""`elt pull` and `elt push`: the warehouse from and to object storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli.options import (
    AsJson,
    Environment,
    examples,
    note,
    open_project,
    print_json,
)
from elt.project.remote import KEPT_GENERATIONS

if TYPE_CHECKING:
    from elt.runner.upkeep.exchange import Exchanged

Place = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        help="A folder: `s3://bucket/acme`, `gs://…`, `abfs://…`, or one on a disk.",
    ),
]


@examples(
    (
        "elt pull s3://acme-elt/warehouse",
        "before a run, where no disk is kept",
    ),
    ("elt pull s3://acme-elt/warehouse --force", "though this file was never pushed"),
)
def pull(
    context: typer.Context,
    url: Place,
    *,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace a file that was never pushed; keep it."),
    ] = False,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the warehouse that was pushed last.

    Where nothing was pushed yet it does nothing. Exit codes: 0 done, or nothing was
    pushed yet; 3 the local file has changes that were never pushed, or is another
    warehouse; 75 the place cannot be reached, or a run is under way.
    """
    from elt.runner.upkeep.exchange import pull as fetch

    done = fetch(open_project(context, environment), url, force=force, tell=note)
    if done.generation is None:
        note("nothing was pushed there yet; the first `elt push` makes generation 1")
    elif not done.changed:
        note(f"the warehouse is generation {done.generation.number} already")
    else:
        note(f"the warehouse is generation {done.generation.number} now")
    if as_json:
        print_json(_told(done))


@examples(
    ("elt push s3://acme-elt/warehouse", "after a run"),
    ("elt push s3://acme-elt/warehouse --force", "on top of what others pushed"),
)
def push(
    context: typer.Context,
    url: Place,
    *,
    force: Annotated[
        bool,
        typer.Option("--force", help="Put it on top, whatever the newest is."),
    ] = False,
    keep: Annotated[
        int,
        typer.Option(
            "--keep", metavar="NUMBER", min=1, help="Generations whose data stays."
        ),
    ] = KEPT_GENERATIONS,
    environment: Environment = None,
    as_json: AsJson = False,
) -> None:
    """Send the warehouse to object storage.

    It becomes the next generation and never overwrites anybody's. Bookmarks and the
    baselines of syncs are in the file, so whoever pulls it goes on where this one
    stopped. Exit codes: 0 done; 3 somebody else has pushed since this warehouse was
    pulled, or has pushed another warehouse; 75 the place cannot be reached, or a run is
    under way.
    """
    from elt.runner.upkeep.exchange import push as send

    project = open_project(context, environment)
    done = send(project, url, force=force, keep=keep, tell=note)
    number = done.generation.number if done.generation else 0
    note(f"generation {number}" + ("" if done.changed else " has all of it already"))
    if as_json:
        print_json(_told(done))


def _told(done: Exchanged) -> dict[str, object]:
    import msgspec

    return {
        "changed": done.changed,
        "generation": done.generation and msgspec.to_builtins(done.generation),
    }
