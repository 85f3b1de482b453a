"""`elt runs mark`, `clear` and `undo`: a person's word about how something ended."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli import completion
from elt.cli.consent import agree
from elt.cli.options import Environment, Reason, Yes, examples, note, open_project
from elt.errors import ConfigError
from elt.report.figures import ago, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elt.runner.marking import Meant
    from elt.runner.store.marks import Mark

AssetOrStep = Annotated[
    str,
    typer.Argument(
        metavar="ASSET_OR_STEP",
        help="An asset or a step, as `elt plan` calls it: `model:orders`, `tap:crm`.",
        autocompletion=completion.assets,
    ),
]


class Said(StrEnum):
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


_MEANS = {
    Said.SUCCESS: "It counts as done now: retries leave it out, what is below may go"
    " on, a sync takes it for a test that passed.",
    Said.FAILED: "A retry does it again, with what is below it. Until it has ended"
    " well, no run goes on below it.",
    Said.SKIPPED: "Retries leave it out and go on below it with what is there. It is no"
    " fresher than it was.",
}
# What being cleared means for the next run, by the kind of the asset.
_CLEARED = {
    "stream": "counts as never loaded. Its rows and its bookmark stay, so the next run"
    " goes on from there; `elt state reset TAP STREAM` lets it begin anew",
    "test": "counts as never passed: the next run that sends its model tests it before",
    "sync": "counts as never sent. What the destination accepted is known all the same"
    " and is not sent again",
}
_BUILT = "counts as never built: the next run that sends it runs its tests before"


@examples(
    (
        'elt runs mark test:mrr_positive success --reason "checked with finance"',
        "a retry may send now",
    ),
    (
        'elt runs mark tap:crm skipped --reason "their API is down until Monday"',
        "a retry goes on without it",
    ),
    (
        'elt runs mark model:mrr failed --reason "wrong currency" --run 3f9a',
        "nothing below it goes on",
    ),
)
def mark(
    context: typer.Context,
    name: AssetOrStep,
    word: Annotated[
        Said, typer.Argument(metavar="success|failed|skipped", help="How it ended.")
    ],
    *,
    reason: Reason = "",
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="RUN",
            help="In this run; otherwise the latest that planned it.",
            autocompletion=completion.runs,
        ),
    ] = None,
    environment: Environment = None,
) -> None:
    """Say how something ended, whatever its run says.

    Kept with your name and the reason; `elt runs undo` takes it back. Of a step,
    `success` and `skipped` are about those assets that did not end well.
    """
    from elt.runner.marking import say

    if not reason.strip():
        raise ConfigError(
            "a word about a result needs a reason", hint='Add `--reason "..."`'
        )
    project = open_project(context, environment)
    marks = say(project, name, word.value, run=run, reason=reason)
    _tell(name, marks, f"is marked {word.value} in run {marks[0].run}")
    if any(each.is_current for each in marks):
        note(_MEANS[word])
    _tell_of_later(marks)
    note(f"`elt runs undo {name}` takes it back.")


@examples(
    ("elt runs clear model:mrr", "as if it had never been built"),
    ('elt runs clear tap:crm --yes --reason "moved"', "all streams of a step"),
)
def clear(
    context: typer.Context,
    name: AssetOrStep,
    *,
    reason: Reason = "",
    yes: Yes = False,
    environment: Environment = None,
) -> None:
    """Forget a last result: it counts as never done.

    No table is touched, no bookmark, and nothing that was sent.
    """
    from elt.runner.marking import meant, say

    project = open_project(context, environment)
    found = meant(project, name)
    _show_what_clearing_means(found)
    agree("Forget this?", yes=yes)
    marks = say(project, name, "cleared", run=found.run, reason=reason)
    _tell(name, marks, "is cleared")
    _tell_of_later(marks)
    note(f"`elt runs undo {name}` takes it back.")


@examples(
    ("elt runs undo test:mrr_positive", "as before it was marked, or cleared"),
    ('elt runs undo tap:crm --reason "it is up again"', "all streams of a step"),
)
def undo(
    context: typer.Context,
    name: AssetOrStep,
    *,
    reason: Reason = "",
    environment: Environment = None,
) -> None:
    """Take back the last `mark` or `clear`."""
    from elt.runner.marking import unsay

    project = open_project(context, environment)
    taken = unsay(project, name, reason=reason)
    for each in taken.marks:
        note(f"`{each.asset}` is no longer {_said(each)} by {each.author}.")
    for each in taken.late:
        note(f"`{each.asset}` has been in a run since: that result stays.")
    for each in taken.older:
        note(f"`{each.asset}` stays {_said(each)}; `elt runs undo {each.asset}`")


def _said(mark: Mark) -> str:
    return "cleared" if mark.word == "cleared" else f"marked {mark.word}"


def _tell(name: str, marks: Sequence[Mark], what: str) -> None:
    many = f" ({counted(len(marks), 'asset')})" if len(marks) > 1 else ""
    note(f"`{name}`{many} {what}.")


def _tell_of_later(marks: Sequence[Mark]) -> None:
    for each in marks:
        if not each.is_current:
            note(
                f"note: a later run has had `{each.asset}`: its own result counts for"
                f" plans; this one counts for retries of {each.run}"
            )


def _show_what_clearing_means(found: Meant) -> None:
    from datetime import UTC, datetime

    statuses = {each.asset: each for each in found.statuses}
    for asset in found.assets:
        means = _CLEARED.get(asset.partition(":")[0], _BUILT)
        last = statuses.get(asset)
        if last is None:
            note(f"`{asset}` has no result; a retry of run {found.run} does it")
            continue
        age = datetime.now(UTC) - datetime.fromisoformat(last.updated_at)
        note(f"`{asset}`, {last.status} {ago(age.total_seconds())}, {means}")
    note(f"A retry of run {found.run} does it again, with what is below it.")
