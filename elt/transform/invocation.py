"""One dbt command in this process. The only module that imports dbt.

dbt keeps its flags, its events and the DuckDB file in globals: so one invocation runs
at a time, and afterwards the file is closed by hand, which dbt-duckdb leaves locked.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Self

from elt.transform.results import Answer
from elt.transform.stdout import printed_lines

# Warnings that come again as results of their nodes.
TOLD_AS_RESULTS = {"LogTestResult", "RunResultWarning", "RunResultWarningMessage"}
OF_A_BATCH = "Exception on worker thread. "  # before the reason of each

_one_invocation = threading.Lock()


@dataclass(frozen=True, slots=True)
class Work:
    """One command line, the nodes that it is for, and dbt's own manifest."""

    arguments: Sequence[str]
    chosen: Collection[str] = ()
    parsed: Any = None


@dataclass(frozen=True, slots=True)
class Started:
    unique_id: str


@dataclass(frozen=True, slots=True)
class Line:
    text: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a node fails, which dbt says before, and for batches not in, its answer."""

    unique_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Written:
    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of an invocation: how it went as a whole."""

    success: bool
    error: BaseException | None = None
    answers: tuple[Answer, ...] = ()  # of all nodes; batches are summed up only here
    failed_hook: str | None = None
    result: Any = None  # dbt's own manifest, after `parse`

    @property
    def packages_are_missing(self) -> bool:
        return type(self.error).__name__ == "UninstalledPackagesFoundError"


Event = Started | Line | Reason | Answer | Written | Ended


class Stop:
    """Asks dbt to end, from any thread, for as long as this is entered."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._over = threading.Event()
        self._over.set()

    def __enter__(self) -> Self:
        self._over.clear()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def ask(self) -> None:
        """Interrupt what runs; let no further node or query start."""
        self.asked.set()
        threading.Thread(target=self._interrupt_until_over, daemon=True).start()

    def _interrupt_until_over(self) -> None:
        # Once is not enough: a query may start just after it.
        while not self._over.is_set():
            _interrupt()
            self._over.wait(0.1)


def load() -> None:
    """Import dbt with its DuckDB adapter, which takes seconds."""
    from dbt.adapters.duckdb import Plugin  # noqa: F401
    from dbt.cli.main import dbtRunner  # noqa: F401


def invoke(work: Work, hear: Callable[[Event], None], stop: Stop) -> Ended:
    """Run one command, and leave nothing behind, no lock on the file and no folder.

    dbt works in a thread of its own; its events are heard in this one. Whatever
    `hear` raises stops dbt and is raised when dbt has ended.
    """
    events: SimpleQueue[Event] = SimpleQueue()
    thread = threading.Thread(
        target=_work, args=(work, events.put, stop), name="dbt", daemon=True
    )
    thread.start()
    try:
        while not isinstance(event := events.get(), Ended):
            hear(event)
    except BaseException:
        stop.ask()
        raise
    finally:
        thread.join()
    return event


def run_cli(
    project_dir: Path,
    profiles_dir: Path,
    arguments: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
) -> int:
    """Run a dbt command line as plain dbt would; give its exit code."""
    from dbt.cli.main import cli

    given = {
        "DBT_PROJECT_DIR": str(project_dir),
        "DBT_PROFILES_DIR": str(profiles_dir),
        "DBT_LOG_PATH": str(profiles_dir / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        **(environ or {}),
    }
    before = os.environ.copy()
    os.environ.update(given)
    # `elt dbt ls | head`: a log line that nobody reads is no error to report.
    logging.raiseExceptions = False
    try:
        # In a context of its own: dbt leaves marks there by which we know its threads.
        copy_context().run(cli.main, args=list(arguments), prog_name="elt dbt")
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else 1
    finally:
        os.environ.clear()
        os.environ.update(before)
        _close_warehouse()
        _close_logs()


def _work(work: Work, put: Callable[[Event], None], stop: Stop) -> None:
    try:
        put(_invoke(work, put, stop))
    except BaseException as error:  # noqa: BLE001  whoever waits for us must hear it
        put(Ended(success=False, error=error))


def _invoke(work: Work, put: Callable[[Event], None], stop: Stop) -> Ended:
    from dbt.cli.main import dbtRunner

    def print_line(text: str) -> None:
        put(Line(text))

    with (
        _one_invocation,
        _chosen_exactly(work.chosen),
        printed_lines(_is_dbts_thread, print_line),
    ):
        folder = Path.cwd()
        runner = dbtRunner(work.parsed, [_listener(put, stop)])
        try:
            return _ended(runner.invoke(list(work.arguments)))
        finally:
            os.chdir(folder)  # dbt works in its project's folder
            _close_warehouse()


def _ended(said: Any) -> Ended:
    results = getattr(said.result, "results", None) or ()
    hooks = (result for result in results if result.node.resource_type == "operation")
    failed = next((hook for hook in hooks if hook.status == "error"), None)
    return Ended(
        success=said.success,
        error=said.exception,
        answers=tuple(_answer(result.node.unique_id, result) for result in results),
        failed_hook=None if failed is None else failed.message,
        result=said.result,
    )


def _listener(put: Callable[[Event], None], stop: Stop) -> Callable[[Any], None]:
    from dbt_common.exceptions import DbtRuntimeError  # noqa: PLC0415

    def listen(event: Any) -> None:
        # Raised where dbt starts a node or a query, this ends that node like any
        # error in it; there is no other way to stop dbt from outside.
        if stop.asked.is_set() and event.info.name in {"NodeCompiling", "SQLQuery"}:
            raise DbtRuntimeError("interrupted")
        translated = _translated(event)
        if translated is not None:
            put(translated)

    return listen


def _translated(event: Any) -> Event | None:
    """Give what an event of dbt means to us, if anything."""
    name = event.info.name
    match name:
        case "NodeStart":
            return Started(event.data.node_info.unique_id)
        case "NodeFinished":
            return _answer(event.data.node_info.unique_id, event.data.run_result)
        case "ArtifactWritten":
            return Written(event.data.artifact_type, event.data.artifact_path)
        case "GenericExceptionOnRun":
            text = str(event.data.exc).strip().removeprefix(OF_A_BATCH)
            return Reason(event.data.unique_id, text)
        case "PrintEvent" | "JinjaLogInfo":
            return Line(event.info.msg)
        case _ if event.info.level == "warn" and name not in TOLD_AS_RESULTS:
            return Line(event.info.msg)
        case _:
            return None


def _answer(unique_id: str, result: Any) -> Answer:
    return Answer(
        unique_id,
        str(result.status),
        result.message or "",
        result.execution_time,
        int(getattr(result, "num_failures", 0) or getattr(result, "failures", 0) or 0),
    )


@contextmanager
def _chosen_exactly(unique_ids: Collection[str]) -> Iterator[None]:
    """Let `fqn:` mean these nodes, whatever follows it.

    dbt's own `fqn:` takes a folder for a model of the same name, splits at spaces
    and commas in tests' names, and walks all nodes for each one that is named.
    """
    from dbt.graph.selector_methods import MethodManager, MethodName, SelectorMethod

    class Chosen(SelectorMethod):
        def search(self, included_nodes: Any, _selector: str) -> Iterator[Any]:
            yield from (node for node in included_nodes if node in unique_ids)

    methods = MethodManager.SELECTOR_METHODS
    own = methods[MethodName.FQN]
    methods[MethodName.FQN] = Chosen
    try:
        yield
    finally:
        methods[MethodName.FQN] = own


def _is_dbts_thread() -> bool:
    from dbt_common.context import get_invocation_context  # noqa: PLC0415

    try:
        get_invocation_context()
    except LookupError:
        return False
    return True


def _interrupt() -> None:
    from dbt.adapters.factory import FACTORY

    adapters: list[Any] = list(FACTORY.adapters.values())
    for adapter in adapters:
        # A connection that closes meanwhile needs no interrupt.
        with suppress(Exception):
            adapter.cancel_open_connections()


def _close_logs() -> None:
    from dbt_common.events.event_manager_client import (  # noqa: PLC0415
        cleanup_event_logger,
    )

    cleanup_event_logger()
    for name in ("stdout_log", "file_log"):
        for handler in logging.getLogger(name).handlers:
            handler.close()


def _close_warehouse() -> None:
    """Close dbt-duckdb's file: it keeps it open, and so locked, as long as we live."""
    if "dbt.adapters.duckdb.connections" not in sys.modules:
        return
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import FACTORY

    factory: Any = FACTORY
    factory.cleanup_connections()
    keeper: Any = DuckDBConnectionManager
    if keeper._ENV is not None:  # noqa: SLF001  there is no other way to it
        keeper._ENV.close()  # noqa: SLF001
    keeper.close_all_connections()
