"""dbt as a part of the run: a project's manifest, and builds of chosen nodes.

dbt itself is reached through `invocation.py` alone, and imported only when it works.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from elt.errors import EltError, Unavailable
from elt.project.settings import Project
from elt.transform import fingerprint, invocation
from elt.transform.freshness import noted_in
from elt.transform.invocation import (
    Ended,
    Event,
    Line,
    Reason,
    Started,
    Stop,
    Work,
    Written,
    invoke,
    run_cli,
)
from elt.transform.manifest import Manifest, Node, read_manifest
from elt.transform.results import Answer, NodeResult, Results, error_of
from elt.transform.setup import Resolve, Setup, as_written
from elt.transform.window import Window, event_times, window_vars
from elt.warehouse.dialect import quote, relation
from elt.warehouse.duckdb import Warehouse

OnLine = Callable[[str], None]

COUNTED = {"table", "incremental", "snapshot", "seed"}


def _ignore(_: Any) -> None:
    """Drop it: the default where nobody listens."""


class Dbt:
    """The project's dbt, one for a run. Making it costs nothing; using it does."""

    def __init__(
        self, project: Project, warehouse: Warehouse, *, resolve: Resolve = as_written
    ) -> None:
        self.setup = Setup(project, resolve)
        self._warehouse = warehouse
        self._stop = Stop()
        self._parsing = threading.RLock()
        self._counting: Any = None  # a cursor while dbt works
        self._parsed: Any = None  # dbt's own manifest, good for one build
        self._unsaid: list[str] = []  # by the parse of warm(), which nobody heard

    def is_fresh(self) -> bool:
        """Say whether the stored manifest is true to the project; needs no dbt."""
        return self.setup.is_fresh()

    def manifest(self, *, on_line: OnLine = _ignore) -> Manifest:
        """Give the manifest, parsing only if the project changed since."""
        if not self.is_fresh():
            return self.parse(on_line=on_line)
        return read_manifest(self.setup.manifest_path)

    def parse(self, *, on_line: OnLine = _ignore) -> Manifest:
        """Let dbt parse its project, which writes `target/manifest.json`.

        Raises ConfigError with dbt's message when the project is not right.
        """
        with self._parsing:
            self._parsed = _parse(self.setup, on_line)
        return read_manifest(self.setup.manifest_path)

    def load(self) -> None:
        """Begin to import dbt, in the background."""
        threading.Thread(target=_load, name="dbt-load", daemon=True).start()

    def warm(self) -> None:
        """Parse in the background, while the taps run."""
        threading.Thread(target=self._warm, name="dbt-warm", daemon=True).start()

    def build(  # noqa: PLR0913  what is built, how, and who listens
        self,
        nodes: Sequence[Node],
        *,
        full_refresh: bool = False,
        holds_back: bool = False,
        window: Window | None = None,
        on_result: Callable[[NodeResult], None] = _ignore,
        on_line: OnLine = _ignore,
        on_start: Callable[[str], None] = _ignore,
    ) -> list[NodeResult]:
        """Build exactly these nodes in dbt's order; answer once for each.

        The callbacks are called in this thread, as nodes start and end. Raises
        ConfigError when the project does not parse, Unavailable when the warehouse
        is busy elsewhere, EltError when dbt itself or one of its hooks fails. With
        `holds_back`, nodes that failed for a temporary reason get no answer, and
        Unavailable is raised for them at the end. A `window` is what models may ask
        for: in vars, and as the event time of microbatches.
        """
        results = Results(nodes, on_result, holds_back=holds_back)
        listeners = _Listeners(results, on_line, on_start)
        with Stop() as self._stop:
            for command, chosen in _commands(nodes, full_refresh=full_refresh):
                parsed = self._take_parsed(on_line, needed=window is not None)
                work = Work(self._arguments(command, window), chosen, parsed)
                if not self._stop.asked.is_set():
                    self._run(work, listeners)
        answers = results.finish(cancelled=self._stop.asked.is_set())
        if results.held:
            raise _for_later(results)
        return answers

    def cancel(self) -> None:
        """End the build that is under way, from any thread.

        Running queries are interrupted, no further one starts; what was built
        stays, the rest is `interrupted`.
        """
        self._stop.ask()

    def command(self, arguments: Sequence[str]) -> int:
        """Run a dbt command line on this project, printing as plain dbt does."""
        profile = self.setup.write_profile()
        if not self._warehouse.exists():
            with self._warehouse.session():
                pass  # so that the file is made as elt makes it
        setup = self.setup
        noted = noted_in(setup.project.environment)
        environ = {"DBT_PROFILE": profile, **noted}
        return run_cli(setup.project_dir, setup.private_dir, arguments, environ=environ)

    def _warm(self) -> None:
        # Whatever is wrong here is wrong again, and told, when the build parses.
        with suppress(Exception), self._parsing:
            if self._parsed is None:
                self._parsed = _parse(self.setup, self._unsaid.append)

    def _arguments(self, command: Sequence[str], window: Window | None) -> list[str]:
        if window is None:
            return self.setup.arguments(command)
        times = event_times(window) if command[0] == "build" else []
        return self.setup.arguments([*command, *times], window_vars(window))

    def _take_parsed(self, on_line: OnLine, *, needed: bool = False) -> Any:
        """Give dbt's manifest and forget it; None where the build parses as fast.

        A second build with the same object loses the CTEs of ephemeral models; dbt
        reads its own partial parse in 0.05 s instead. But not under other vars: then
        it would parse all anew, and the next build with the usual ones once more.
        """
        with self._parsing:
            for line in self._unsaid:
                on_line(line)
            self._unsaid.clear()
            if not self.is_fresh() or (needed and self._parsed is None):
                self._parsed = _parse(self.setup, on_line)
            parsed, self._parsed = self._parsed, None
        return parsed

    def _run(self, work: Work, listeners: _Listeners) -> None:
        def hear(event: Event) -> None:
            match event:
                case Started(unique_id):
                    listeners.on_start(unique_id)
                case Line(text):
                    listeners.on_line(text)
                case Reason(unique_id, text) if not self._stop.asked.is_set():
                    # One for each batch, and most of them alike.
                    if listeners.results.reason(unique_id, text):
                        listeners.on_line(text)
                case Answer():
                    self._answer(event, listeners.results)
                case _:
                    pass

        # The session keeps the file open, with our settings, until dbt has ended.
        with self._warehouse.session() as self._counting:
            ended = invoke(work, hear, self._stop)
            self._check(ended, listeners.results)

    def _answer(self, answer: Answer, results: Results) -> None:
        node = results.wanted.get(answer.unique_id)
        if node is None or node.is_microbatch:  # its batches answer one by one
            return
        self._take(node, answer, results)

    def _take(self, node: Node, answer: Answer, results: Results) -> None:
        if answer.status == "success":
            answer = replace(answer, rows=self._count_rows(node))
        results.take(node, answer, cancelled=self._stop.asked.is_set())

    def _check(self, ended: Ended, results: Results) -> None:
        late = {answer.unique_id: answer for answer in ended.answers}
        for node in results.missing():
            if node.unique_id in late:
                self._take(node, late[node.unique_id], results)
        if self._stop.asked.is_set():
            return
        if ended.error is not None:
            raise error_of(
                str(ended.error), self.setup.project_dir, parsing=False
            ) from ended.error
        if ended.failed_hook is not None:
            raise EltError(
                f"a hook of dbt failed: {ended.failed_hook}",
                hint="`elt dbt build` shows it with dbt's own log",
            )

    def _count_rows(self, node: Node) -> int | None:
        """Count a built table, which DuckDB knows without reading it."""
        if node.relation is None or node.materialized not in COUNTED:
            return None
        import duckdb

        table = f"{quote(node.database)}.{relation(*node.relation)}"
        with suppress(duckdb.Error):
            row = self._counting.execute(f"SELECT count(*) FROM {table}").fetchone()
            return None if row is None else int(row[0])
        return None


def _for_later(results: Results) -> Unavailable:
    first = next(each for each in results.held.values() if each.status == "failed")
    node = results.wanted[first.unique_id]
    return Unavailable(f"{node.kind} {node.name} failed: {first.message}")


def _load() -> None:
    with suppress(Exception):  # told when dbt is used
        invocation.load()


@dataclass(frozen=True, slots=True)
class _Listeners:
    results: Results
    on_line: OnLine
    on_start: Callable[[str], None]


def _commands(
    nodes: Sequence[Node], *, full_refresh: bool
) -> list[tuple[list[str], set[str]]]:
    """Give dbt's command and the nodes it is for: one `build`, where possible.

    `build` runs a unit test only together with its model, so one whose model is not
    wanted needs `test`.
    """
    ids = {node.unique_id for node in nodes}
    alone = {
        node.unique_id
        for node in nodes
        if node.is_unit_test and not ids.issuperset(node.depends_on)
    }
    build = ["build", *(["--full-refresh"] if full_refresh else [])]
    commands = [(build, ids - alone), (["test"], alone)]
    chosen = ["--select", "fqn:chosen", "--indirect-selection", "empty"]
    return [([*command, *chosen], some) for command, some in commands if some]


def _parse(setup: Setup, on_line: OnLine) -> Any:
    """Parse, and keep manifest and fingerprint; installs missing packages once."""
    seen = fingerprint.take(setup.project_dir, setup.identity())
    ended, manifest_path = _parse_once(setup, on_line)
    if ended.packages_are_missing:
        _install_packages(setup, on_line)
        seen = fingerprint.take(setup.project_dir, setup.identity())
        ended, manifest_path = _parse_once(setup, on_line)
    if not ended.success:
        raise error_of(
            str(ended.error), setup.project_dir, parsing=True
        ) from ended.error
    # Aside first: `elt status` may read it at any time.
    aside = setup.manifest_path.with_suffix(f".{os.getpid()}")
    shutil.copyfile(manifest_path, aside)
    aside.replace(setup.manifest_path)
    fingerprint.store(seen, setup.fingerprint_path)
    return ended.result


def _parse_once(setup: Setup, on_line: OnLine) -> tuple[Ended, str]:
    paths = [""]

    def hear(event: Event) -> None:
        match event:
            case Line(text):
                on_line(text)
            case Written("WritableManifest", path):
                paths.append(path)
            case _:
                pass

    arguments = setup.arguments(["parse", "--write-json"])
    with Stop() as stop:
        return invoke(Work(arguments), hear, stop), paths[-1]


def _install_packages(setup: Setup, on_line: OnLine) -> None:
    on_line("dbt packages are missing: running `dbt deps`")
    with Stop() as stop:
        ended = invoke(Work(setup.arguments(["deps"])), _ignore, stop)
    if not ended.success:
        raise EltError(
            f"dbt's packages cannot be installed: {ended.error}",
            where=str(setup.project_dir),
            hint="Run `elt dbt deps` where the network is",
        ) from ended.error
