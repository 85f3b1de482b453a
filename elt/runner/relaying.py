"""A tap's step where a foreign Singer target loads it: both run, and we are the pipe.

What the tap writes is passed on as it is. The bookmark moves only by the STATEs that
the target writes, which say what it has made durable; the tap's own are what it has
merely read. So delivery is at-least-once: what the target had loaded and not yet
confirmed when a run broke off comes to it again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from elt.errors import EltError, Interrupted
from elt.events import Listener
from elt.plugins import target_program
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.attempt import AssetResult, Stop
from elt.runner.discovery import config_of, program_of
from elt.runner.graph import Asset
from elt.runner.loading import only, start_of
from elt.runner.passed_on import PassedOn
from elt.runner.store.database import Store
from elt.runner.store.state import latest, place_at_target
from elt.runner.tap_facts import TapFacts
from elt.runner.tap_lines import tap_line
from elt.singer.catalog import selected_streams
from elt.singer.endings import tell_apart
from elt.singer.messages import read_chunks
from elt.singer.process import OnLine, TapProcess, TapProgram, start_tap
from elt.singer.target_process import (
    Listening,
    TargetEnded,
    TargetProcess,
    start_target,
)
from elt.targets.bookmarks import start_from

_END_SECONDS = 60.0  # for a tap that has closed its stdout
_STOP_SECONDS = 10.0  # for a target, when somebody waits for the run to stop


def relay_facts(
    project: Project,
    tap: str,
    catalog: Mapping[str, Any],
    store: Store,
    *,
    full_refresh: bool,
) -> TapFacts:
    """Decide how a tap is read; how it is written is the target's own affair."""
    streams = {stream.id: stream for stream in selected_streams(catalog)}
    place = place_at_target(project.environment, target_of(project, tap))
    known = latest(store, place, tap)
    state = known.state if known else None
    why = "asked for with --full-refresh"
    full_reads = dict.fromkeys(streams, why) if full_refresh else {}
    return TapFacts(
        tap=tap,
        streams=streams,
        modes={},
        start=start_from(state, streams, full_reads),
        full_reads=full_reads,
        previous_state=state,
    )


def target_of(project: Project, tap: str) -> str:
    target = project.file.taps[tap].target
    assert target is not None  # noqa: S101  asked only of taps that have one
    return target


def run_relayed(  # noqa: PLR0913  one step and its edges
    project: Project,
    facts: TapFacts,
    catalog: Mapping[str, Any],
    assets: Sequence[Asset],
    *,
    secrets: Secrets,
    listen: Listener,
    stop: Stop,
) -> Iterator[AssetResult]:
    """Run a tap and its target; answer for each stream.

    Raises the error of the one that failed first; the STATEs that the target wrote
    until its end count all the same. A tap that ended badly has its error where it
    told nothing of a stream; what it told of the others holds.
    """
    name = target_of(project, facts.tap)
    wanted = {asset.detail["stream"] for asset in assets}
    passed_on = PassedOn(facts, catalog, wanted, target=name, listen=listen)
    idle_timeout_seconds = project.file.taps[facts.tap].idle_timeout_seconds

    def say(source: str, text: str) -> None:
        step = f"tap:{facts.tap}"
        listen(tap_line(step, source, text))

    with (
        start_target(
            target_program_of(project, name, secrets, lambda t: say("elt", t)),
            target_config_of(project, name, secrets),
            on_line=lambda text: say(name, text),
        ) as target,
        start_tap(
            program_of(project, facts.tap, secrets),
            config_of(project, facts.tap, secrets, rows=True),
            catalog=only(catalog, wanted),
            state=start_of(facts, passed_on.unread),
            on_line=lambda text: say(facts.tap, text),
        ) as tap,
    ):
        # Stopping takes seconds, and whoever asks must not wait for it.
        stop.then(lambda: threading.Thread(target=tap.stop, daemon=True).start())
        error = _Relay(tap, target, passed_on, idle_timeout_seconds, stop).run()
    yield from passed_on.results(assets, error)


@dataclass(frozen=True, slots=True)
class _Relay:
    """The two processes, and how long they may keep each other waiting."""

    tap: TapProcess
    target: TargetProcess
    passed_on: PassedOn
    idle_timeout_seconds: float
    stop: Stop

    def run(self) -> EltError | None:
        """Pass on all that the tap writes, and let the target end in its own time.

        Gives the tap's error where it told how streams ended, else raises it.
        """
        with (
            self.passed_on,
            self.target.listening(self.passed_on.hear, self.tap.stop) as heard,
        ):
            try:
                self._pass_on()
                error = self._tap_error(heard)
                self.target.end_input()
                code = self.target.wait(self._drain_seconds)
            except TargetEnded:
                raise self._ended_early() from None
            except EltError:
                self._drain()
                raise
        if heard.error is not None:
            raise heard.error
        if code != 0:
            raise self.target.error(f"ended with exit code {code}")
        if self.target.unread_bytes():
            raise self._ended_early()
        return error

    def _pass_on(self) -> None:
        for lines in read_chunks(
            self.tap.stdout.fileno(), idle_timeout_seconds=self.idle_timeout_seconds
        ):
            for messages in self.passed_on.sift(lines):
                self.target.write(
                    messages,
                    idle_timeout_seconds=self.idle_timeout_seconds,
                    asked_to_stop=self.stop.is_set,
                )
            if self.stop.is_set():
                return

    def _tap_error(self, heard: Listening) -> EltError | None:
        """Raise the reason why the tap's output has ended, unless it ended well.

        Where it has told how streams ended, its own error is given: it is of the rest.
        """
        if self.stop.is_set():
            raise Interrupted(self.stop.reason)
        if heard.error is not None:
            raise heard.error
        if self.target.has_ended():
            raise TargetEnded
        code = self.tap.wait(_END_SECONDS)
        error = self.tap.error(f"ended with exit code {code}") if code else None
        if error is not None and not tell_apart(self.passed_on.endings.values()):
            raise error
        return error

    def _drain(self) -> None:
        """Let the target load what it has been given: it may still become a STATE."""
        self.tap.stop()
        if not self.target.is_stuck:
            with suppress(EltError, TargetEnded):
                self.target.end_input()
                self.target.wait(self._drain_seconds)

    def _drain_seconds(self) -> float:
        return _STOP_SECONDS if self.stop.is_set() else self.idle_timeout_seconds

    def _ended_early(self) -> EltError:
        code = self.target.wait(self._drain_seconds)
        return self.target.error(
            f"ended with exit code {code} before it had read everything"
        )


def target_program_of(
    project: Project, target: str, secrets: Secrets, on_line: OnLine = lambda _: None
) -> TapProgram:
    """Give the target's program, with the variables of `.env` in its environment.

    `on_line` hears of the installation of its package.
    """
    return target_program(project, target, environ=secrets.environ, on_line=on_line)


def target_config_of(
    project: Project, target: str, secrets: Secrets
) -> Mapping[str, Any]:
    """Give a target's settings with its secrets in them."""
    table = project.file.targets[target]
    return secrets.resolve(table.config, f"[targets.{target}.config]")
