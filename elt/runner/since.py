"""The window from the end of a selection's last good one until now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from elt.errors import ConfigError
from elt.project.durations import seconds_of
from elt.project.settings import Project
from elt.runner.backfill import check_selection, command, covers, settled
from elt.runner.plan import RunRequest
from elt.runner.spans import moment_of, shown, shown_window
from elt.runner.store.database import Store
from elt.runner.store.moments import Now, now_utc
from elt.runner.store.windows import WindowRow, unfinished, windows
from elt.runner.windows import Window

_MOST_GAPS_TOLD = 3


def since_last_success(
    store: Store, project: Project, request: RunRequest, *, now: Now = now_utc
) -> tuple[RunRequest | None, tuple[str, ...]]:
    """Give the request with its window, and what a person should know of it.

    None where no time has passed. Raises ConfigError where there is no good window to
    begin at, where it is longer ago than `max_catch_up`, and where the clock went back.
    """
    _check(project, request)
    ends = now().replace(microsecond=0)
    begins = _last_end(store, project, request, ends)
    if begins > ends:
        raise ConfigError(
            f"the last good window ends at {shown(begins)}, but the clock says"
            f" {shown(ends)}",
            hint="Is the time of this machine right? Nothing was done",
        )
    if begins == ends:
        return None, (f"nothing to do: the last good window ends now, {shown(ends)}",)
    window = Window(begins, ends)
    lost = tuple(_gaps(store, project, request, before=begins))
    return replace(request, window=window.texts), lost


def _check(project: Project, request: RunRequest) -> None:
    check_selection(project, request)
    if request.since:
        moment_of(request.since)  # a mistake is told before it counts
    for given, option, why in (
        (request.from_step, "--from", "a part of it would count as the whole"),
        (request.full_refresh, "--full-refresh", "that is all there ever was"),
    ):
        if given:
            raise ConfigError(
                f"`--since-last-success` does not go with `{option}`",
                hint=f"Leave one of them out: {why}",
            )


def _last_end(
    store: Store, project: Project, request: RunRequest, now: datetime
) -> datetime:
    """Give the end of the last good window; older ones than may count are not read."""
    longest = project.file.run.max_catch_up
    oldest = _before(now, seconds_of(longest))
    recent = _settled(store, project, request, since=oldest)
    if recent:
        return max(row.end for row in recent)
    every = _settled(store, project, request)
    if not every:
        return _first_moment(request, now)
    begins = max(row.end for row in every)
    if begins == oldest:
        return begins
    way = command(project.environment, request, Window(begins, now), "--skip-done")
    raise ConfigError(
        f"the last good window ended at {shown(begins)}, longer ago than"
        f" `max_catch_up`, which is {longest}",
        where=project.where("run"),
        hint=f"`{way}` catches up in days; or let `max_catch_up` in [run] be longer",
    )


def _settled(
    store: Store,
    project: Project,
    request: RunRequest,
    *,
    since: datetime | None = None,
) -> list[WindowRow]:
    rows = windows(
        store, project.environment, request.selection, request.exclude, since=since
    )
    return settled(store, rows)


def _first_moment(request: RunRequest, now: datetime) -> datetime:
    if not request.since:
        raise ConfigError(
            "no window of this selection has ended well yet, so there is nothing to"
            " begin at",
            hint="Say where the first begins: `--since DATE`. Later runs of the same"
            " selection pass over it, so it may stay where it is",
        )
    begins = moment_of(request.since)
    if begins >= now:
        raise ConfigError(
            f"`--since {request.since}` has not come yet: it is {shown(now)}",
            hint="Name a moment before now",
        )
    return begins


def _gaps(
    store: Store, project: Project, request: RunRequest, *, before: datetime
) -> Iterator[str]:
    """Tell of windows that failed, that no other covers, and that this run does not."""
    found = unfinished(store, project.environment, request.selection, request.exclude)
    open_ = [row for row in found if row.start < before]
    if not open_:
        return
    since = min(row.start for row in open_)
    done = _settled(store, project, request, since=since)
    gaps = [row for row in open_ if row not in done and not _covered(row, done)]
    for row in gaps[:_MOST_GAPS_TOLD]:
        window = Window(row.start, row.end)
        way = command(project.environment, request, window, "--skip-done")
        yield f"{shown_window(window)} {row.status} in run {row.run}: `{way}` fills it"
    if len(gaps) > _MOST_GAPS_TOLD:
        yield f"{len(gaps) - _MOST_GAPS_TOLD} more windows before it are not done"


def _covered(row: WindowRow, done: Iterable[WindowRow]) -> bool:
    return covers(done, Window(row.start, row.end)) is not None


def _before(now: datetime, seconds: float) -> datetime:
    """Count back; whoever writes 9999w wants no limit."""
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=now.tzinfo)
