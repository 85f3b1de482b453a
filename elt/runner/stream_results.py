"""What a tap's step answers for each stream: its rows, and what to look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from elt.errors import EltError, Guarded, name_of
from elt.runner.attempt import AssetResult
from elt.runner.graph import Asset
from elt.targets.bookmarks import can_tell_apart
from elt.targets.stream_load import StreamLoad
from elt.targets.writing.plans import StreamPlan


def results(
    assets: Sequence[Asset], loads: Iterable[StreamLoad]
) -> Iterator[AssetResult]:
    """Answer for each stream; raise the error of one that is no asset."""
    by_id = {load.plan.stream: load for load in loads}
    answers = [
        _result(asset, by_id.pop(asset.detail["stream"], None)) for asset in assets
    ]
    for load in by_id.values():
        if load.error is not None:
            raise load.error
    yield from answers


def _result(asset: Asset, stream: StreamLoad | None) -> AssetResult:
    if stream is None:
        return AssetResult(
            asset=asset.id, status="done", rows=0, message="the tap sent nothing of it"
        )
    if stream.error is not None:
        stopped = stream.error.exit_code == Guarded.exit_code
        return AssetResult(
            asset=asset.id,
            status="stopped" if stopped else "failed",
            rows=stream.rows,
            message=_text(stream.error),
            hint=stream.error.hint or "",
            error=name_of(stream.error),
        )
    return AssetResult(
        asset=asset.id,
        status="warned" if stream.rejects or _notes(stream) else "done",
        rows=stream.rows,
        rejects=stream.rejects,
        message="; ".join(filter(None, (_notes(stream), _left_out(stream)))),
    )


def _left_out(stream: StreamLoad) -> str:
    """Say what happened to rows as it was asked for."""
    told = []
    if stream.filtered:
        told.append(f"{_rows(stream.filtered)} left out by the `filter`")
    if stream.gone:
        told.append(f"{_rows(stream.gone)} gone from the source: {_how(stream.plan)}")
    return "; ".join(told)


def _how(plan: StreamPlan) -> str:
    if plan.mode.name == "history":
        return "ended"
    deleted = plan.on_missing == "delete" or plan.mode.name == "overwrite"
    return "deleted" if deleted else "marked"


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number:,} rows"


def _text(error: EltError) -> str:
    return f"{error.what} ({error.where})" if error.where else error.what


def _notes(stream: StreamLoad) -> str:
    """Say what a person should look at, though all rows are in.

    Rejects alone need no words: their number says it.
    """
    notes = [f"`{c.column}`: {c.sentence}" for c in stream.to_look_at]
    if stream.set_aside and stream.rows:
        notes.append("the tap set them aside: each row says why")
    if stream.plan.doubtful and stream.rows:
        notes.append(
            "added to the rows of earlier runs, and perhaps the same ones again: it has"
            " no key, and the tap does not say how it reads. If it reads all of it each"
            ' time, set `replication_method = "FULL_TABLE"`, else `mode = "append"`'
        )
    if _may_come_again(stream):
        notes.append(
            "rows at the bookmark may be there twice: it is kept for partitions that no"
            " column tells apart. If the rows have a key, set `key`, else"
            ' `mode = "append"`'
        )
    if notes and stream.rejects:
        one = "1 reject" if stream.rejects == 1 else f"{stream.rejects:,} rejects"
        notes.insert(0, one)
    return "; ".join(notes)


def _may_come_again(stream: StreamLoad) -> bool:
    """Say whether rows were added of which those read again cannot be found."""
    plan = stream.plan
    if plan.mode.name != "append" or plan.mode.asked_for or not stream.rows:
        return False
    properties = {column.property for column in stream.columns}
    return not can_tell_apart(plan.replace_from, properties)
