"""One tap's step: the process while it runs, and the load that it feeds."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from elt.errors import EltError, Interrupted
from elt.events import Listener, LogLine
from elt.faults import reach
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.project.tap_settings import TapTable
from elt.runner.attempt import AssetResult, Stop
from elt.runner.discovery import config_of, program_of, stream_settings
from elt.runner.graph import Asset
from elt.runner.stream_plans import stream_plan, unknown_names
from elt.runner.stream_results import is_of_no_stream, results
from elt.runner.tap_facts import TapFacts, mode_of
from elt.runner.tap_lines import tap_line
from elt.runner.tap_windows import told_to_tap
from elt.singer.catalog import Stream, stream_names
from elt.singer.messages import read_chunks
from elt.singer.process import TapProcess, start_tap
from elt.singer.state import can_be_taken_apart, marks
from elt.targets.bookmarks import marks_of
from elt.targets.load import Loading
from elt.targets.metadata import Stamping
from elt.targets.tap_load import TapLoad
from elt.targets.writing.limits import Limits
from elt.targets.writing.plans import StreamPlan
from elt.warehouse.bookmarks import mark_resets
from elt.warehouse.duckdb import Warehouse

_END_SECONDS = 60.0  # for a tap that has closed its stdout
_SYNCING = "currently_syncing"  # where a tap goes on, which skips what comes before it


def run_tap(  # noqa: PLR0913  one step and its edges
    project: Project,
    facts: TapFacts,
    catalog: Mapping[str, Any],
    assets: Sequence[Asset],
    *,
    run: str,
    warehouse: Warehouse,
    secrets: Secrets,
    listen: Listener,
    stop: Stop,
) -> Iterator[AssetResult]:
    """Run a tap and load what it sends; answer for each stream.

    Raises the tap's error when it ends badly; what a STATE of it covers is kept. Where
    the tap told which streams failed, the others have their results all the same, and
    what is raised at the end is worth another try with those that are left.
    """
    spool = project.private_dir / "spool" / run / facts.tap
    plans = [
        _stream_plan(project, facts, asset, secrets)
        for asset in assets
        if asset.detail["stream"] in facts.streams
    ]
    config = _config(project, facts, secrets)
    load = _tap_load(project, facts, catalog, plans, run=run, spool=spool)
    load = replace(load, storage=_storage(config))
    loading = Loading(load, warehouse, listen=listen)
    _note_resets(project, facts, load, warehouse)

    def on_line(text: str) -> None:
        listen(tap_line(load.step, facts.tap, text))

    def on_warning(text: str) -> None:
        listen(LogLine(step=load.step, source="elt", level="warning", text=text))

    _warn_of_names(project, facts, plans, on_warning)
    for text in facts.warnings:
        on_warning(text)
    reach("tap-starting")
    try:
        with _abandoned_on_error(loading):
            with start_tap(
                program_of(project, facts.tap, secrets),
                config,
                catalog=only(catalog, {asset.detail["stream"] for asset in assets}),
                state=start_of(facts, load.unread),
                on_line=on_line,
            ) as tap:
                reach("tap-started")
                error = _read(tap, loading, project.file.taps[facts.tap], stop)
            loading.finish(well=error is None)
        if error is not None and is_of_no_stream(assets, loading.endings.told):
            on_warning(f"all its streams came to their end; {error.what}")
        yield from results(
            assets,
            loading.streams.values(),
            endings=loading.endings.told,
            tap_error=error,
        )
    finally:
        shutil.rmtree(spool, ignore_errors=True)
        reach("spool-removed")


def only(catalog: Mapping[str, Any], streams: set[str]) -> dict[str, Any]:
    """Deselect all but these streams, where a run asks for some of them."""
    entries = []
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] in streams:
            entries.append(entry)
            continue
        metadata = [
            {**about, "metadata": {**about["metadata"], "selected": False}}
            if not about.get("breadcrumb")
            else about
            for about in entry.get("metadata") or []
        ]
        entries.append({**entry, "metadata": metadata})
    return {**catalog, "streams": entries}


@contextmanager
def _abandoned_on_error(loading: Loading) -> Iterator[None]:
    try:
        yield
    except BaseException:
        loading.abandon()
        raise


def _read(
    tap: TapProcess, loading: Loading, table: TapTable, stop: Stop
) -> EltError | None:
    """Load what the tap writes; give its error where it told of which streams it is."""
    stamping = Stamping() if table.add_record_metadata else None
    # Stopping takes seconds, and whoever asks must not wait for it.
    stop.then(lambda: threading.Thread(target=tap.stop, daemon=True).start())
    for lines in read_chunks(
        tap.stdout.fileno(), idle_timeout_seconds=table.idle_timeout_seconds
    ):
        loading.feed(stamping.stamped(lines) if stamping else lines)
        if stop.is_set():
            break
    if stop.is_set():
        raise Interrupted(stop.reason)
    code = tap.wait(_END_SECONDS)
    if code == 0:
        return None
    error = tap.error(f"ended with exit code {code}")
    if not loading.endings.tell_apart:
        raise error
    return error


def _warn_of_names(
    project: Project,
    facts: TapFacts,
    plans: Sequence[StreamPlan],
    on_warning: Callable[[str], None],
) -> None:
    for plan in plans:
        for name in unknown_names(project, facts.tap, facts.streams[plan.stream]):
            on_warning(
                f"stream `{plan.stream}` is to drop or hash `{name}`, which its catalog"
                " does not know; if it is misspelt, the column is loaded as it is"
            )


def _config(project: Project, facts: TapFacts, secrets: Secrets) -> dict[str, Any]:
    """Give the tap's settings, with the window in those that take one."""
    config = config_of(project, facts.tap, secrets)
    taken_by = project.file.taps[facts.tap].window
    if facts.window is None or taken_by is None:
        return config
    return config | told_to_tap(taken_by, facts.window)


def _storage(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the options with which a Singer SDK tap opens the place of its batches."""
    match config:
        case {"batch_config": {"storage": {"params": dict(params)}}}:
            return params
        case _:
            return {}


def start_of(facts: TapFacts, unread: Collection[str]) -> dict[str, Any] | None:
    """Give the state to start from, which must not send the tap to an unread stream."""
    state = facts.start
    if state and state.get(_SYNCING) in unread:
        state = {name: one for name, one in state.items() if name != _SYNCING}
    return state


def _tap_load(
    project: Project,
    facts: TapFacts,
    catalog: Mapping[str, Any],
    planned: Sequence[StreamPlan],
    *,
    run: str,
    spool: Path,
) -> TapLoad:
    table = project.file.taps[facts.tap]
    plans = {plan.stream: plan for plan in planned}
    names = {facts.streams[stream].name: plan for stream, plan in plans.items()}
    return TapLoad(
        step=f"tap:{facts.tap}",
        tap=facts.tap,
        environment=project.environment,
        run_id=run,
        schema=project.tap_schema(facts.tap),
        # Messages call a stream by its name, those of some taps by its id.
        streams={**names, **plans},
        spool=spool,
        left_out=frozenset(stream_names(catalog) - {*names, *plans}),
        unread=frozenset(facts.streams.keys() - plans.keys()),
        previous_state=facts.previous_state,
        moves_bookmark=facts.window is None,
        not_behind={
            name: back.replication_key
            for stream, back in facts.looks_back.items()
            for name in (stream, facts.streams[stream].name)
        },
        limits=Limits(rejects=table.reject_limit, percent=table.reject_percent),
        commit_bytes=int(project.file.warehouse.commit_megabytes * 1_000_000),
        commit_seconds=project.file.warehouse.commit_seconds,
    )


def _stream_plan(
    project: Project, facts: TapFacts, asset: Asset, secrets: Secrets
) -> StreamPlan:
    stream = facts.streams[asset.detail["stream"]]
    plan = stream_plan(
        project,
        facts.tap,
        stream,
        mode=facts.modes[stream.id],
        place=(asset.detail["schema"], asset.detail["table"]),
        secrets=secrets,
    )
    asked_for = stream_settings(project, facts.tap, stream).mode is not None
    return replace(
        plan,
        replace_from=marks_of(facts.start, stream.id, stream.replication_key),
        doubtful=_is_doubtful(facts, stream) and not asked_for,
        # A window is no full read: what it lacks is not gone.
        full_table=plan.full_table and facts.window is None,
        reads_again=facts.window is not None or stream.id in facts.looks_back,
    )


def _is_doubtful(facts: TapFacts, stream: Stream) -> bool:
    """Say whether rows may be there twice, because nobody says how they are read.

    A tap that was given no bookmark of a stream, and has no method for it, most likely
    reads the whole of it each time; but it may also send only what is new.
    """
    if (
        facts.modes[stream.id].name != "append"
        or stream.replication_method
        or stream.id not in facts.loaded
    ):
        return False
    every = {name for one in facts.streams.values() for name in (one.id, one.name)}
    start = json.dumps(facts.start) if facts.start else None
    found = marks(start, every) if can_be_taken_apart(start, every) else None
    return found is not None and found.keys().isdisjoint({stream.id, stream.name})


def _note_resets(
    project: Project, facts: TapFacts, load: TapLoad, warehouse: Warehouse
) -> None:
    """Write down which appended streams begin anew, before a STATE forgets their marks.

    If this run ends early, the next one would add all their rows to the old ones.
    """
    read = {plan.stream for plan in load.streams.values()}
    anew = [
        stream
        for stream in read & facts.full_reads.keys() & facts.loaded
        if mode_of(project, facts.tap, facts.streams[stream]).name == "append"
    ]
    if anew:
        with warehouse.writer() as cursor:
            mark_resets(cursor, project.environment, facts.tap, anew=anew, going_on=())
