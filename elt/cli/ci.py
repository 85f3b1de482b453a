"""`elt ci init`: a workflow that runs the project on GitHub or GitLab."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli.options import Environment, examples, note, open_project, say
from elt.errors import ConfigError

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.project.workflows import Needed


STDOUT = Path("-")


class Place(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"


@examples(
    ("elt ci init", "for GitHub, or for GitLab where the repository is there"),
    ("elt ci init github --env prod", "run the environment `prod`"),
    (
        "elt ci init --storage s3://acme-elt/warehouse",
        "keep the warehouse there, instead of in a cache",
    ),
    ("elt ci init gitlab --output .gitlab/elt.yml", "beside a `.gitlab-ci.yml`"),
)
def init(
    context: typer.Context,
    place: Annotated[
        Place | None,
        typer.Argument(
            metavar="PLACE", help="`github` or `gitlab`.", show_default=False
        ),
    ] = None,
    *,
    environment: Environment = None,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            metavar="URL",
            help="Where `elt pull` and `elt push` keep the warehouse, as"
            " `s3://bucket/folder`; without it, in a cache of the CI.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="Write it there instead; `-` is stdout."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file that is there.")
    ] = False,
) -> None:
    """Write a workflow that runs the project each night, and by hand.

    It keeps the warehouse between runs, never lets two runs overlap, has a time limit,
    passes on the secrets that elt.toml refers to, and shows the result as JUnit.
    """
    from elt.project.workflows import needed_secrets, workflow

    project = open_project(context, environment)
    url = _checked(storage)
    top = _repository(project.root)
    chosen = place or _guessed(top)
    path = output or top / _file(project, chosen, top)
    on_stdout = path == STDOUT
    if path.exists() and not force and not on_stdout:
        raise ConfigError(
            "there is a file already, and it may be yours",
            where=str(path),
            hint="Name another: `--output FILE`, or write over it: `--force`",
        )
    text = workflow(project, chosen.value, top, url)
    if on_stdout:
        say(text.rstrip())
        return
    _write(path, text)
    note(f"Wrote {path}. Next:\n")
    names = _secrets(chosen, needed_secrets(project), url)
    _tell_next(chosen, names, stored=bool(url), included=output is not None)


def _checked(storage: str | None) -> str:
    """Give the address that `--storage` names; empty where it was not given."""
    from elt.project.remote import require_name, require_refusal

    if storage is None:
        return ""
    require_name(storage)
    require_refusal(storage)
    return storage


def _repository(root: Path) -> Path:
    """Find the folder that the workflow's place counts from."""
    folders = (root, *root.parents)
    return next((each for each in folders if (each / ".git").exists()), root)


def _guessed(top: Path) -> Place:
    config = top / ".git" / "config"
    try:
        remotes = config.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Place.GITHUB
    return Place.GITLAB if "gitlab" in remotes.lower() else Place.GITHUB


def _file(project: Project, place: Place, top: Path) -> str:
    if place is Place.GITLAB:
        return ".gitlab-ci.yml"
    # A repository may hold several projects.
    own = "" if project.root == top else f"-{project.root.name}"
    return f".github/workflows/elt{own}.yml"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the workflow cannot be written: {error.strerror}",
            where=str(path),
            hint="Name another place: `--output FILE`",
        ) from error


def _secrets(place: Place, needed: Needed, storage: str) -> list[str]:
    """Name the CI's secrets, which is what somebody has to set."""
    from elt.project.workflows import file_secret_name, secret_name, storage_secrets

    github = place is Place.GITHUB
    names = [secret_name(name) if github else name for name in needed.variables]
    names += [file_secret_name(path) for path in needed.files]
    return [*names, *storage_secrets(storage)]


def _tell_next(place: Place, names: list[str], *, stored: bool, included: bool) -> None:
    from elt.project.workflows import installed_from

    steps = []
    if origin := installed_from():
        steps.append(
            f"Say in it where pip finds elt, as its comment shows: here it came from"
            f" {origin}"
        )
    if place is Place.GITHUB:
        where = "Settings > Secrets and variables > Actions"
        start = "Start it by hand once: Actions > Run workflow"
    else:
        where = "Settings > CI/CD > Variables"
        start = "Start it once: Build > Pipelines > Run pipeline; add a schedule there"
    if names:
        steps.append(f"Set under {where}: {', '.join(names)}")
    if place is Place.GITLAB and included:
        steps.append("Add it to `.gitlab-ci.yml`, under `include:` as `local:`")
    look = [
        *(["its time"] if place is Place.GITHUB else []),  # GitLab's is no part of it
        *([] if stored else ["what it says of the cache"]),
    ]
    if look:
        steps.append("Look at " + ", and at ".join(look))
    steps.append("Commit and push")
    steps.append(f"{start}. If a sync sends for the first time, with `--first`")
    for number, step in enumerate(steps, 1):
        note(f"  {number}. {step}")
