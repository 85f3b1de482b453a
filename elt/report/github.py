"""What GitHub shows of a run beside its log: annotations and the step's summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from elt.report import clean
from elt.report.folds import disarmed
from elt.report.markdown import summary
from elt.report.result import Result
from elt.report.troubles import Trouble, troubles

# GitHub shows ten of a kind for each step, those that came first.
ANNOTATIONS_SHOWN = 10
# It cuts a message at 4 KB; the log and the summary have the rest.
_LETTERS = 1_000


def annotation_commands(
    result: Result, root: Path, environ: Mapping[str, str]
) -> Iterator[str]:
    """Give the workflow commands, errors first; `root` is the project's folder."""
    found = troubles(result)
    kinds = {
        "error": [each for each in found if each.status != "warned"],
        "warning": [each for each in found if each.status == "warned"],
    }
    workspace = Path(environ.get("GITHUB_WORKSPACE") or root)
    for kind, of_kind in kinds.items():
        yield from _of_one_kind(kind, of_kind, root, workspace)


def _of_one_kind(
    kind: str, found: Sequence[Trouble], root: Path, workspace: Path
) -> Iterator[str]:
    shown = found if len(found) <= ANNOTATIONS_SHOWN else found[: ANNOTATIONS_SHOWN - 1]
    for each in shown:
        properties = _place(each, root, workspace)
        properties["title"] = f"{each.name} {each.status}"
        hint = f"\nhint: {each.hint}" if each.hint else ""
        yield _command(kind, properties, clean.plain(each.message)[:_LETTERS] + hint)
    if len(shown) < len(found):
        more = f"+{len(found) - len(shown)} more"
        yield _command(kind, {"title": more}, f"{more}: the log and the summary")


def _place(trouble: Trouble, root: Path, workspace: Path) -> dict[str, str]:
    """Name the file as GitHub knows it: as seen from the repository's folder."""
    if trouble.file is None:
        return {}
    path, top = (root / trouble.file).resolve(), workspace.resolve()
    if not path.is_relative_to(top):
        return {}
    line = {"line": str(trouble.line)} if trouble.line else {}
    return {"file": path.relative_to(top).as_posix(), **line}


def _command(kind: str, properties: Mapping[str, str], message: str) -> str:
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{kind} {told}::{disarmed(_message(message))}"


def _message(text: str) -> str:
    text = clean.plain(text).strip()
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    text = _message(clean.one_line(text))
    return text.replace(":", "%3A").replace(",", "%2C")


def add_summary(result: Result, environ: Mapping[str, str]) -> None:
    """Append to the step's summary, where GitHub has named a file for it.

    Raises OSError where it cannot be written.
    """
    path = environ.get("GITHUB_STEP_SUMMARY")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(summary(result))
