"""What a run leaves beside what it says: a document, a JUnit file, CI's own marks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elt.cli.options import LogFormat, note
from elt.errors import ConfigError, EltError, of_the_disk

if TYPE_CHECKING:
    from elt.project.secrets import Secrets
    from elt.project.settings import Project
    from elt.report.document import Ending
    from elt.report.folds import Place
    from elt.report.result import Result
    from elt.runner.plan import RunRequest
    from elt.runner.result import RunResult

_INTERRUPTED_EXIT_CODE = 130


def ci_of(
    log_format: LogFormat, environ: Mapping[str, str] = os.environ
) -> Place | None:
    """Say in which CI's manner to tell a run: as asked for, else where we are."""
    match log_format:
        case LogFormat.GITHUB:
            return "github"
        case LogFormat.GITLAB:
            return "gitlab"
        case LogFormat.AUTO if environ.get("GITHUB_ACTIONS") == "true":
            return "github"
        case LogFormat.AUTO if environ.get("GITLAB_CI") == "true":
            return "gitlab"
        case _:
            return None


@dataclass(kw_only=True)
class Outcome:
    """Where the result of one `elt run` goes, and what is known of it by then."""

    log_format: LogFormat
    as_json: bool
    junit: Path | None
    request: RunRequest
    project: Project | None = None
    secrets: Secrets | None = None

    def check(self) -> None:
        """Refuse a JUnit file that could not be written, while nothing has run."""
        path = self.junit
        if path is None:
            return
        folder = next(above for above in path.absolute().parents if above.exists())
        may_write = folder.is_dir() and os.access(folder, os.W_OK)
        if path.is_dir() or not may_write:
            self.junit = None  # the error goes everywhere else
            raise ConfigError(
                "the JUnit file cannot be written there",
                where=str(path),
                hint="Name a file in a folder that you may write to: `--junit FILE`",
            )

    @contextmanager
    def of_errors(
        self, folder: Path | None, run: Callable[[], str] = str
    ) -> Iterator[None]:
        """Leave a result also where the block raises; `run` gives the run's id."""
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            ending = self._ending(exit_code_of(error), error=error)
            name = getattr(error, "run", "") or run()
            self._leave(self._document(ending, name), _root(folder or Path.cwd()))
            raise

    def leave(self, ended: RunResult) -> None:
        """Leave the result of a run that came to its end."""
        assert self.project is not None  # noqa: S101  it has run
        ending = self._ending(ended.exit_code, result=ended)
        self._leave(self._document(ending, ended.run), self.project.root)

    def _ending(
        self,
        code: int,
        *,
        result: RunResult | None = None,
        error: BaseException | None = None,
    ) -> Ending:
        from elt.report.document import Ending

        scrub = self.secrets.scrub if self.secrets else str
        return Ending(exit_code=code, result=result, error=error, scrub=scrub)

    def _document(self, ending: Ending, run: str) -> Result:
        from elt.report import document
        from elt.runner.store.database import open_store

        if self.project is not None and run:
            try:
                with open_store(self.project.private_dir) as store:
                    told = document.recorded(store, self.project, run, ending)
            except EltError as error:
                note(f"warning: the run log does not tell the result: {error.what}")
            else:
                self._keep(told, self.project.private_dir)
                return told
        return document.unrecorded(
            ending, project=self.project, request=asdict(self.request)
        )

    def _keep(self, result: Result, private_dir: Path) -> None:
        from elt.report.document import save

        try:
            save(result, private_dir)
        except OSError as error:
            note(f"warning: the result is not kept: {_words(error)}")

    def _leave(self, result: Result, root: Path) -> None:
        """Write the result everywhere; what cannot be written is a warning."""
        self._write_junit(result)
        if ci_of(self.log_format) == "github":
            _tell_github(result, root)
        if self.as_json:
            from elt.report.result import as_json

            sys.stdout.write(as_json(result))
            sys.stdout.flush()

    def _write_junit(self, result: Result) -> None:
        if self.junit is None:
            return
        from elt.report.junit import write_junit

        try:
            write_junit(result, self.junit)
        except EltError as error:
            note(f"warning: {error.what}\n  {error.where}")


def _tell_github(
    result: Result, root: Path, environ: Mapping[str, str] = os.environ
) -> None:
    from elt.report.github import add_summary, annotation_commands

    # On stderr, which GitHub's runner reads for commands as it does stdout.
    for command in annotation_commands(result, root, environ):
        note(command)
    try:
        add_summary(result, environ)
    except OSError as error:
        note(f"warning: the summary cannot be written: {_words(error)}")


def _root(folder: Path) -> Path:
    """Find the folder from which errors name files."""
    from elt.project.load import find_root

    try:
        return find_root(folder)
    except EltError:
        return folder


def _words(error: OSError) -> str:
    return error.strerror or str(error)


def exit_code_of(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED_EXIT_CODE
    full = of_the_disk(error)
    known = error if full is None else full
    return known.exit_code if isinstance(known, EltError) else 1
