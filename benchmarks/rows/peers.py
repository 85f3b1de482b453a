"""What else one could take, doing the same: a million events, then 50,000 upserts.

Whole processes are compared, with their starts. A tool whose table is wrong is shown,
and says so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from generated import Sums, check_events, event_sums, events_sql, write_lines
from measuring import FailedError, measure
from pairs import Bench, Side, Turns, median_seconds, take_turns
from projects import files_project
from results import Result, verdict

from rows.peer_tools import EVENTS, PEERS, UPSERTS, Peer, Peers, Place, the_peers
from rows.upserts import Delta, loaded

_LIMITS = {EVENTS: 0.5, UPSERTS: 1.0}


def peers(bench: Bench) -> Iterator[Result]:
    found = the_peers(bench)
    names = [n for n in PEERS if not bench.only_peers or n in bench.only_peers]
    ready = [n for n in names if not found.missing(*PEERS[n].environments)]
    for name in names:
        if name not in ready:
            why = found.missing(*PEERS[name].environments)
            yield Result(work=PEERS[name].about, verdict="skipped", note=why)
    if not ready:
        return
    works = _works(bench)
    for name in ready:
        yield from _compared(PEERS[name], found, works, bench)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    about: str
    lines: Path
    ours: Side
    wanted: Sums
    limit: float


def _works(bench: Bench) -> dict[str, _Work]:
    lines = write_lines(bench.folder / "events.jsonl", events_sql(bench.rows))
    delta: Delta = loaded(bench.folder / "ours", bench.rows)
    project = files_project(bench.folder / "project", lines)
    wanted = event_sums(events_sql(bench.rows))
    ours = Side(
        program=project.run(),
        prepare=project.empty,
        check=lambda: check_events(project.warehouse, "raw_bench.events", wanted),
    )
    return {
        EVENTS: _Work(
            about=f"{bench.rows:,} events",
            lines=lines,
            ours=ours,
            wanted=wanted,
            limit=_LIMITS[EVENTS],
        ),
        UPSERTS: _Work(
            about=f"{bench.rows // 20:,} upserts into them",
            lines=delta.lines,
            ours=delta.side(),
            wanted=delta.wanted,
            limit=_LIMITS[UPSERTS],
        ),
    }


@dataclass(slots=True)
class _Wrong:
    """What a check of a peer's table found; empty when it is right."""

    said: str = field(default="")


def _compared(
    peer: Peer, found: Peers, works: Mapping[str, _Work], bench: Bench
) -> Iterator[Result]:
    place = Place(found, bench.folder / "peer")
    saved = bench.folder / "peer-saved"
    _clear(place.folder, None)
    for name, work in works.items():
        wrong = _Wrong()
        before = None if name == EVENTS else saved
        try:
            side = _side(peer, place, work, name, before=before, wrong=wrong)
            turns = take_turns(side, work.ours, bench)
        except FailedError as error:
            yield _failed(peer, found, work, str(error))
            break
        yield _result(peer, work, turns, wrong.said)
        if name == EVENTS:
            shutil.rmtree(saved, ignore_errors=True)
            shutil.copytree(place.folder, saved)


def _side(
    peer: Peer,
    place: Place,
    work: _Work,
    name: str,
    *,
    before: Path | None,
    wrong: _Wrong,
) -> Side:
    def prepare() -> None:
        _clear(place.folder, before)
        peer.command(place, name, work.lines)  # writes its settings
        _set_up(peer, place)

    def check() -> None:
        try:
            check_events(place.database, peer.table, work.wanted)
        except FailedError as error:
            wrong.said = str(error)

    prepare()
    return Side(
        program=peer.command(place, name, work.lines), prepare=prepare, check=check
    )


def _clear(folder: Path, before: Path | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if before is None:
        folder.mkdir()
    else:
        shutil.copytree(before, folder)


def _set_up(peer: Peer, place: Place) -> None:
    """Let Meltano make its own database: a project in use has it."""
    if "meltano" in peer.environments and not (place.folder / ".meltano").exists():
        measure(place.program(place.peers.program("meltano"), "state", "list"))


def _result(peer: Peer, work: _Work, turns: Turns, wrong: str) -> Result:
    peak = max(one.rss_mb for one in turns.limit)
    ours = max(one.rss_mb for one in turns.ours)
    return Result(
        work=work.about,
        against=f"{peer.about}: {median_seconds(turns.limit):.1f} s, {peak:,.0f} MB",
        ours=f"{median_seconds(turns.ours):.1f} s, {ours:,.0f} MB",
        ratio=f"{turns.ratio:.2f} ({turns.spread})",
        must=f"< {work.limit}",
        verdict="shown" if wrong else verdict(turns.ratio, work.limit),
        note=f"its table is {wrong}" if wrong else "",
    )


def _failed(peer: Peer, found: Peers, work: _Work, said: str) -> Result:
    """Tell a tool that does not run here from a failure of our own."""
    theirs = said.startswith(str(found.folder))
    return Result(
        work=work.about if theirs else f"{work.about}: elt",
        against=peer.about,
        verdict="skipped" if theirs else "FAILED",
        note=f"it failed: {_last_line(said)}",
    )


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else ""
